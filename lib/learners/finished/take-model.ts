import { readFile } from 'node:fs/promises'
import { shortDigest } from '../../formats/artifact.ts'
import type { OnnxLearner } from '../../formats/learner.ts'
import type { Task } from '../../formats/plan.ts'
import type { FeatureVector, LabelledFeatures } from '../dataset.ts'
import type { Learned, ModelInput } from '../learner.ts'
import { renumbered, type TrainingRows } from '../training-rows.ts'
import { byDefinition } from './brought.ts'
import { importanceInWords, importanceOf } from './importance.ts'
import { type FeatureRows, type FinishedModel, openFinished } from './open.ts'

export interface TakeOrder {
  readonly learner: OnnxLearner
  readonly task: Task
  /** What the numbers of a row are called, where there are to be several. */
  readonly outputs?: readonly string[] | undefined
  /** The model with all that belongs to it, as a local file. */
  readonly modelFile: string | undefined
}

/** A finished model in the place of one that was trained. */
export interface Taken {
  /** The rows, in the precision that the model takes them in. */
  readonly rows: TrainingRows
  readonly inputs: readonly ModelInput[]
  readonly learned: Learned
}

/**
 * Takes a finished model as what a training would make: it scores the validation rows as it was given, which packaging
 * compares with how it is served.
 * @throws SlipwayError MODEL_INVALID that names the file and what does not fit
 */
export async function takeModel(
  { learner, task, outputs, modelFile }: TakeOrder,
  { train, validation }: TrainingRows,
  onProgress: (what: string, done: number) => void,
): Promise<Taken> {
  const brought = byDefinition(learner)
  if (modelFile === undefined)
    throw brought.refuse('the plan was made without the file', 'plan it with slipway run or slipway plan')
  onProgress('opening the model', 0)
  const wanted = { task, classes: train.classes?.names, outputs }
  const model = await openFinished(brought, wanted, await readFile(modelFile), train.features)
  try {
    onProgress('scoring validation rows', 0.2)
    const given = rowsOf(validation)
    const predictions = await model.predict(given)
    onProgress('measuring what it uses', 0.6)
    const importance = await importanceOf(model, train.features, given)
    const rows = { train: asTaken(train, model), validation: asTaken(validation, model) }
    const inputs = train.features.map((feature): ModelInput => {
      const { name } = feature
      if (feature.kind === 'category') return { name, kind: 'category', categories: feature.values }
      return { name, kind: 'number', ...flag(model.exact.has(name), 'exact'), ...flag(model.whole.has(name), 'whole') }
    })
    return {
      rows,
      inputs,
      learned: { onnx: model.onnx(), predictions, importance, report: { words: wordsOf(learner) } },
    }
  } finally {
    await model.release()
  }
}

const flag = <Name extends string>(isSo: boolean, name: Name): { readonly [Each in Name]?: true } =>
  (isSo ? { [name]: true } : {}) as { readonly [Each in Name]?: true }

/** Features as vectors of a table, as rows of the model. */
function rowsOf({ features }: LabelledFeatures): FeatureRows {
  return Object.fromEntries(
    features.map((feature) => [
      feature.name,
      feature.kind === 'number'
        ? feature.values
        : Array.from(feature.codes, (code) => (code < 0 ? null : (feature.values[code] as string))),
    ]),
  )
}

/**
 * Numbers in float32, but for those that the model takes more of: as gateways and batches make them. Labels by its
 * classes.
 */
function asTaken(made: LabelledFeatures, { exact, classes }: FinishedModel): LabelledFeatures {
  const known = classes()
  const features = made.features.map((feature): FeatureVector => {
    if (feature.kind === 'category') return feature
    const values = exact.has(feature.name) ? Float64Array.from(feature.values) : Float32Array.from(feature.values)
    return { ...feature, values }
  })
  return { ...(known === undefined ? made : renumbered(made, known)), features }
}

/** What the card says of it. */
const wordsOf = ({ model }: OnnxLearner) => ({
  model: 'a finished model',
  importance: importanceInWords,
  training: `None here: it is the ONNX file \`${shortDigest(model ?? '')}\`, taken as it is. The rows above are those it was tried on.`,
})
