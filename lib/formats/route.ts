import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { SlipwayError } from './errors.ts'
import { Guardrails } from './guardrails.ts'
import { hostedTheSame, SageMakerHosting } from './hosting.ts'
import { Expected, requireInForce, VersionName } from './in-force.ts'
import { Lookup, looksUpTheSame, Snapshot, viewsOf } from './lookup.ts'

/** A model version as an endpoint serves it. */
export const ModelVersion = VersionName.extend({
  model: z.string(),
  /** Columns of its rows that gateways look up; missing where requests carry them all. */
  lookups: z.array(Lookup).min(1).optional(),
  /** How its target serves it, where that has parameters. */
  hosting: SageMakerHosting.optional(),
})
export type ModelVersion = z.infer<typeof ModelVersion>

/** A rollout's hold on a route. */
export const RouteRollout = z.object({
  id: z.string(),
  candidate: ModelVersion,
  /**
   * `shadow`: the candidate is asked too and nobody gets its answer; `split`: it answers a share; `bake`: it answers
   * all, the champion is asked too.
   */
  mode: z.enum(['shadow', 'split', 'bake']),
  /** Share of requests the candidate gets, 0 to 1. */
  share: z.number().min(0).max(1),
  /** Mixed into the hash that draws requests: every rollout draws anew. */
  salt: z.string(),
  /** Request header that holds the key requests are drawn by; null draws each by its id. */
  sticky: z.string().nullable(),
  /**
   * Whether whoever watches it says so at every look, `RolloutLease`, and gateways that find no newer word for long
   * give the candidate nothing; missing in rollouts that 0.16 and before began.
   */
  leased: z.boolean().optional(),
  /** Answers over this many milliseconds count as slow; null counts none. */
  slowMs: z.number().positive().nullable(),
  /** How the target itself moves traffic to the candidate; missing where the rollout does, step by step. */
  guardrails: Guardrails.optional(),
})
export type RouteRollout = z.infer<typeof RouteRollout>

/** Which versions of a model an endpoint serves: the value of the ref `routes/<endpoint>`, which gateways apply. */
export const Route = z.object({
  slipway: z.literal('route/1'),
  endpoint: z.string(),
  /** Counts the changes, from 1: the generation of the ref. */
  revision: z.int().positive(),
  champion: ModelVersion,
  /** The champion before this one: stays loaded, so that going back is instant. */
  previous: ModelVersion.nullable(),
  rollout: RouteRollout.nullable(),
  /** What the versions named here look up in, a snapshot a view, by name; missing where they look nothing up. */
  snapshots: z.array(Snapshot).min(1).optional(),
})
export type Route = z.infer<typeof Route>

/**
 * What can be asked of a route. Asking the same twice changes nothing the second time. `expect` is what the candidate
 * was judged against; changes asked for by 0.7 and before name none.
 */
export const RouteChange = z.discriminatedUnion('kind', [
  /**
   * The first version of an endpoint. What it expects is the champion of its model, which the owner asks the model's
   * for.
   */
  z.object({ kind: z.literal('open'), variant: ModelVersion, expect: Expected }),
  z.object({ kind: z.literal('begin'), rollout: RouteRollout, expect: Expected }),
  z.object({
    kind: z.literal('traffic'),
    rollout: z.string(),
    mode: RouteRollout.shape.mode,
    share: RouteRollout.shape.share,
  }),
  z.object({
    kind: z.literal('finish'),
    rollout: z.string(),
    candidate: ModelVersion,
    promote: z.boolean(),
    expect: Expected,
  }),
  /** Back to the champion if a rollout is going on, else to the champion before, or to the version named. */
  z.object({ kind: z.literal('rollback'), from: z.int().positive(), to: ModelVersion.nullable() }),
  /**
   * To the newest snapshots of its views. `variant` says besides how the champion of that digest looks up, and is
   * hosted, from now on.
   */
  z.object({ kind: z.literal('lookups'), variant: ModelVersion.nullable() }),
])
export type RouteChange = z.infer<typeof RouteChange>

/** Whether a version is served in the same way: it looks up the same, and is hosted in the same way. */
export const servedTheSame = (one: ModelVersion, other: ModelVersion): boolean =>
  looksUpTheSame(one, other) && hostedTheSame(one, other)

/** Every version that a route names: gateways keep them loaded. */
export const versionsOf = ({ champion, previous, rollout }: Route): (ModelVersion | null | undefined)[] => [
  champion,
  previous,
  rollout?.candidate,
]

/**
 * The route after a change; the same object when there is nothing to change.
 * @param published the views that it looks up in as they are published now, as far as it needs to know
 * @throws SlipwayError ROUTE_CONFLICT when the route is not in a state for it; CHAMPION_MOVED when it serves another
 *   version than the candidate was judged against; VIEW_UNPUBLISHED when there is no snapshot of a view that it looks
 *   up in
 */
export function changeRoute(
  route: Route | undefined,
  endpoint: string,
  change: RouteChange,
  published: readonly Snapshot[] = [],
): Route {
  const changed = changeVersions(route, endpoint, change)
  if (changed === route && change.kind !== 'lookups') return changed
  const snapshots = snapshotsFor(changed, published)
  if (canonicalJson(snapshots) === canonicalJson(changed.snapshots ?? [])) return changed
  const { snapshots: _, ...bare } = changed
  // What changed by its snapshots alone is a revision of its own.
  const revision = changed === route ? changed.revision + 1 : changed.revision
  return { ...bare, revision, ...(snapshots.length > 0 && { snapshots }) }
}

/** The newest snapshot of every view that a route looks up in. @throws SlipwayError VIEW_UNPUBLISHED */
function snapshotsFor(route: Route, published: readonly Snapshot[]): Snapshot[] {
  const known = [...(route.snapshots ?? []), ...published]
  return viewsOf(versionsOf(route)).map((view) => {
    const [first, ...others] = known.filter((each) => each.view === view)
    if (first === undefined)
      throw new SlipwayError(
        'VIEW_UNPUBLISHED',
        `endpoint ${route.endpoint} looks up in view "${view}", which is not published`,
        { next: 'run a pipeline that has the view, then this again' },
      )
    return others.reduce((newest, each) => (each.revision > newest.revision ? each : newest), first)
  })
}

function changeVersions(route: Route | undefined, endpoint: string, change: RouteChange): Route {
  const refuse = (why: string, next = `slipway rollout status ${endpoint}`): never => {
    throw new SlipwayError('ROUTE_CONFLICT', `endpoint ${endpoint}: ${why}`, { next })
  }
  if (route === undefined) {
    if (change.kind !== 'open') return refuse('it does not exist yet')
    return { slipway: 'route/1', endpoint, revision: 1, champion: change.variant, previous: null, rollout: null }
  }
  const { champion, rollout } = route
  const changed = (parts: Partial<Route>): Route => ({ ...route, ...parts, revision: route.revision + 1 })
  switch (change.kind) {
    case 'open':
      return champion.digest === change.variant.digest ? route : refuse(`it serves version ${champion.version} already`)
    case 'begin':
      if (rollout?.id === change.rollout.id) return route
      // Another rollout of the same version has ended well while this one waited.
      if (champion.digest === change.rollout.candidate.digest) return route
      if (rollout !== null) return refuse(`rollout ${rollout.id} is going on`)
      if (champion.model !== change.rollout.candidate.model)
        return refuse(`it serves model ${champion.model}, not ${change.rollout.candidate.model}`)
      requireInForce(`endpoint ${endpoint}`, champion, change.expect, change.rollout.candidate.digest)
      return changed({ rollout: change.rollout })
    case 'traffic':
      if (rollout?.id !== change.rollout) return refuse(`rollout ${change.rollout} is not the one going on`)
      if (rollout.mode === change.mode && rollout.share === change.share) return route
      return changed({ rollout: { ...rollout, mode: change.mode, share: change.share } })
    case 'finish': {
      const isChampion = champion.digest === change.candidate.digest
      if (rollout?.id !== change.rollout)
        return isChampion === change.promote ? route : refuse(`rollout ${change.rollout} is not the one going on`)
      if (change.promote) requireInForce(`endpoint ${endpoint}`, champion, change.expect, change.candidate.digest)
      return changed(
        change.promote ? { champion: rollout.candidate, previous: champion, rollout: null } : { rollout: null },
      )
    }
    case 'rollback': {
      // Somebody else was first, or this very change was: then `from` is not what is served any more.
      if (route.revision !== change.from) return route
      const target = targetOf(route, change)
      if (change.to === null && rollout !== null) return changed({ rollout: null })
      if (target === null) return refuse('it has no version to go back to')
      if (target.digest === champion.digest && rollout === null) return route
      return changed({
        champion: target,
        previous: target.digest === champion.digest ? route.previous : champion,
        rollout: null,
      })
    }
    case 'lookups': {
      const { variant } = change
      // Another version may have taken over since: it looks up as its own deployment said.
      if (variant === null || variant.digest !== champion.digest || servedTheSame(variant, champion)) return route
      return changed({ champion: variant })
    }
  }
}

/**
 * What is to serve after a rollback; null where there is nothing to go back to. A version that the route names is as it
 * is there.
 */
export function targetOf(route: Route, { to }: RouteChange & { kind: 'rollback' }): ModelVersion | null {
  if (to === null) return route.rollout === null ? route.previous : route.champion
  return to.lookups === undefined && to.hosting === undefined
    ? (versionsOf(route).find((each) => each?.digest === to.digest) ?? to)
    : to
}

/** `25 % to version 4 (candidate), the rest to version 3`: a route in words. */
export function routeInWords({ champion, rollout }: Route): string {
  if (rollout === null) return `everything to version ${champion.version}`
  const { candidate, mode, share } = rollout
  const percent = `${Number((share * 100).toPrecision(4))} %`
  if (mode === 'shadow')
    return `everything to version ${champion.version}, ${percent} mirrored to version ${candidate.version}`
  if (mode === 'bake') return `everything to version ${candidate.version}, mirrored to version ${champion.version}`
  return `${percent} to version ${candidate.version}, the rest to version ${champion.version}`
}
