import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelState } from '../lib/formats/records.ts'
import type { Refusal } from '../lib/formats/refusal.ts'
import type { ModelVersion, Route } from '../lib/formats/route.ts'
import { readRefusal, requireNotRefused, wayBack } from '../lib/store/refusals.ts'
import { readModel } from '../lib/store/registry.ts'
import { asServed, readAlive, readRoute, wayBackOf } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'
import { type Said, saidBy } from './decision.ts'
import { numberedVersion } from './model-version.ts'
import { type RouteAccess, rollBack } from './roll-back.ts'

/** An endpoint that went back to a version. */
export interface RolledBackEndpoint {
  readonly endpoint: string
  readonly revision: number
  /** Versions: what it serves now, and what it served. */
  readonly champion: number
  readonly before: number
  /** Written past the owner of the route, who takes it over within half a minute. */
  readonly breakGlass: boolean
  /** Who does not apply it yet. */
  readonly gatewaysBehind: readonly string[]
  /** Versions that would have served else and were rejected. */
  readonly passedOver: readonly Refusal[]
  /** That what it serves now was itself rejected. */
  readonly rejected: Refusal | null
  readonly ms: number
}

/** A model, served by no endpoint, whose champion was set back. */
export interface RolledBackModel {
  readonly model: string
  readonly champion: number
  readonly before: number | null
  readonly passedOver: readonly Refusal[]
}

/** Where it goes back to, and why. */
export interface WayBack extends Said {
  /** The number of the version; the one before by default. */
  readonly to?: string | number | undefined
}

/**
 * Back to the version before, as `slipway rollback` does: of an endpoint, at once, Temporal down or not; of a model
 * that no endpoint serves, as its champion.
 * @throws SlipwayError NOT_FOUND, USAGE, REJECTED, ROUTE_CONFLICT
 */
export async function rollBackTo(
  context: StoreContext,
  name: string,
  way: WayBack = {},
): Promise<RolledBackEndpoint | RolledBackModel> {
  const route = await readRoute(context.store, name)
  return route === undefined ? rollBackModel(context, name, way) : rollBackEndpoint(context, route, way)
}

function reasonOf(way: WayBack): string {
  const { by, reason } = saidBy(way)
  return `rolled back by ${by}: ${reason}`
}

async function rollBackEndpoint(
  { store, settings }: StoreContext,
  route: Route,
  way: WayBack,
): Promise<RolledBackEndpoint> {
  const startedAt = performance.now()
  const { endpoint, champion } = route
  const to =
    way.to === undefined
      ? null
      : await asServed(store, route, await acceptedVersion(store, champion.model, String(way.to)))
  if (to === null && route.rollout === null && route.previous === null) {
    throw new SlipwayError('USAGE', `endpoint ${endpoint} has served no version before ${champion.version}`, {
      next: `slipway rollback ${endpoint} --to <version>`,
    })
  }
  // Loading what talks to Temporal takes longer than going back.
  const askOwner: RouteAccess['askOwner'] = async (name, order) =>
    (await import('./ask-owner.ts')).askOwnerOfEndpoint(settings, name, order)
  const { route: now, breakGlass } = await rollBack({ store, askOwner }, route, to, reasonOf(way))
  const gatewaysBehind = await behindOf(store, now)
  const ms = Math.round(performance.now() - startedAt)
  return {
    endpoint,
    revision: now.revision,
    champion: now.champion.version,
    before: route.rollout?.candidate.version ?? champion.version,
    breakGlass,
    gatewaysBehind,
    passedOver: to === null ? await passedOverBy(store, route, now) : [],
    // What a rollout leaves is not chosen: it was in force already.
    rejected: (await readRefusal(store, now.champion)) ?? null,
    ms,
  }
}

/** What was refused and would have served else: nothing where the route went back to the version before. */
async function passedOverBy(store: Store, before: Route, now: Route): Promise<readonly Refusal[]> {
  const isUsual = before.rollout !== null || now.champion.digest === before.previous?.digest
  return isUsual ? [] : ((await wayBackOf(store, before))?.passedOver ?? [])
}

/** A version that is named to go back to. @throws SlipwayError USAGE, REJECTED */
async function acceptedVersion(store: Store, model: string, number: string): Promise<ModelVersion> {
  const version = await numberedVersion(store, model, number)
  await requireNotRefused(store, version)
  return version
}

/**
 * Who does not apply a route yet. Of a hosted endpoint the weights are set here, at once: its owner would do so within
 * half a minute, and takes the steps that follow.
 */
async function behindOf(store: Store, route: Route): Promise<string[]> {
  if (route.champion.hosting === undefined) return gatewaysBehind(store, route)
  const { targetOf, targetsOf } = await import('../lib/targets/targets.ts')
  const target = targetOf(targetsOf(store), route.champion.hosting.kind)
  try {
    await target.apply(route)
    return ['SageMaker, which was given the weights; its owner sees to what else there is']
  } catch (error) {
    return [`SageMaker, which its owner asks again within half a minute (${(error as Error).message})`]
  }
}

/** Gateways that run and still apply something older, after a moment to catch up. */
async function gatewaysBehind(store: Store, { endpoint, revision }: Route): Promise<string[]> {
  for (const until = Date.now() + 10_000; ; ) {
    const behind = (await readAlive(store))
      .filter(({ endpoints }) => (endpoints[endpoint]?.revision ?? 0) < revision)
      .map(({ id }) => id)
    if (behind.length === 0 || Date.now() > until) return behind
    await sleep(100)
  }
}

/** Makes the champion before the present one champion again, or a version that is named. */
async function rollBackModel({ store, settings }: StoreContext, model: string, way: WayBack): Promise<RolledBackModel> {
  const state = await readModel(store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no endpoint and no model "${model}"`, {
      next: 'see `slipway models`',
    })
  const current = state.champions.at(-1)
  const back =
    way.to === undefined
      ? await wayBack(store, championsBefore(model, state), `model ${model}`)
      : { to: await acceptedVersion(store, model, String(way.to)), passedOver: [] }
  if (back === null) {
    throw new SlipwayError('USAGE', `model ${model} has no champion before version ${current}`, {
      next: `slipway rollback ${model} --to <version>`,
    })
  }
  const { to, passedOver } = back
  const { askOwnerOfModel } = await import('./ask-owner.ts')
  const champion = await askOwnerOfModel(settings, model, { version: to.version, reason: reasonOf(way) })
  return { model, champion, before: current ?? null, passedOver }
}

/** What was champion of a model before its present one, newest first. */
function championsBefore(model: string, { champions, versions }: ModelState): ModelVersion[] {
  const current = champions.at(-1)
  return champions
    .filter((version) => version !== current)
    .reverse()
    .flatMap((version) => {
      const digest = versions[version - 1]
      return digest === undefined ? [] : { model, version, digest }
    })
}
