import type { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { type Hosting, SageMakerHosting } from '../formats/hosting.ts'
import type { RolloutPolicy } from '../formats/rollout-policy.ts'
import { requireGuardable } from './guardrails.ts'

/**
 * Amazon SageMaker as the place where a package is deployed: instances, or serverless, or asynchronous on instances;
 * see `SageMakerHosting` for the parameters.
 * @throws SlipwayError DEFINITION_INVALID for parameters that SageMaker would not take, or not together
 */
export function sagemakerEndpoint(options: Omit<z.input<typeof SageMakerHosting>, 'kind'>): SageMakerHosting {
  const parsed = SageMakerHosting.safeParse({ kind: 'sagemaker', ...options })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.length ? ` ${issue.path.join('.')}:` : ''
  throw new SlipwayError('DEFINITION_INVALID', `sagemaker endpoint:${where} ${issue?.message}`, {
    next: "for example { image, role, instance: 'ml.m5.large', count: 2 }",
  })
}

/** What a rollout would need of a target. */
type Need = 'weights' | 'shadow' | 'sticky' | 'capture'

/** What each kind of endpoint lacks, and why, in the words of its own documentation. */
const lacks: Readonly<Record<'serverless' | 'asynchronous' | 'named', Partial<Record<Need | 'captured', string>>>> = {
  serverless: {
    weights: 'second production variant, so no weights to shift',
    shadow: 'shadow variants',
    captured: 'data capture',
  },
  asynchronous: {
    weights: 'target variant of a request, so no evidence by variant',
    shadow: 'shadow variants',
    captured: 'data capture',
  },
  named: {
    weights: 'second variant: their versions share the one that is named',
    shadow: 'second variant: their versions share the one that is named',
  },
}

/** Which sort of endpoint that has one variant alone; undefined where there may be several. */
function kindOf({ serverless, asynchronous, variant }: Hosting): keyof typeof lacks | undefined {
  if (serverless !== undefined) return 'serverless'
  if (asynchronous !== undefined) return 'asynchronous'
  return variant === undefined ? undefined : 'named'
}

/** What a policy asks of where it is carried out, each with the part of the definition that asks. */
function needsOf({ strategy, shadow, sticky, watch }: RolloutPolicy): [Need, string][] {
  const isSplit = strategy.kind === 'canary' || strategy.kind === 'ab'
  const reading = watch.find(({ metric }) => metric === 'mistakes' || metric === 'scores')
  return [
    ...(isSplit ? [['weights', strategy.kind] as [Need, string]] : []),
    ...(strategy.kind === 'blueGreen'
      ? ([['shadow', 'blueGreen, which bakes in the shadow']] as [Need, string][])
      : []),
    ...(shadow === null ? [] : [['shadow', 'shadow'] as [Need, string]]),
    ...(sticky === null ? [] : [['sticky', `sticky: '${sticky}'`] as [Need, string]]),
    ...(reading === undefined
      ? []
      : ([['capture', reading.metric === 'scores' ? 'scores.unchanged()' : 'labelErrors']] as [Need, string][])),
  ]
}

/**
 * Refuses what SageMaker would not do for an endpoint of this sort, or would silently do otherwise.
 * @throws SlipwayError DEFINITION_INVALID that names the parameter and what is lacking
 */
export function requireHostable(endpoint: string, hosting: Hosting, policy: RolloutPolicy): void {
  const { serverless, asynchronous, capture, autoscaling, vpc, keepPrevious, variant } = hosting
  const refuse = (what: string, why: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `endpoint "${endpoint}" on SageMaker: ${what}: ${why}`, { next })
  }
  if (serverless !== undefined) {
    const none = 'a serverless endpoint has no'
    const given = { asynchronous, autoscaling, vpc, keepPrevious }
    const lacking = {
      asynchronous: 'asynchronous inference',
      autoscaling: 'instances to scale: provisionedConcurrency keeps some warm',
      vpc: 'network of its own',
      keepPrevious: 'second production variant to keep',
    }
    for (const [name, value] of Object.entries(given))
      if (value !== undefined)
        refuse(name, `${none} ${lacking[name as keyof typeof lacking]}`, `leave ${name} out, or name an instance type`)
  }
  requireGuardable(policy, hosting, refuse)
  if (variant !== undefined && keepPrevious !== undefined)
    refuse(
      'keepPrevious',
      'versions share the variant that is named, so none is kept beside it',
      'leave one of them out',
    )
  const kind = kindOf(hosting)
  const lacked: (typeof lacks)[keyof typeof lacks] = kind === undefined ? {} : lacks[kind]
  const sort = kind === 'named' ? 'endpoints with a named variant' : `${kind} endpoints`
  const other =
    kind === 'named'
      ? 'leave variant out, or deploy it with allAtOnce: true'
      : 'deploy it with allAtOnce: true, or to instances that answer at once'
  if (capture !== undefined && lacked.captured !== undefined)
    refuse('capture', `${kind} endpoints have no ${lacked.captured}`, 'leave capture out')
  if (kind === 'asynchronous' && keepPrevious !== undefined)
    refuse('keepPrevious', 'asynchronous endpoints have no weights that would lead back', 'leave keepPrevious out')
  for (const [need, asking] of needsOf(policy)) {
    if (need === 'sticky')
      refuse(asking, 'its variants are drawn request by request, without a key', 'leave sticky out')
    const why = lacked[need]
    if (why !== undefined) refuse(asking, `${sort} have no ${why}`, other)
    if (need === 'capture' && capture === undefined) refuse(asking, notCaptured, addCapture)
  }
  const isPaired = policy.shadow !== null || policy.strategy.kind === 'blueGreen'
  if (isPaired && policy.watch.some(({ metric }) => metric === 'mistakes'))
    refuse(
      'labelErrors',
      'SageMaker does not say which requests its shadow was sent as well',
      'leave the shadow out: canary: { steps: [5, 25, 50] }',
    )
}

const notCaptured = 'it rests on requests and answers that SageMaker writes down, and none are'
const addCapture = 'add the share of requests to the target: capture: 0.1'

/**
 * Refuses to watch an endpoint whose requests nobody writes down.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireWatchable(endpoint: string, hosting: Hosting): void {
  const refuse = (why: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `endpoint "${endpoint}" on SageMaker: p.monitor: ${why}`, { next })
  }
  const kind = kindOf(hosting)
  const lacking = kind === undefined ? undefined : lacks[kind].captured
  if (lacking !== undefined)
    refuse(`${kind} endpoints have no ${lacking}`, 'leave p.monitor out, or deploy it to instances that answer at once')
  if (hosting.capture === undefined) refuse(notCaptured, addCapture)
}

/**
 * Refuses to read requests that are tensors.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function requireRowsRead(endpoint: string, what: string): never {
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `endpoint "${endpoint}" on SageMaker: ${what}: of what SageMaker writes down, rows are read, and tensors are not`,
    { next: `leave ${what} out, or deploy it to Slipway’s own gateways` },
  )
}
