import { z } from 'zod'
import { firstOf } from '../brief.ts'
import { CodeRef, TargetRef, Task, targetInKey } from '../code-ref.ts'
import { isOfContainer, LearnerParameters, learnerInKey } from '../learner.ts'
import { RowSchema } from '../row-schema.ts'
import { SageMakerSearch } from '../sagemaker-tuning.ts'
import { showDuration } from '../show-duration.ts'
import { show } from '../show-number.ts'
import { StepId } from '../step-id.ts'
import { Budget, lossNames, lossOf, type Parameters, Space } from '../tuning.ts'
import { stepKind } from './step-kind.ts'
import { count } from './words.ts'

/** Chooses parameters of a learner by trials: trainings on the training rows, measured on the validation rows. */
export const tune = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('tune'),
    split: StepId,
    task: Task,
    inputs: RowSchema,
    features: CodeRef,
    target: TargetRef,
    crosses: z.array(z.array(z.string()).min(1)).optional(),
    weight: z.string().optional(),
    /** With the parameters that are not tuned; of those that are it says nothing that counts. */
    learner: LearnerParameters,
    seed: z.int().nonnegative(),
    space: Space,
    budget: Budget,
    /** See `Search`. */
    lag: z.int().min(0).max(1_000),
    /** Who searches in the place of us; then there is no lag. */
    search: SageMakerSearch.optional(),
    /** Whether a retraining tunes anew, and does not keep what was chosen for the version in force. */
    retune: z.literal(true).optional(),
  }),
  schemas: ['inputs'],
  refs: ['split'],
  notInKey: ['features', 'retune'],
  inKey: ({ target, learner, space }) => ({ ...targetInKey(target), learner: untuned(learner, Object.keys(space)) }),
  version: 1,
  hosts: ['@duckdb/node-api', 'v8'],
  code: ({ features, target }) => ({ features, target: target.code }),
  links: ({ split, space, budget, seed, lag, task, target, learner, search, retune }) => ({
    split,
    space,
    budget,
    seed,
    lag,
    loss: lossOf(task, target, learner),
    ...(target.group !== undefined && { isGrouped: true }),
    ...(search !== undefined && { search: search.by }),
    ...(retune !== undefined && { retune }),
  }),
  reads: ({ split, isGrouped }) => ({
    train: { step: split, output: 'train' },
    validation: { step: split, output: 'validation' },
    // No group may be in two parts, of which this is one.
    ...(isGrouped === true && { test: { step: split, output: 'test' } }),
  }),
  width: ({ budget, lag }) => Math.min(lag + 1, budget.trials),
  activity: { name: 'recordTuning', within: '1h' },
  runsUserCode: true,
  planned: ({ space, budget: { trials, timeMs, cost }, search, retune }) => {
    const bounds = [
      ...(timeMs === undefined ? [] : [showDuration(timeMs)]),
      ...(cost === undefined ? [] : [`a cost of ${cost.most}`]),
    ]
    const most = bounds.length === 0 ? '' : `, at most ${bounds.join(' and ')}`
    return `tune • ${firstOf(Object.keys(space))}; ${trials} trials${most}${search === undefined ? '' : `, searched by SageMaker (${search.strategy})`}${retune === true ? ', anew in retrainings' : ''}`
  },
  made({ kept, trials, failed, loss, value, parameters, objective, theirs }) {
    const chosen = parametersInWords(parameters as Parameters)
    if (kept !== undefined) return `kept of ${kept}: ${chosen}`
    const lost = Number(failed) === 0 ? '' : `, ${count(failed)} failed`
    const name = objective ?? lossNames[loss as keyof typeof lossNames]
    const by = objective === undefined ? '' : ' of a tuning job on SageMaker'
    const other = theirs === undefined ? '' : `; SageMaker holds trial ${theirs} for the best`
    return `${count(trials)} trials${by}${lost}; ${name} ${show(Number(value))} with ${chosen}${other}`
  },
})

/** `trees 183, leaves 40` */
export const parametersInWords = (parameters: Parameters): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? show(value) : value}`)
    .join(', ')

/** What of a learner is not tuned, in a step key. */
function untuned(learner: LearnerParameters, tuned: readonly string[]): Readonly<Record<string, unknown>> {
  const without = (values: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !tuned.includes(name)))
  const kept = learnerInKey(learner)
  if (isOfContainer(learner)) return { ...kept, hyperparameters: without(learner.hyperparameters) }
  if (learner.kind === 'outside') return { ...kept, parameters: without(learner.parameters) }
  return without(kept)
}
