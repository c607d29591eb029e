import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { numberedVersion } from '../../client/model-version.ts'
import { type RouteAccess, rollBack } from '../../client/roll-back.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelState } from '../../lib/formats/records.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { type Refusal, readRefusal, refusalInWords, requireNotRefused, wayBack } from '../../lib/store/refusals.ts'
import { readModel } from '../../lib/store/registry.ts'
import { asServed, readAlive, readRoute, wayBackOf } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import { readSettings, type Settings, storeOf } from '../../workers/settings.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

interface RollbackOptions extends JsonOption {
  readonly to?: string
  readonly reason?: string
}

/** Back to the version before: of an endpoint, at once; of a model that no endpoint serves, as its champion. */
export async function rollback(name: string, options: RollbackOptions): Promise<number> {
  // Not by `openContext`: loading what talks to Temporal takes longer than going back.
  const settings = readSettings()
  const store = storeOf(settings)
  const route = await readRoute(store, name)
  if (route === undefined) return rollbackModel(settings, store, name, options)
  const askOwner: RouteAccess['askOwner'] = async (endpoint, order) =>
    (await import('../../client/ask-owner.ts')).askOwnerOfEndpoint(settings, endpoint, order)
  return rollbackEndpoint({ store, askOwner }, route, options)
}

const reasonOf = ({ reason = 'no reason given' }: RollbackOptions): string =>
  `rolled back by ${userInfo().username}: ${reason}`

async function rollbackEndpoint(access: RouteAccess, route: Route, options: RollbackOptions): Promise<number> {
  const startedAt = performance.now()
  const { store } = access
  const { endpoint, champion } = route
  const to =
    options.to === undefined
      ? null
      : await asServed(store, route, await acceptedVersion(store, champion.model, options.to))
  if (to === null && route.rollout === null && route.previous === null) {
    throw new SlipwayError('USAGE', `endpoint ${endpoint} has served no version before ${champion.version}`, {
      next: `slipway rollback ${endpoint} --to <version>`,
    })
  }
  const { route: now, breakGlass } = await rollBack(access, route, to, reasonOf(options))
  const waiting = await behindOf(store, now)
  const ms = Math.round(performance.now() - startedAt)
  const passedOver = to === null ? await passedOverBy(store, route, now) : []
  // What a rollout leaves is not chosen: it was in force already.
  const refusal = await readRefusal(store, now.champion)
  if (options.json === true) {
    printJson({
      endpoint,
      revision: now.revision,
      champion: now.champion.version,
      before: route.rollout?.candidate.version ?? champion.version,
      breakGlass,
      gatewaysBehind: waiting,
      passedOver: passedOver.map(({ version, by }) => ({ version, by })),
      rejected: refusal === undefined ? null : { by: refusal.by },
      ms,
    })
    return 0
  }
  const how = breakGlass ? ' (break-glass: past its owner, who takes it over within half a minute)' : ''
  print(`${endpoint} serves version ${now.champion.version} again, after ${ms} ms${how}`)
  if (waiting.length > 0) print(`  not there yet: ${waiting.join(', ')}`)
  sayPassedOver(passedOver)
  if (refusal !== undefined) print(`  but ${refusalInWords(refusal)}; next: slipway rollback ${endpoint}`)
  return 0
}

const sayPassedOver = (passedOver: readonly Refusal[]): void => {
  for (const refusal of passedOver) print(`  passed over: ${refusalInWords(refusal)}`)
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
  const { targetOf, targetsOf } = await import('../../lib/targets/targets.ts')
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
async function rollbackModel(
  settings: Settings,
  store: Store,
  model: string,
  options: RollbackOptions,
): Promise<number> {
  const state = await readModel(store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no endpoint and no model "${model}"`, {
      next: 'see `slipway models`',
    })
  const current = state.champions.at(-1)
  const way =
    options.to === undefined
      ? await wayBack(store, championsBefore(model, state), `model ${model}`)
      : { to: await acceptedVersion(store, model, options.to), passedOver: [] }
  if (way === null) {
    throw new SlipwayError('USAGE', `model ${model} has no champion before version ${current}`, {
      next: `slipway rollback ${model} --to <version>`,
    })
  }
  const { to, passedOver } = way
  const { askOwnerOfModel } = await import('../../client/ask-owner.ts')
  const champion = await askOwnerOfModel(settings, model, { version: to.version, reason: reasonOf(options) })
  if (options.json === true)
    printJson({
      model,
      champion,
      before: current ?? null,
      passedOver: passedOver.map(({ version, by }) => ({ version, by })),
    })
  else {
    print(`champion of ${model} is version ${champion} (was ${current})`)
    sayPassedOver(passedOver)
  }
  return 0
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
