import { userInfo } from 'node:os'
import { askOwnerOfEndpoint, askOwnerOfModel } from '../../client/ask-owner.ts'
import type { ClientContext } from '../../client/context.ts'
import { rollBack } from '../../client/roll-back.ts'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelState } from '../../lib/formats/records.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { readModel } from '../../lib/store/registry.ts'
import { asServed, listEndpoints, readRoute } from '../../lib/store/routes.ts'
import type { Store } from '../../lib/store/store.ts'
import { groupsOf, takeRefusals } from '../../lib/tracking/sagemaker-refusals.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface SyncOptions extends JsonOption {
  readonly group?: string
  readonly rollBack?: boolean
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
 * `sagemaker sync loans`: takes in what people refused in SageMaker's registry after it was registered here. It is
 * rolled out no more; where it is in force that is said, and with `--roll-back` mended.
 * @returns 13 where something that was refused is in force still
 */
export async function sync(model: string, options: SyncOptions): Promise<number> {
  const context = openContext()
  const { store } = context
  const { json } = options
  const state = await readModel(store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no model "${model}"`, { next: 'see `slipway models`' })
  const groups = options.group === undefined ? await groupsOf(store, model) : [options.group]
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
    const rolledBack = options.rollBack === true && canMend
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
  if (json === true) {
    printJson({ model, groups, refused, notTaken, inForce: told, exitCode })
    return exitCode
  }
  for (const { version, by, isNew } of refused)
    print(`${isNew ? 'taken in: ' : ''}${model} version ${version} was rejected by ${by}`)
  for (const line of notTaken) print(`not taken in: ${line}`)
  for (const { as, of, version, rolledBack, next } of told)
    print(
      rolledBack
        ? `  rolled back: version ${version} was ${as} of ${of}`
        : `  STILL IN FORCE: version ${version} is ${as} of ${of}; ${next}`,
    )
  if (refused.length === 0) print(`${model}: nothing that is registered here was refused in ${groups.join(', ')}`)
  return exitCode
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
