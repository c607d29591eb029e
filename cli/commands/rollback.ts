import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { WithStartWorkflowOperation } from '@temporalio/client'
import { SlipwayError } from '../../pipelines/errors.ts'
import type { Route, RouteChange, Variant } from '../../pipelines/route.ts'
import { readModel } from '../../store/registry.ts'
import { readAlive, readRoute, writeRoute } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import { connect } from '../../workers/connect.ts'
import { championUpdate, ownerOfEndpoint, ownerOfModel, routeUpdate } from '../../workflows/messages.ts'
import { type CliContext, openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

interface RollbackOptions extends JsonOption {
  readonly to?: string
  readonly reason?: string
}

/** How long Temporal may take before the route is written past it, ms. */
const patience = 800

/** Back to the version before: of an endpoint, at once; of a model that no endpoint serves, as its champion. */
export async function rollback(name: string, options: RollbackOptions): Promise<number> {
  const context = openContext()
  const route = await readRoute(context.store, name)
  return route === undefined ? rollbackModel(context, name, options) : rollbackEndpoint(context, route, options)
}

async function rollbackEndpoint(context: CliContext, route: Route, options: RollbackOptions): Promise<number> {
  const startedAt = performance.now()
  const { endpoint, champion } = route
  const to = options.to === undefined ? null : await variantOf(context.store, champion.model, options.to)
  if (to === null && route.rollout === null && route.previous === null) {
    throw new SlipwayError('USAGE', `endpoint ${endpoint} has served no version before ${champion.version}`, {
      next: `slipway rollback ${endpoint} --to <version>`,
    })
  }
  const change: RouteChange = { kind: 'rollback', from: route.revision, to }
  const reason = `rolled back by ${userInfo().username}: ${options.reason ?? 'no reason given'}`
  const asked = await Promise.race([
    askOwner(context, endpoint, change, reason).catch(() => undefined),
    sleep(patience).then(() => undefined),
  ])
  // With Temporal or its workers away the route is written here; the owner finds it and takes it over when it is back.
  const now = asked ?? (await writeRoute(context.store, endpoint, change, `break-glass: ${reason}`))
  const waiting = await gatewaysBehind(context.store, now)
  const ms = performance.now() - startedAt
  const document = {
    endpoint,
    revision: now.revision,
    champion: now.champion.version,
    before: route.rollout?.candidate.version ?? champion.version,
    breakGlass: asked === undefined,
    gatewaysBehind: waiting,
    ms: Math.round(ms),
  }
  if (options.json === true) printJson(document)
  else {
    print(
      `${endpoint} serves version ${now.champion.version} again, after ${Math.round(ms)} ms${asked === undefined ? ' (break-glass: Temporal does not answer; its owner takes it over when it is back)' : ''}`,
    )
    if (waiting.length > 0) print(`  not there yet: ${waiting.join(', ')}`)
  }
  return 0
}

async function askOwner(context: CliContext, endpoint: string, change: RouteChange, reason: string): Promise<Route> {
  // A server that is down must not cost the second that this has.
  const { client } = await connect(context.settings, '400ms')
  const { route } = await client.workflow.executeUpdateWithStart(routeUpdate, {
    args: [{ change, reason }],
    startWorkflowOperation: new WithStartWorkflowOperation('ownEndpoint', ownerOfEndpoint(endpoint)),
  })
  return route
}

/** Gateways that run and still apply something older, after a moment to catch up. */
async function gatewaysBehind(store: Store, { endpoint, revision }: Route): Promise<string[]> {
  for (const until = Date.now() + 3_000; ; ) {
    const behind = (await readAlive(store))
      .filter(({ endpoints }) => (endpoints[endpoint]?.revision ?? 0) < revision)
      .map(({ id }) => id)
    if (behind.length === 0 || Date.now() > until) return behind
    await sleep(50)
  }
}

async function variantOf(store: Store, model: string, text: string): Promise<Variant> {
  const state = await readModel(store, model)
  const digest = state?.versions[Number(text) - 1]
  if (digest !== undefined) return { model, version: Number(text), digest }
  throw new SlipwayError('USAGE', `model ${model} has no version ${text}; it has 1 to ${state?.versions.length ?? 0}`, {
    next: 'see `slipway models`',
  })
}

/** Makes the champion before the present one champion again, or a version that is named. */
async function rollbackModel(
  { store, temporal }: CliContext,
  model: string,
  options: RollbackOptions,
): Promise<number> {
  const state = await readModel(store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no endpoint and no model "${model}"`, {
      next: 'see `slipway models`',
    })
  const current = state.champions.at(-1)
  const version =
    options.to === undefined
      ? state.champions.filter((each) => each !== current).at(-1)
      : (await variantOf(store, model, options.to)).version
  if (version === undefined) {
    throw new SlipwayError('USAGE', `model ${model} has no champion before version ${current}`, {
      next: `slipway rollback ${model} --to <version>`,
    })
  }
  const { client } = await temporal()
  const champion = await client.workflow.executeUpdateWithStart(championUpdate, {
    args: [{ version, reason: `rolled back by ${userInfo().username}: ${options.reason ?? 'no reason given'}` }],
    startWorkflowOperation: new WithStartWorkflowOperation('ownModel', ownerOfModel(model)),
  })
  if (options.json === true) printJson({ model, champion, before: current ?? null })
  else print(`champion of ${model} is version ${champion} (was ${current})`)
  return 0
}
