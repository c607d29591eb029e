import { setTimeout as sleep } from 'node:timers/promises'
import type { DeploymentConfig, DesiredWeightAndCapacity, ProductionVariant } from '@aws-sdk/client-sagemaker'
import { type FakeEndpoint, hostingIn, type ServedVariant } from './hosting.ts'
import { modelNamed } from './models.ts'
import { startServing } from './serving.ts'
import { seconds, type World } from './world.ts'

/**
 * What an endpoint's script may say: `stuck in Creating`, `stuck in Updating`, `fails` (with a reason), `keeps
 * weights`.
 */
const kind = 'endpoint'

/** How long a traffic shift waits between its steps in the fake, as a share of what was asked. */
const shiftPace = 0.001

/** Brings a new endpoint up. */
export async function createFleets(world: World, endpoint: FakeEndpoint): Promise<void> {
  await sleep(world.paceMs)
  if (world.script.take(kind, endpoint.name, 'stuck in Creating') !== undefined) return
  try {
    const fleets = await fleetsOf(world, endpoint, endpoint.config)
    Object.assign(endpoint, fleets)
    settle(endpoint, 'InService')
  } catch (error) {
    endpoint.failure = reasonOf(error)
    settle(endpoint, 'Failed')
  }
}

/** Moves an endpoint to another configuration: new instances beside the old ones, which go when traffic has moved. */
export async function moveTo(
  world: World,
  endpoint: FakeEndpoint,
  config: string,
  deployment: DeploymentConfig | undefined,
): Promise<void> {
  endpoint.pending = config
  endpoint.deployment = deployment
  delete endpoint.failure
  settle(endpoint, 'Updating')
  await sleep(world.paceMs)
  if (world.script.take(kind, endpoint.name, 'stuck in Updating') !== undefined) return
  try {
    const fleets = await fleetsOf(world, endpoint, config)
    if (!(await shift(world, endpoint, fleets.production, deployment))) {
      await stopAll([...fleets.production, ...fleets.shadow])
      settle(endpoint, 'RollingBack')
      await sleep(world.paceMs)
      throw new Error('An alarm of the auto rollback configuration went off. The update was rolled back.')
    }
    const before = [...endpoint.production, ...endpoint.shadow]
    Object.assign(endpoint, fleets, { config })
    await stopAll(before)
  } catch (error) {
    endpoint.failure = reasonOf(error)
  }
  delete endpoint.shifting
  delete endpoint.pending
  settle(endpoint, 'InService')
}

/** Shifts traffic as an update asks. @returns whether no alarm went off */
async function shift(
  world: World,
  endpoint: FakeEndpoint,
  production: ServedVariant[],
  deployment: DeploymentConfig | undefined,
): Promise<boolean> {
  const { TrafficRoutingConfiguration: routing, TerminationWaitInSeconds: last = 0 } =
    deployment?.BlueGreenUpdatePolicy ?? {}
  const alarms = deployment?.AutoRollbackConfiguration?.Alarms ?? []
  endpoint.shifted = []
  // What cannot be guarded moves at once, without a word.
  if (routing === undefined || alarms.length === 0 || !isGuardable(endpoint, production)) return true
  const step = ({ Value = 100 }: { Value?: number | undefined } = {}): number => Value / 100
  const shares = {
    ALL_AT_ONCE: () => [1],
    CANARY: () => [step(routing.CanarySize), 1],
    LINEAR: () => linear(step(routing.LinearStepSize)),
  }[routing.Type as 'CANARY']()
  for (const share of shares) {
    endpoint.shifting = { production, share }
    endpoint.shifted.push(share)
    const seconds = share === 1 ? last : (routing.WaitIntervalInSeconds ?? 0)
    await sleep(Math.max(world.paceMs, seconds * 1000 * shiftPace))
    if (alarms.some(({ AlarmName = '' }) => hostingIn(world).alarms.get(AlarmName) === 'ALARM')) return false
  }
  return true
}

const linear = (step: number): number[] =>
  Array.from({ length: Math.ceil(1 / step) }, (_, i) => Math.min(1, (i + 1) * step))

/** SageMaker guards fleets of one name, and neither serverless ones nor those on Inf1. */
function isGuardable(endpoint: FakeEndpoint, production: readonly ServedVariant[]): boolean {
  const names = (variants: readonly ServedVariant[]) => variants.map(({ request }) => request.VariantName).sort()
  const isSame = JSON.stringify(names(endpoint.production)) === JSON.stringify(names(production))
  const isKept = ({ request: { ServerlessConfig, InstanceType } }: ServedVariant): boolean =>
    ServerlessConfig === undefined && !InstanceType?.startsWith('ml.inf1.')
  return isSame && production.length === 1 && production.every(isKept)
}

/** Gives an endpoint's variants other weights. */
export async function changeWeights(
  world: World,
  endpoint: FakeEndpoint,
  desired: readonly DesiredWeightAndCapacity[],
): Promise<void> {
  delete endpoint.failure
  for (const { VariantName, DesiredWeight } of desired) {
    const variant = endpoint.production.find(({ request }) => request.VariantName === VariantName)
    if (variant !== undefined && DesiredWeight !== undefined) variant.desiredWeight = Math.fround(DesiredWeight)
  }
  settle(endpoint, 'Updating')
  await sleep(world.paceMs)
  if (world.script.take(kind, endpoint.name, 'keeps weights') === undefined)
    for (const variant of endpoint.production) variant.currentWeight = variant.desiredWeight
  settle(endpoint, 'InService')
}

/** Ends an endpoint and what it runs. */
export async function endOf(world: World, endpoint: FakeEndpoint): Promise<void> {
  settle(endpoint, 'Deleting')
  await stopAll([...endpoint.production, ...endpoint.shadow])
  hostingIn(world).endpoints.delete(endpoint.name)
  world.tags.delete(endpoint.arn)
}

const stopAll = (variants: readonly ServedVariant[]): Promise<unknown> =>
  Promise.all(variants.map(({ fleet }) => fleet.stop()))

function settle(endpoint: FakeEndpoint, status: FakeEndpoint['status']): void {
  endpoint.status = status
  endpoint.modifiedAt = seconds()
}

let instances = 0

const reasonOf = (error: unknown): string => (error as Error).message.slice(0, 1024)

async function fleetsOf(
  world: World,
  { name }: FakeEndpoint,
  config: string,
): Promise<Pick<FakeEndpoint, 'production' | 'shadow'>> {
  const failing = world.script.take(kind, name, 'fails')
  if (failing !== undefined) throw new Error(String(failing.reason))
  const { configs } = hostingIn(world)
  const request = configs.get(config)?.request
  const serve = async (variant: ProductionVariant): Promise<ServedVariant> => {
    const model = modelNamed(world, variant.ModelName ?? '')
    const weight = Math.fround(variant.InitialVariantWeight ?? 1)
    const instance = `${variant.VariantName}-${++instances}`
    const fleet = await startServing(world, model, instance, `/aws/sagemaker/Endpoints/${name}`)
    return {
      request: variant,
      fleet,
      currentWeight: weight,
      desiredWeight: weight,
      count: variant.InitialInstanceCount ?? 0,
    }
  }
  const all = async (variants: readonly ProductionVariant[] = []): Promise<ServedVariant[]> => {
    const started = await Promise.allSettled(variants.map(serve))
    const failed = started.find((each) => each.status === 'rejected')
    const served = started.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (failed === undefined) return served
    await stopAll(served)
    throw failed.reason
  }
  const production = await all(request?.ProductionVariants)
  const shadow = await all(request?.ShadowProductionVariants).catch(async (error) => {
    await stopAll(production)
    throw error
  })
  return { production, shadow }
}
