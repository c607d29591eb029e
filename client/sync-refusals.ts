import { userInfo } from 'node:os'
import { exitCodes, SlipwayError } from '../lib/formats/errors.ts'
import type { ModelState } from '../lib/formats/records.ts'
import type { ModelVersion, Route } from '../lib/formats/route.ts'
import { sageMakerClients } from '../lib/sagemaker/clients.ts'
import { readModel } from '../lib/store/registry.ts'
import { asServed, listEndpoints, readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { groupsOf, type TakenRefusals, takeRefusals } from '../lib/tracking/sagemaker-refusals.ts'
import { askOwnerOfEndpoint, askOwnerOfModel } from './ask-owner.ts'
import type { ClientContext } from './context.ts'
import { rollBack } from './roll-back.ts'

/** What is done about refusals. */
export interface SyncWanted {
  /** The only model package group that is read; by default those that runs put versions into. */
  readonly group?: string
  /** Takes out of force what was refused. */
  readonly rollBack?: boolean
}

/** What was refused in SageMaker's registry, and where it is in force. */
export interface SyncDocument extends TakenRefusals {
  readonly model: string
  readonly groups: readonly string[]
  readonly inForce: readonly {
    readonly as: InForceStill['as']
    /** The endpoint or model. */
    readonly of: string
    readonly version: number
    readonly rolledBack: boolean
    /** What to do about it; null where it was rolled back. */
    readonly next: string | null
  }[]
  /** 13 where something that was refused is in force still. */
  readonly exitCode: number
}

/** Where a version that was refused is in force. */
interface InForceStill {
  /** `champion` of an endpoint or of the model, `candidate` of a rollout. */
  readonly as: 'champion' | 'candidate'
  readonly version: number
  readonly route?: Route
  /** The last champion that was not refused; undefined where there is none. */
  readonly back: number | undefined
}

/**
 * Takes in what people refused in SageMaker's registry after it was registered here, as `slipway sagemaker sync` does.
 * It is rolled out no more; where it is in force that is said, and with `rollBack` mended.
 * @throws SlipwayError NOT_FOUND; USAGE where no run put a version into a group
 */
export async function syncRefusals(
  context: ClientContext,
  model: string,
  { group, rollBack: isMended = false }: SyncWanted = {},
): Promise<SyncDocument> {
  const { store } = context
  const state = await readModel(store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no model "${model}"`, { next: 'see `slipway models`' })
  const groups = group === undefined ? await groupsOf(store, model) : [group]
  if (groups.length === 0)
    throw new SlipwayError('USAGE', `no run of ${model} that has ended put a version into a model package group`, {
      next: 'give the pipeline a p.mirror, or name the group by --group',
    })
  const clients = sageMakerClients()
  const { refused, notTaken } = await takeRefusals({ store, sageMaker: clients.sageMaker }, model, groups).finally(() =>
    clients.destroy(),
  )
  const found = await inForce(store, model, state, new Set(refused.map(({ version }) => version)))
  const reasonOf = (version: number): string => refused.find((each) => each.version === version)?.by ?? ''
  const told = []
  for (const each of found) {
    const canMend = each.as === 'candidate' || each.back !== undefined
    const rolledBack = isMended && canMend
    if (rolledBack) await mend(context, model, state, each, `rejected by ${reasonOf(each.version)}`)
    told.push({
      as: each.as,
      of: each.route?.endpoint ?? model,
      version: each.version,
      rolledBack,
      next: rolledBack ? null : nextOf(model, each),
    })
  }
  const exitCode = told.every(({ rolledBack }) => rolledBack) ? exitCodes.done : exitCodes.rejected
  return { model, groups, refused, notTaken, inForce: told, exitCode }
}

const nextOf = (model: string, { as, route, back }: InForceStill): string => {
  if (as === 'candidate') return `next: slipway rollback ${route?.endpoint}`
  if (back === undefined) return 'there is no champion before it to go back to: train another version'
  return `next: slipway rollback ${route?.endpoint ?? model} --to ${back}`
}

/** Where versions are in force that were refused: in routes, or as champion of a model that no endpoint serves. */
async function inForce(
  store: Store,
  model: string,
  { champions }: ModelState,
  refused: ReadonlySet<number>,
): Promise<InForceStill[]> {
  const back = champions.filter((version) => !refused.has(version)).at(-1)
  const is = (version: ModelVersion | undefined): version is ModelVersion =>
    version?.model === model && refused.has(version.version)
  const found: InForceStill[] = []
  let isServed = false
  for (const endpoint of await listEndpoints(store)) {
    const route = await readRoute(store, endpoint)
    if (route?.champion.model !== model) continue
    isServed = true
    const candidate = route.rollout?.candidate
    if (is(route.champion)) found.push({ as: 'champion', version: route.champion.version, route, back })
    else if (is(candidate)) found.push({ as: 'candidate', version: candidate.version, route, back })
  }
  const champion = champions.at(-1) ?? 0
  if (!isServed && refused.has(champion)) found.push({ as: 'champion', version: champion, back })
  return found
}

/** Takes a version out of force: an endpoint goes back at once, a model by its owner. */
async function mend(
  { settings, store }: ClientContext,
  model: string,
  { versions }: ModelState,
  { as, route, back = 0 }: InForceStill,
  why: string,
): Promise<void> {
  const reason = `${why}; rolled back by ${userInfo().username}`
  if (route === undefined) {
    await askOwnerOfModel(settings, model, { version: back, reason })
    return
  }
  const askOwner: Parameters<typeof rollBack>[0]['askOwner'] = (endpoint, order) =>
    askOwnerOfEndpoint(settings, endpoint, order)
  const digest = versions[back - 1]
  const to = as === 'candidate' || digest === undefined ? null : { model, version: back, digest }
  await rollBack({ store, askOwner }, route, to && (await asServed(store, route, to)), reason)
}
