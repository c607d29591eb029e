import { SlipwayError } from '../../formats/errors.ts'
import type { MonitorPolicy } from '../../formats/monitor-policy.ts'
import type { StepOf } from '../../formats/plan.ts'
import type { RolloutPolicy } from '../../formats/rollout-policy.ts'
import { batchPolicyOf } from '../batch.ts'
import type { Builder } from '../builder.ts'
import { policyOf } from '../deploy.ts'
import { durationMs } from '../duration.ts'
import { guardedVariant } from '../guardrails.ts'
import { requireHostable, requireRowsRead, requireWatchable } from '../hosting.ts'
import { lookupsOf } from '../lookup.ts'
import { monitorPolicyOf } from '../monitor.ts'
import { requireOutputs } from '../outputs.ts'
import { add, addLast, modelOf, nextId, type Place, stepNamed, tensorsOf, trainingOf } from '../recording.ts'

export const approve =
  (at: Place): Builder['approve'] =>
  (candidate, { role, within, otherwise }) => {
    const withinMs = durationMs(within)
    add(at.recording, {
      id: nextId(at, 'approve'),
      kind: 'approve',
      package: candidate.id,
      role,
      withinMs,
      otherwise,
    })
  }

export const mirror =
  (at: Place): Builder['mirror'] =>
  (candidate, registry) => {
    const { pipeline, steps } = at.recording
    // Of tensors alone there is no card.
    trainingOf(at, candidate.id)
    const others = steps.filter((step) => 'package' in step && step.package === candidate.id)
    const refuse = (what: string, next: string): never => {
      throw new SlipwayError('DEFINITION_INVALID', `pipeline "${pipeline}": ${what}`, { next })
    }
    if (others.some(({ kind }) => kind === 'mirror')) refuse('one package is mirrored twice', 'leave one p.mirror out')
    if (others.some(({ kind }) => kind === 'approve'))
      refuse('a package is mirrored after somebody is asked about it', 'say p.mirror before p.approve')
    const model = modelOf(at, candidate.id)
    add(at.recording, { id: nextId(at, 'mirror'), kind: 'mirror', package: candidate.id, model, registry })
  }

const noLookups: ReturnType<typeof lookupsOf> = { lookups: [], looksIn: [] }

/** @throws SlipwayError DEFINITION_INVALID where scores that only order rows are to be right or wrong */
function requireJudged(at: Place, endpoint: string, packageId: string, { watch }: RolloutPolicy): void {
  if (!watch.some(({ metric }) => metric === 'mistakes') || tensorsOf(at, packageId) !== undefined) return
  if (trainingOf(at, packageId).task !== 'ranking') return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `endpoint "${endpoint}" watches label errors, and the score of a ranking is neither right nor wrong: it orders rows`,
    { next: 'watch errors, latency or scores; what labels say is for p.monitor: quality: ndcg.below(…)' },
  )
}

const needsParameters = (endpoint: string): SlipwayError =>
  new SlipwayError(
    'DEFINITION_INVALID',
    `endpoint "${endpoint}": target "sagemaker" needs an image, a role, instances`,
    {
      next: "target: sagemakerEndpoint({ image, role, instance: 'ml.m5.large' })",
    },
  )

const notGuarded = (endpoint: string): SlipwayError =>
  new SlipwayError('DEFINITION_INVALID', `endpoint "${endpoint}": guardrails are SageMaker’s own`, {
    next: 'name target: sagemakerEndpoint({ … }), or roll it out by canary: { steps: [5, 25, 50] }',
  })

export const deploy =
  (at: Place): Builder['deploy'] =>
  (candidate, options) => {
    const { endpoint, lookup = [] } = options
    const given = typeof options.target === 'object' ? options.target : undefined
    // SageMaker shifts traffic between fleets of one name.
    const hosting = given && 'guardrails' in options ? { variant: guardedVariant, ...given } : given
    const target = typeof options.target === 'object' ? options.target.kind : options.target
    const { pipeline, last } = at.recording
    const model = modelOf(at, candidate.id)
    const others = last.deploy.filter((step) => step.endpoint === endpoint)
    if (others.some((step) => step.package === candidate.id))
      throw new SlipwayError(
        'DEFINITION_INVALID',
        `pipeline "${pipeline}" deploys one package to "${endpoint}" twice`,
        {
          next: 'leave one p.deploy out',
        },
      )
    const other = others.find((step) => step.model !== model)
    if (other !== undefined)
      throw new SlipwayError(
        'DEFINITION_INVALID',
        `pipeline "${pipeline}" deploys two models to "${endpoint}": ${other.model} and ${model}`,
        { next: 'name an endpoint of its own for each: the item of a branch makes a good ending' },
      )
    if (target !== undefined && lookup.length > 0)
      throw new SlipwayError(
        'DEFINITION_INVALID',
        `endpoint "${endpoint}" looks columns up, which target "${target}" does not`,
        { next: "leave the target out (Slipway's own gateways look up), or the lookup" },
      )
    const policy = policyOf(options)
    requireJudged(at, endpoint, candidate.id, policy)
    if (hosting !== undefined) {
      requireHostable(endpoint, hosting, policy)
      if (tensorsOf(at, candidate.id) !== undefined && policy.watch.some(({ metric }) => metric === 'scores'))
        requireRowsRead(endpoint, 'scores.unchanged()')
    } else if (target === 'sagemaker') throw needsParameters(endpoint)
    else if (policy.strategy.kind === 'guardrails') throw notGuarded(endpoint)
    const { lookups, looksIn } =
      lookup.length === 0 ? noLookups : lookupsOf(endpoint, trainingOf(at, candidate.id).inputs, lookup)
    const id = addLast(at, {
      kind: 'deploy',
      package: candidate.id,
      model,
      endpoint,
      policy,
      ...(target !== undefined && { target }),
      ...(hosting !== undefined && { hosting }),
      ...(lookups.length > 0 && { lookups }),
      ...(looksIn.length > 0 && { looksIn }),
    })
    return { kind: 'endpoint', id, endpoint }
  }

/** @throws SlipwayError DEFINITION_INVALID where answers could be compared with nothing */
function requireOutputsOnly({ file, samples }: StepOf<'tensors'>, { drift }: MonitorPolicy): void {
  if (drift.length === 0 || samples !== undefined) return
  throw new SlipwayError('DEFINITION_INVALID', `"${file}" is watched for drift, and there is nothing to compare with`, {
    next: "name inputs as they are usual: p.tensors(file, { samples: 'samples.json' })",
  })
}

export const monitor =
  (at: Place): Builder['monitor'] =>
  (live, options) => {
    const deployed = stepNamed(at, 'deploy', live.id)
    const { hosting } = deployed
    if (hosting !== undefined) requireWatchable(live.endpoint, hosting)
    const policy = monitorPolicyOf(options, at.recording.codeOf)
    const taken = tensorsOf(at, deployed.package)
    if (hosting !== undefined && taken !== undefined) requireRowsRead(live.endpoint, 'p.monitor')
    if (taken !== undefined) requireOutputsOnly(taken, policy)
    const isOfRows = taken === undefined || policy.retrain !== null || policy.quality.length > 0
    const training = isOfRows ? trainingOf(at, deployed.package) : undefined
    const rule = training && stepNamed(at, 'split', training.split).rule
    const watched = policy.quality.map(({ metric }) => metric)
    if (training !== undefined) requireOutputs('a rule of a monitor', watched, training.target)
    if (policy.retrain !== null && training !== undefined) {
      const { margin, alpha } = policy.retrain
      const { split, task, target } = training
      const { package: packageId, endpoint } = deployed
      addLast(at, { kind: 'guard', package: packageId, split, endpoint, task, target, margin, alpha }, 'never-worse')
    }
    addLast(at, {
      kind: 'monitor',
      package: deployed.package,
      model: deployed.model,
      endpoint: live.endpoint,
      policy,
      time: rule?.by === 'age' ? rule.column : null,
    })
  }

export const batch =
  (at: Place): Builder['batch'] =>
  (live, name, options) => {
    const deployed = stepNamed(at, 'deploy', live.id)
    const { pipeline, last } = at.recording
    // Of tensors alone there are no rows.
    trainingOf(at, deployed.package)
    if (last.batch.some((step) => step.name === name))
      throw new SlipwayError('DEFINITION_INVALID', `pipeline "${pipeline}" has two batches "${name}"`, {
        next: 'give one of them another name',
      })
    addLast(at, {
      kind: 'batch',
      package: deployed.package,
      model: deployed.model,
      endpoint: live.endpoint,
      name,
      policy: batchPolicyOf(name, options),
    })
  }
