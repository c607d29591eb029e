import { z } from 'zod'
import { BatchPolicy } from '../batch-policy.ts'
import { TargetRef, Task, targetInKey } from '../code-ref.ts'
import { hostingInWords, SageMakerHosting } from '../hosting.ts'
import { Lookup, lookupsInWords } from '../lookup.ts'
import { codeOfDrift, describeRule, MonitorPolicy, rulesOf } from '../monitor-policy.ts'
import { groupOf, RegistryMirror } from '../registry-mirror.ts'
import { describeStrategy, RolloutPolicy } from '../rollout-policy.ts'
import { Name, StepId } from '../step-id.ts'
import { type Read, stepKind } from './step-kind.ts'
import { gatesPassed } from './words.ts'

const packageOf = (step: { readonly package: string }): { readonly package: Read } => ({
  package: { step: step.package, output: 'package' },
})

/** Waits for a person. */
export const approve = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('approve'),
    package: StepId,
    role: z.string(),
    /** Milliseconds until `otherwise` happens by itself. */
    withinMs: z.number().positive(),
    otherwise: z.enum(['approve', 'reject']),
  }),
  refs: ['package'],
  version: 1,
  hosts: [],
  links: ({ package: packageId, role, withinMs, otherwise }) => ({ package: packageId, role, withinMs, otherwise }),
  reads: (step) => packageOf(step),
  decides: 'in turn',
  isPatient: true,
  planned: ({ role }) => `approve • ${role}`,
  always: ({ role }) => `asks ${role}`,
})

/**
 * Puts a package into a registry elsewhere, where people approve and reject it too. What is decided there counts here,
 * and the other way round.
 */
export const mirror = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('mirror'),
    package: StepId,
    model: Name,
    registry: RegistryMirror,
  }),
  refs: ['package'],
  version: 1,
  hosts: [],
  links: ({ package: packageId, model, registry }) => ({ package: packageId, group: groupOf(registry, model) }),
  reads: (step) => packageOf(step),
  decides: 'in turn',
  planned: ({ model, registry }) => `mirror • SageMaker's group ${groupOf(registry, model)}`,
  always: ({ model, registry }) =>
    `puts it into the model package group ${groupOf(registry, model)} of SageMaker unless it is there`,
})

/**
 * Before a version of a watched endpoint is registered: it is compared with the champion and with the last approved
 * version on labelled rows that were served lately and on the champion's own test rows, by tests that hold over all
 * retrainings together (`lib/stats/never-worse.ts`). Passes while nothing is served.
 */
export const guard = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('guard'),
    package: StepId,
    split: StepId,
    endpoint: Name,
    task: Task,
    target: TargetRef,
    margin: z.number().gt(0).lt(1),
    alpha: z.number().gt(0).lt(0.5),
  }),
  refs: ['package', 'split'],
  notInKey: ['endpoint'],
  inKey: ({ target }) => targetInKey(target),
  version: 2,
  hosts: ['onnxruntime-node', '@duckdb/node-api', 'v8'],
  code: ({ target }) => ({ target: target.code }),
  links: ({ package: packageId, split, endpoint, alpha }) => ({ package: packageId, split, endpoint, alpha }),
  reads: (step) => ({ ...packageOf(step), test: { step: step.split, output: 'test' } }),
  decides: 'in turn',
  activity: { name: 'guardCandidate', within: '2h' },
  isLeased: true,
  planned: ({ margin, alpha }) =>
    `never worse • than champion and last approved version by ${margin}, alpha ${Number(alpha.toPrecision(2))}`,
  made: gatesPassed,
  always: ({ endpoint }) => `compares it with what ${endpoint} serves, unless that is nothing else`,
})

/** Makes a package a version of its model. */
export const register = stepKind({
  shape: z.object({ id: StepId, kind: z.literal('register'), package: StepId, model: Name }),
  refs: ['package'],
  version: 1,
  hosts: [],
  links: ({ package: packageId, model }) => ({ package: packageId, model }),
  reads: (step) => packageOf(step),
  decides: 'in turn',
  turns: ({ model }) => [`versions of ${model}`],
  planned: ({ model }) => `register • ${model}`,
  always: () => 'registers the package unless it is registered',
})

/** Brings a registered package to an endpoint: the first one at once, every later one by a rollout. */
export const deploy = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('deploy'),
    package: StepId,
    model: Name,
    endpoint: Name,
    policy: RolloutPolicy,
    /** Where it is deployed; missing: to Slipway's own gateways. */
    target: Name.optional(),
    /** How that target serves it; missing where it has no parameters. */
    hosting: SageMakerHosting.optional(),
    /** Columns that gateways look up in views; missing where requests carry all of them. */
    lookups: z.array(Lookup).min(1).optional(),
    /** Steps of this plan that publish those views: they come first. */
    looksIn: z.array(StepId).min(1).optional(),
  }),
  refs: ['package', 'looksIn'],
  notInKey: ['model'],
  version: 1,
  hosts: [],
  links: ({ package: packageId, endpoint, policy, target, hosting, lookups, looksIn }) => ({
    package: packageId,
    endpoint,
    policy,
    ...(target !== undefined && { target }),
    ...(hosting !== undefined && { hosting }),
    ...(lookups !== undefined && { lookups }),
    ...(looksIn !== undefined && { looksIn }),
  }),
  reads: (step) => ({
    ...packageOf(step),
    ...Object.fromEntries((step.looksIn ?? []).map((id) => [`view:${id}`, { step: id, output: 'table' }])),
  }),
  decides: 'in turn',
  turns: ({ endpoint }) => [`rollouts to ${endpoint}`],
  isPatient: true,
  planned: ({ endpoint, policy, lookups, hosting }) =>
    `deploy • ${endpoint}: ${describeStrategy(policy)}${lookupsInWords(lookups)}${hostingInWords(hosting)}`,
  always: ({ endpoint, policy, lookups, hosting }) =>
    `brings it to ${endpoint} unless that serves it: ${describeStrategy(policy)}${lookupsInWords(lookups)}${hostingInWords(hosting)}`,
})

/** Watches an endpoint once it is deployed: a Temporal Schedule, and the supervisor that retrains. */
export const monitor = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('monitor'),
    package: StepId,
    model: Name,
    endpoint: Name,
    policy: MonitorPolicy,
    /** Column of a split by age: says how new the rows of a retraining are. */
    time: z.string().nullable(),
  }),
  refs: ['package'],
  notInKey: ['model'],
  inKey: ({ policy }) => ({ policy: { ...policy, drift: policy.drift.map(({ code: _, ...rule }) => rule) } }),
  version: 1,
  hosts: [],
  code: ({ policy }) => Object.fromEntries(codeOfDrift(policy)),
  links: ({ package: packageId, endpoint, policy }) => ({ package: packageId, endpoint, everyMs: policy.everyMs }),
  reads: (step) => packageOf(step),
  decides: 'in turn',
  planned: ({ endpoint, policy }) => `monitor • ${endpoint}: ${rulesInWords(policy)}`,
  always: ({ endpoint, policy }) => `watches ${endpoint}: ${rulesInWords(policy)}`,
})

/** Scores tables with what an endpoint serves, on a schedule or when asked. */
export const batch = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('batch'),
    package: StepId,
    model: Name,
    endpoint: Name,
    name: Name,
    policy: BatchPolicy,
  }),
  refs: ['package'],
  notInKey: ['model'],
  version: 2,
  hosts: [],
  links: ({ package: packageId, name, policy }) => ({
    package: packageId,
    name,
    cron: policy.cron,
    from: policy.from,
  }),
  reads: (step) => packageOf(step),
  decides: 'in turn',
  planned: ({ name, policy }) => `batch • ${name}: ${policy.cron ?? 'when asked'}`,
  always: ({ policy }) => `scores ${policy.from}: ${policy.cron ?? 'when asked'}`,
})

const rulesInWords = (policy: MonitorPolicy): string => rulesOf(policy).map(describeRule).join(', ')
