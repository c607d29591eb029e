import { z } from 'zod'
import { firstOf } from '../brief.ts'
import { Check, codeOfCheck, metricsInWords, subjectOf, withoutCode } from '../check.ts'
import { CodeRef, TargetRef, Task, targetInKey } from '../code-ref.ts'
import { ExplainOptions } from '../explain.ts'
import { Calibrate, describeLearner, LearnerParameters, learnerInKey } from '../learner.ts'
import { OptimiseRows, optimiseInWords } from '../optimise.ts'
import { RowSchema } from '../row-schema.ts'
import { show } from '../show-number.ts'
import { Name, NamedStepId, readOf, StepId } from '../step-id.ts'
import { type Read, stepKind } from './step-kind.ts'
import { count, gatesPassed, metrics } from './words.ts'

/** Trains a model. */
export const train = stepKind({
  shape: z.object({
    id: NamedStepId,
    kind: z.literal('train'),
    split: StepId,
    task: Task,
    /**
     * The schema of the rows the feature function gets: the source's, without the columns of the target, of the weight
     * and of the group.
     */
    inputs: RowSchema,
    features: CodeRef,
    target: TargetRef,
    /** Features that are combined, each set into one number more: see `crosses.ts`. */
    crosses: z.array(z.array(z.string()).min(1)).optional(),
    /** The column that says how much a row counts in training; features do not see it. */
    weight: z.string().optional(),
    /** Of a classifier: how its probabilities are calibrated, by the validation rows. */
    calibrate: Calibrate.optional(),
    learner: LearnerParameters,
    seed: z.int().nonnegative(),
    /** The step that chooses some of the learner's parameters. */
    tuned: StepId.optional(),
    /** That step has trained with them too: what its best trial left is taken, where there is something to take. */
    ofTrial: z.literal(true).optional(),
  }),
  schemas: ['inputs'],
  refs: ['split', 'tuned'],
  notInKey: ['features', 'ofTrial'],
  inKey: ({ target, learner }) => ({ ...targetInKey(target), learner: learnerInKey(learner) }),
  version: 4,
  hosts: ['@duckdb/node-api', 'v8'],
  code: ({ features, target }) => ({ features, target: target.code }),
  links: ({ split, crosses, target, tuned, ofTrial }) => ({
    split,
    isCrossed: crosses !== undefined,
    ...(target.group !== undefined && { isGrouped: true }),
    ...(tuned !== undefined && { tuned }),
    ...(ofTrial !== undefined && { ofTrial }),
  }),
  reads: ({ split, isGrouped, tuned, ofTrial }) => ({
    train: { step: split, output: 'train' },
    validation: { step: split, output: 'validation' },
    // No group may be in two parts, of which this is one.
    ...(isGrouped === true && { test: { step: split, output: 'test' } }),
    ...(tuned !== undefined && { chosen: { step: tuned, output: 'chosen' } }),
    ...(tuned !== undefined && ofTrial === true && { trained: { step: tuned, output: 'trained' } }),
  }),
  activity: { name: 'trainModel', within: '24h' },
  order: (_, { pipeline }) => ({ model: pipeline }),
  runsUserCode: true,
  isLeased: true,
  planned: ({ learner, seed, calibrate, tuned }) =>
    `train • ${describeLearner(learner)}, ${tuned === undefined ? '' : `with what ${tuned} chose, `}${calibrate === undefined ? '' : `calibrated (${calibrate}), `}seed ${seed}`,
  made({ trees, model, rows, metrics: measured, linear, said }) {
    const made = trees === undefined ? model : `${count(trees)} trees`
    const itself = said === undefined ? '' : `; it says ${saidInWords(said as Record<string, number>)}`
    return `${made} on ${count(rows)} rows; validation ${metrics(measured)}${itself}${linearInWords(measured, linear)}`
  },
})

/** Makes the signed model package. */
export const packageModel = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('package'),
    model: NamedStepId,
    /** Largest difference allowed between ONNX Runtime's and the trainer's own predictions. */
    parity: z.number().gt(0),
    /** Counts the incompatible changes of what the model takes: see `breaking-changes.ts`. */
    signature: z.int().min(1),
    /** The model it is a version of, where that is not called as the pipeline is. */
    name: Name.optional(),
    /** Whether and how its predictions can be explained. */
    explain: ExplainOptions.optional(),
    /** What is done to its graph. */
    optimise: OptimiseRows.optional(),
    /** The function that makes answers of scores and rows. */
    answer: CodeRef.optional(),
  }),
  refs: ['model'],
  notInKey: ['answer'],
  version: 5,
  hosts: ['onnxruntime-node', 'wabt', 'v8'],
  code: ({ answer }) => ({ answer }),
  links: ({ model, name, explain }) => ({
    model,
    ...(name === undefined ? {} : { name }),
    ...(explain !== undefined && { isExplained: true }),
  }),
  reads({ model, isExplained }, plan) {
    const { id, split, isCrossed, tuned } = plan.step(train, model)
    const files = ['model', 'training', 'baseline', 'parity', ...(isCrossed ? ['crosses'] : [])]
    return {
      ...Object.fromEntries(files.map((output): [string, Read] => [output, { step: id, output }])),
      ...(tuned !== undefined && {
        chosen: { step: tuned, output: 'chosen' },
        trials: { step: tuned, output: 'trials' },
      }),
      validation: { step: split, output: 'validation' },
      ...(isExplained === true && { 'training rows': { step: split, output: 'train' } }),
      snapshot: readOf(plan.sourceOf(split)),
    }
  },
  activity: { name: 'packageModel', within: '1h' },
  order: ({ model, name }, { pipeline, refOf, stepKeyOf }) => ({
    train: refOf(model, 'train'),
    trainKey: stepKeyOf(model),
    model: name ?? pipeline,
  }),
  runsUserCode: true,
  isLeased: true,
  planned: ({ parity, optimise, answer }) =>
    `package • ONNX, ${optimise === undefined ? '' : `${optimiseInWords(optimise)}, `}parity ${parity}${answer === undefined ? '' : `, answers by ${answer.name}`}`,
  made({ bytes, kernel, parity, parityRows, uncompared, madeUp, madeUpParity, optimised, answers }) {
    const compared =
      uncompared === true
        ? 'not compared with the program that made it'
        : `parity ${Number(parity).toExponential(1)} over ${count(parityRows)} rows${madeUpInWords(madeUp, madeUpParity)}`
    const decided = answers === undefined ? '' : `; ${answers}`
    return `${count(bytes)} bytes of ONNX${optimised === undefined ? compiledInWords(kernel) : `, ${optimised}`}; ${compared}${decided}`
  },
})

/** Scores a package on a part of the rows. */
export const evaluate = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('evaluate'),
    package: StepId,
    split: StepId,
    part: z.enum(['train', 'validation', 'test']),
    slices: z.array(z.string()),
    task: Task,
    target: TargetRef,
  }),
  refs: ['package', 'split'],
  // The part counts by its rows.
  notInKey: ['part'],
  inKey: ({ target }) => targetInKey(target),
  version: 3,
  hosts: ['onnxruntime-node', '@duckdb/node-api', 'v8'],
  code: ({ target }) => ({ target: target.code }),
  links: ({ package: packageId, split, part }) => ({ package: packageId, split, part }),
  reads: (step) => ({
    package: { step: step.package, output: 'package' },
    part: { step: step.split, output: step.part },
  }),
  activity: { name: 'evaluatePackage', within: '2h' },
  runsUserCode: true,
  isLeased: true,
  planned: ({ part, slices }) => `evaluate • on ${part}${slices.length > 0 ? `, by ${slices.join(', ')}` : ''}`,
  made: ({ metrics: measured, rows }) => `${metrics(measured)} on ${count(rows)} rows`,
})

/** Judges an evaluation; where a check compares with the champion, that one is scored on the same rows first. */
export const gate = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('gate'),
    package: StepId,
    evaluation: StepId,
    model: Name,
    must: z.array(Check).min(1),
    seed: z.int(),
    /** The backtests that checks are about, by the names they have there. */
    backtests: z.record(z.string(), NamedStepId).optional(),
  }),
  refs: ['package', 'evaluation', 'backtests'],
  notInKey: ['model'],
  inKey: ({ must }) => ({ must: must.map(withoutCode) }),
  code: ({ must }) => Object.fromEntries(must.map((check) => [subjectOf(check), codeOfCheck(check)])),
  // Gates of latency are measured by blocks since 0.8: what was decided by one of them before no longer answers.
  version: ({ must }) => (must.some((check) => subjectOf(check) === 'latencyP99Ms') ? 3 : 2),
  hosts: ['v8'],
  links: ({ package: packageId, evaluation, model, must, backtests }) => ({
    package: packageId,
    evaluation,
    model,
    againstChampion: must.some(({ rule }) => rule === 'notWorseThan'),
    ...(backtests !== undefined && { backtests }),
  }),
  reads(step, plan) {
    const { id, split, part } = plan.step(evaluate, step.evaluation)
    const backtests = Object.entries(step.backtests ?? {}).map(([name, backtest]): [string, Read] => [
      `backtest:${name}`,
      { step: backtest, output: 'report' },
    ])
    return {
      package: { step: step.package, output: 'package' },
      part: { step: split, output: part },
      candidate: { step: id },
      ...Object.fromEntries(backtests),
    }
  },
  decides: 'side by side',
  activity: { name: 'judgeCandidate', within: '2h' },
  runsUserCode: true,
  isLeased: true,
  planned: ({ must }) => `gate • ${must.length} checks`,
  made: gatesPassed,
})

/** What a program said of itself, the first of it. */
const saidInWords = (said: Readonly<Record<string, number>>): string =>
  firstOf(
    Object.entries(said).map(([name, value]) => `${name} ${show(value)}`),
    { most: 3 },
  )

/** What a linear model reaches on the same rows, by the first metric; records of 0.8 and before do not know. */
function linearInWords(measured: unknown, linear: unknown): string {
  if (linear === undefined) return ''
  const [first = ''] = metricsInWords(measured as Record<string, number>, 1).split(' ')
  const value = (linear as Record<string, number>)[first]
  return value === undefined ? '' : `; a linear model reaches ${metrics({ [first]: value })}`
}

/** Of a program that predicted rows that were made up. */
const madeUpInWords = (rows: unknown, parity: unknown): string =>
  rows === undefined ? '' : `, ${Number(parity).toExponential(1)} over ${count(rows)} made-up ones`

/** Packages made before models were compiled say nothing of them. */
function compiledInWords(compiled: unknown): string {
  if (compiled === undefined) return ''
  return compiled === 'proven' ? ', compiled model proven' : `, no compiled model (${compiled})`
}
