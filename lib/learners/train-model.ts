import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { type Cross, crossName } from '../formats/crosses.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { crossReader, fitCross } from '../stats/crosses.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../stats/metrics.ts'
import { type Profile, profileCategories, profileNumbers } from '../stats/profile.ts'
import { standardized, standardOf } from '../stats/standard.ts'
import { type FeatureVector, type LabelledFeatures, prepare } from './dataset.ts'
import { encode, fitInputs } from './encode.ts'
import { offsetsOf, withOffsets } from './offsets.ts'
import { type ModelInput, toOnnx } from './onnx/model.ts'
import { boost } from './trees/boost.ts'
import { predict } from './trees/ensemble.ts'

/** Where the bytes of a user function are, and what they must hash to. */
export interface LocalCode {
  readonly file: string
  readonly digest: string
  readonly name: string
}

export interface TrainingOrder {
  readonly step: StepOf<'train'>
  readonly model: string
  readonly train: LocalTable
  readonly validation: LocalTable
  readonly features: LocalCode
  readonly target: LocalCode | undefined
  readonly folder: string
}

/** Validation rows whose predictions the package is checked against. */
export const parityRows = 50_000

/** Files that training leaves in its folder. */
export const trainingFiles = {
  model: 'model.onnx',
  crosses: 'crosses.json',
  report: 'training.json',
  baseline: 'baseline.json',
  parity: 'parity.f32',
} as const

/**
 * Trains a model: rows through the feature function, trees, ONNX, and the baseline profile of features and scores.
 * @param onProgress what is being done, in words, and how far it is (0 to 1)
 * @throws SlipwayError SINGLE_CLASS and those of feature functions
 */
export async function trainModel(
  order: TrainingOrder,
  onProgress: (what: string, done: number) => void,
): Promise<TrainingReport> {
  const { step, folder } = order
  const preparation = {
    features: await load(order.features),
    featuresName: order.features.name,
    inputs: step.inputs,
    target: { column: step.target.column, code: order.target === undefined ? undefined : await load(order.target) },
    weight: step.weight,
    task: step.task,
  }
  onProgress('reading rows', 0)
  const [train, validation] = await withDuckDb(2, async (connection) => {
    const made = await prepare(connection, order.train, preparation, true)
    const offsets = offsetsOf(made.features)
    return [
      withOffsets(made, offsets),
      withOffsets(await prepare(connection, order.validation, preparation, false), offsets),
    ] as [LabelledFeatures, LabelledFeatures]
  })
  if (step.task === 'binary') requireBothClasses(train.labels)

  // Means of labels, of categories and of crosses, are taken from their centre too.
  const standard = step.task === 'binary' ? undefined : standardOf(train.labels, train.weights)
  const labels = standard === undefined ? train.labels : standardized(train.labels, standard)
  const inputs = fitInputs(train.features, labels, step.learner)
  const crosses = fitCrosses(step, { ...train, labels }, validation)
  const trainFeatures = [...encode(train.features, inputs), ...crosses.map(({ train }) => train)]
  const validationFeatures = [...encode(validation.features, inputs), ...crosses.map(({ validation }) => validation)]
  const { ensemble, importance, validationLoss } = boost(
    step.task,
    {
      features: trainFeatures,
      labels: train.labels,
      weights: train.weights,
      categories: step.learner.categories === 'sets' ? inputs.map(categoriesOf) : undefined,
    },
    { features: validationFeatures, labels: validation.labels, weights: validation.weights },
    step.learner,
    Math.min(4, availableParallelism()),
    (grown) => onProgress(`tree ${grown} of ${step.learner.trees}`, grown / step.learner.trees),
  )

  onProgress('writing the model', 1)
  const validationPredictions = predict(ensemble, validationFeatures, validation.labels.length)
  const metrics = step.task === 'binary' ? binaryMetricsOf : regressionMetricsOf
  const baseline: Profile = Object.fromEntries(train.features.map((feature) => [feature.name, profileOf(feature)]))
  baseline['score:'] = profileNumbers(validationPredictions, 'between')
  const report: TrainingReport = {
    rows: { train: train.labels.length, validation: validation.labels.length },
    features: [
      ...inputs.map((input, i) => ({
        name: input.name,
        kind: input.kind,
        ...(input.kind === 'category' ? { categories: input.categories.length } : {}),
        ...offsetFact(train.features[i]),
        importance: importance[i] as number,
      })),
      ...crosses.map(({ cross }, i) => ({
        name: cross.name,
        kind: 'cross' as const,
        of: cross.of,
        categories: cross.cells.length,
        importance: importance[inputs.length + i] as number,
      })),
    ],
    trees: ensemble.trees.length,
    ...(ensemble.restore !== undefined && { answers: 'float64' as const }),
    meanLabel: train.labels.reduce((sum, label) => sum + label, 0) / train.labels.length,
    ...(standard !== undefined && { labelSpread: standard.spread }),
    validationLoss,
    validationMetrics: finiteOnly(metrics({ predictions: validationPredictions, labels: validation.labels })),
  }
  await writeFile(
    join(folder, trainingFiles.model),
    toOnnx(order.model, ensemble, [
      ...inputs,
      ...crosses.map(({ cross }) => ({ name: cross.name, kind: 'number' as const })),
    ]),
  )
  await writeFile(join(folder, trainingFiles.crosses), canonicalJson(crosses.map(({ cross }) => cross)))
  await writeFile(join(folder, trainingFiles.report), canonicalJson(report))
  await writeFile(join(folder, trainingFiles.baseline), canonicalJson(baseline))
  await writeFile(join(folder, trainingFiles.parity), validationPredictions.subarray(0, parityRows))
  return report
}

const offsetFact = (feature: FeatureVector | undefined): { offset?: number } =>
  feature?.kind === 'number' && feature.offset !== undefined ? { offset: feature.offset } : {}

const categoriesOf = (input: ModelInput): number | undefined =>
  input.kind === 'category' ? input.categories.length : undefined

/** Crosses of the training rows, and their values for those and for the validation rows. */
function fitCrosses(
  { crosses = [], seed }: StepOf<'train'>,
  train: LabelledFeatures,
  validation: LabelledFeatures,
): { cross: Cross; train: Float32Array; validation: Float32Array }[] {
  const made = train.features.map(({ name }) => name)
  for (const name of crosses.flat()) {
    if (made.includes(name)) continue
    throw new SlipwayError(
      'FEATURES_TYPE',
      `a cross names the feature "${name}", which the feature function does not make`,
      {
        next: `it makes ${made.join(', ')}`,
      },
    )
  }
  const [trainColumns, validationColumns] = [columnsOf(train, crosses), columnsOf(validation, crosses)]
  const clash = crosses.map(crossName).find((name) => made.includes(name))
  if (clash !== undefined)
    throw new SlipwayError('FEATURES_TYPE', `the feature function makes "${clash}", which is what a cross is called`, {
      next: 'give that feature another name',
    })
  return crosses.map((of, i) => {
    const { cross, values } = fitCross(of, trainColumns, train.labels, seed + i)
    const read = crossReader([cross])(validationColumns)
    return { cross, train: values, validation: read[cross.name] as Float32Array }
  })
}

/** The features that crosses are made of, as the feature function gave them. */
function columnsOf({ features }: LabelledFeatures, crosses: readonly (readonly string[])[]) {
  const wanted = new Set(crosses.flat())
  return Object.fromEntries(
    features
      .filter(({ name }) => wanted.has(name))
      .map((feature) => [
        feature.name,
        feature.kind === 'number'
          ? feature.values
          : Array.from(feature.codes, (code) => (code < 0 ? null : (feature.values[code] as string))),
      ]),
  )
}

async function load({ file, digest }: LocalCode) {
  return loadFunction(await readFile(file, 'utf8'), digest)
}

function profileOf(feature: FeatureVector): Profile[string] {
  return feature.kind === 'number'
    ? profileNumbers(feature.values, 'around')
    : profileCategories(feature.values, feature.codes)
}

function requireBothClasses(labels: Float64Array): void {
  const positives = labels.reduce((sum, label) => sum + label, 0)
  if (positives > 0 && positives < labels.length) return
  throw new SlipwayError(
    'SINGLE_CLASS',
    `all ${labels.length} training rows have the label ${positives === 0 ? 0 : 1}: there is nothing to tell apart`,
    {
      next: 'check the target function and the training part of the split',
    },
  )
}

function finiteOnly(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
}
