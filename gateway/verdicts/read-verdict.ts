import { SlipwayError } from '../../lib/formats/errors.ts'
import { Route, type RouteRollout, routeInWords } from '../../lib/formats/route.ts'
import { type Verdict, verdictAtEnd, verdictNow } from '../../lib/stats/verdict.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readRoute, readRouteLog } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import { type Followed, followRollout } from './follow-rollout.ts'

/**
 * What the evidence of a rollout says.
 * @param version a candidate's number; without one, it is about the rollout that goes on, or the one that ended last
 * @throws SlipwayError NOT_FOUND for an endpoint that is not there and for what is no number
 */
export type VerdictReader = (endpoint: string, version: string | undefined) => Promise<Verdict>

/** Revisions of a route that are looked through for a rollout, back from the present one. */
const mostRevisions = 500
/** Rollouts whose state is kept, and revisions of which is known what they name. */
const most = { rollouts: 100, revisions: 10_000 }

/** A rollout as a revision of a route names it. */
type Named = Pick<RouteRollout, 'id' | 'candidate'> & { readonly champion: Route['champion'] }

export function createVerdictReader(store: Store): VerdictReader {
  const followed = new Map<string, () => Promise<Followed | undefined>>()
  // Revisions never change.
  const revisions = new Map<string, Named | null>()

  const rolloutAt = async (endpoint: string, revision: number): Promise<Named | null> => {
    const key = `${endpoint} ${revision}`
    const known = revisions.get(key)
    if (known !== undefined) return known
    const logged = Route.safeParse((await readRouteLog(store, endpoint, revision))?.value)
    const found = logged.success ? namedIn(logged.data) : null
    keep(revisions, key, found, most.revisions)
    return found
  }
  /** The newest rollout that the log of a route has, of a version where one is asked for. */
  const lastOf = async ({ endpoint, revision }: Route, version: number | undefined): Promise<Named | undefined> => {
    const first = Math.max(1, revision - mostRevisions)
    for (let at = revision; at >= first; at--) {
      const found = await rolloutAt(endpoint, at)
      if (found !== null && isAbout(found, version)) return found
    }
    return undefined
  }
  const follow = (id: string): Promise<Followed | undefined> => {
    const known = followed.get(id) ?? followRollout(store, id)
    keep(followed, id, known, most.rollouts)
    return known()
  }

  return async (endpoint, text) => {
    const version = text === undefined ? undefined : numberOf(text)
    const route = await readRoute(store, endpoint)
    if (route === undefined) throw new SlipwayError('NOT_FOUND', `there is no endpoint "${endpoint.slice(0, 100)}"`)
    const current = namedIn(route)
    if (current !== null && isAbout(current, version)) {
      const known = await follow(current.id)
      if (known === undefined) return about(route, current, undecided('its rollout begins'))
      const at = new Date(known.at).toISOString()
      return about(route, current, { ...verdictNow(known.decision), at })
    }
    const last = await lastOf(route, version)
    if (last === undefined) return about(route, undefined, withoutRollout(route, version))
    const record = await readRolloutEnd(store, last.id)
    if (record !== undefined) return about(route, last, { ...verdictAtEnd(record, route), at: record.finishedAt })
    const isInForce = route.champion.digest === last.candidate.digest
    return about(route, last, {
      ...undecided(`its rollout ended, and is not on record ${isInForce ? 'yet; it is in force' : 'yet'}`),
      verdict: isInForce ? 'passed' : 'inconclusive',
    })
  }
}

const namedIn = ({ rollout, champion }: Route): Named | null =>
  rollout === null ? null : { id: rollout.id, candidate: rollout.candidate, champion }

const isAbout = ({ candidate }: Named, version: number | undefined): boolean =>
  version === undefined || candidate.version === version

const undecided = (reason: string) => ({ verdict: 'undecided', reason, metrics: [], at: null }) as const

/** What has had no rollout here was not tried; the version that the endpoint was opened with had no other beside it. */
function withoutRollout({ endpoint, champion }: Route, version: number | undefined): Omit<Verdict, keyof About> {
  if (version === undefined) return undecided(`endpoint ${endpoint} has had no rollout`)
  if (version !== champion.version) return undecided(`version ${version} has had no rollout at endpoint ${endpoint}`)
  return { ...undecided(`version ${version} is in force, and there was none to compare it with`), verdict: 'passed' }
}

type About = Pick<Verdict, 'endpoint' | 'serves' | 'rollout' | 'champion' | 'candidate'>

const about = (route: Route, rollout: Named | undefined, verdict: Omit<Verdict, keyof About>): Verdict => ({
  endpoint: route.endpoint,
  ...verdict,
  serves: routeInWords(route),
  rollout: rollout?.id ?? null,
  champion: rollout?.champion.version ?? null,
  candidate: rollout?.candidate.version ?? null,
})

function numberOf(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new SlipwayError('NOT_FOUND', `"${text.slice(0, 40)}" is no number of a version`)
}

/** Keeps the newest of what can be read again. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value as string)
}
