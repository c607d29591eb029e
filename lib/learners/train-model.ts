import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Named, widthOf } from '../formats/answers.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { targetOutputs } from '../formats/code-ref.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { LinearBaseline, TrainingReport } from '../formats/training-report.ts'
import { profileOfAnswers } from '../stats/answer-profile.ts'
import { type Profile, profileCategories, profileNumbers } from '../stats/profile.ts'
import type { FeatureVector } from './dataset.ts'
import { takeModel } from './finished/take-model.ts'
import type { Learned, LearnerOrder, ModelInput } from './learner.ts'
import { learnerOf, type OutsideLearners, type ReadyLearner } from './learners.ts'
import { linearBaseline } from './linear-baseline.ts'
import { encodeRows, type PreparedRows, prepareRows, textsIn } from './order.ts'
import { trainingReport } from './report.ts'
import { readTrainingRows, type TrainingOrder, type TrainingRows } from './training-rows.ts'

/** Validation rows whose predictions the package is checked against. */
export const parityRows = 50_000

/** Files that training leaves in its folder. */
export const trainingFiles = {
  model: 'model.onnx',
  crosses: 'crosses.json',
  report: 'training.json',
  baseline: 'baseline.json',
  parity: 'parity.f32',
  linearBaseline: 'linear-baseline.json',
} as const

export interface Trained {
  readonly report: TrainingReport
  /** Where there is one to compare with. */
  readonly linearBaseline?: LinearBaseline | undefined
  /** What a program said of itself. */
  readonly said?: Learned['said']
}

/**
 * Trains a model, or takes a finished one: rows through the feature function, the learner, ONNX, the baseline profile
 * of features and scores; and how well a linear model does on the same rows.
 * @param onProgress what is being done, in words, and how far it is (0 to 1)
 * @param outside learners that a configuration adds
 * @throws SlipwayError SINGLE_CLASS, and those of feature functions and of the learner
 */
export async function trainModel(
  order: TrainingOrder,
  onProgress: (what: string, done: number) => void,
  outside?: OutsideLearners,
): Promise<Trained> {
  const { step, folder } = order
  onProgress('reading rows', 0)
  const { rows, inputs, learned } = await modelOf(order, await readTrainingRows(order), onProgress, outside)
  onProgress('comparing with a linear model', 1)
  const beside = await linearBaseline(step, rows)

  onProgress('writing the model', 1)
  requireWidth(order, rows, learned)
  const report = trainingReport(step.task, rows, inputs, learned)
  const write = (file: keyof typeof trainingFiles, content: string | Uint8Array): Promise<void> =>
    writeFile(join(folder, trainingFiles[file]), content)
  await write('model', learned.onnx)
  await write('crosses', canonicalJson(rows.crosses.map(({ cross }) => cross)))
  await write('report', canonicalJson(report))
  await write('baseline', canonicalJson(profileOfRows(rows, learned, { task: step.task, outputs: report.outputs })))
  await write('parity', bytesOf(learned.predictions.subarray(0, parityRows * widthOf(report))))
  if (beside !== undefined) await write('linearBaseline', canonicalJson(beside))
  return { report, linearBaseline: beside, said: learned.said }
}

/** Writes what goes to where a learner trains, into its place. @throws SlipwayError those of feature functions */
export async function layOutTraining(
  order: TrainingOrder,
  onProgress: (what: string, done: number) => void,
): Promise<void> {
  onProgress('reading rows', 0)
  const rows = prepareRows(order.step, await readTrainingRows(order))
  const learner = learnerOf(order.step.learner)
  await learner.layOut(learnersOrder(order, rows, learner), onProgress)
}

/** What a learner is given. */
function learnersOrder(
  { model, step: { task, seed, calibrate }, place }: TrainingOrder,
  rows: PreparedRows,
  learner: ReadyLearner,
): Omit<LearnerOrder<unknown>, 'parameters'> {
  const encoded = encodeRows(rows, learner.categoryOrder(textsIn(rows)))
  return { model, task, seed, calibrate, place, threads: Math.min(4, availableParallelism()), ...encoded }
}

/** A model with the rows it is judged by: one that a learner makes, or a finished one. */
async function modelOf(
  order: TrainingOrder,
  made: TrainingRows,
  onProgress: (what: string, done: number) => void,
  outside: OutsideLearners | undefined,
): Promise<{ readonly rows: PreparedRows; readonly inputs: readonly ModelInput[]; readonly learned: Learned }> {
  const { step, modelFile } = order
  const { task, learner: named } = step
  if (named.kind === 'onnx') {
    const taken = await takeModel(
      { learner: named, task, outputs: targetOutputs(step.target), modelFile },
      made,
      onProgress,
    )
    return { ...taken, rows: prepareRows(step, taken.rows) }
  }
  const rows = prepareRows(step, made)
  const learner = learnerOf(named, outside)
  const given = learnersOrder(order, rows, learner)
  return { rows, inputs: given.inputs, learned: await learner.train(given, onProgress) }
}

/**
 * Learners from outside may not know of several numbers.
 * @throws SlipwayError DEFINITION_INVALID
 */
function requireWidth({ step }: TrainingOrder, { validation, outputs }: PreparedRows, { predictions }: Learned): void {
  if (outputs === undefined) return
  const rows = validation.labels.length / (step.target.columns?.length ?? 1)
  if (predictions.length === rows * outputs.length) return
  throw new SlipwayError(
    'DEFINITION_INVALID',
    `the learner answers ${predictions.length / rows} numbers a row, and ${outputs.length} are wanted: ${outputs.join(', ')}`,
    { next: 'take trees(…), linear(…) of several targets, a program, or a finished model' },
  )
}

/** What served rows are compared with. */
function profileOfRows({ train }: PreparedRows, { predictions }: Learned, named: Named): Profile {
  const profile: Profile = Object.fromEntries(train.features.map((feature) => [feature.name, profileOf(feature)]))
  return { ...profile, ...profileOfAnswers(predictions, named) }
}

function profileOf(feature: FeatureVector): Profile[string] {
  return feature.kind === 'number'
    ? profileNumbers(feature.values, 'around')
    : profileCategories(feature.values, feature.codes)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Learned['predictions']): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
