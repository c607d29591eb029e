import { readFile } from 'node:fs/promises'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { z } from 'zod'
import { loadFunction } from '../code/load.ts'
import { type Features, lessOffset, runFeatures } from '../code/run-features.ts'
import type { CompiledInput, CompiledModel } from '../compiler/compiled-model.ts'
import { columnOf, sideBySide, widthOf } from '../formats/answers.ts'
import { type Bundle, Digest } from '../formats/artifact.ts'
import { isOfClasses } from '../formats/code-ref.ts'
import { type Column, type Numbers, rowCount } from '../formats/columns.ts'
import { Cross } from '../formats/crosses.ts'
import { SlipwayError } from '../formats/errors.ts'
import { ExplainFacts } from '../formats/explain.ts'
import { LearnerParameters } from '../formats/learner.ts'
import { OptimisedFacts } from '../formats/optimise.ts'
import { Task } from '../formats/plan.ts'
import { RowSchema } from '../formats/row-schema.ts'
import { requireRows } from '../formats/tensors.ts'
import { textsForOnnx } from '../formats/texts-for-onnx.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { crossReader } from '../stats/crosses.ts'
import { digestOf } from '../store/digest.ts'
import { type Engine, type LocalCompiledModel, openCompiledModel } from './compiled-model.ts'

/**
 * What a model is, besides its files: the facts of its bundle. When, where and by whom it was made is in the run
 * record.
 */
export const ModelFacts = z.object({
  name: z.string(),
  task: Task,
  /** Rows it takes. */
  inputs: RowSchema,
  target: z.string(),
  /** Of a ranking: the column of the training rows that said which were ranked among each other. */
  group: z.string().optional(),
  /** Columns its ONNX graph takes that the feature code makes. */
  features: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['number', 'category']),
      /** Subtracted in float64 before the graph sees the rest as float32. */
      offset: z.number().optional(),
      /** The graph takes it as float64. */
      exact: z.literal(true).optional(),
      /** The graph makes whole numbers of it: of others it would answer nonsense. */
      whole: z.literal(true).optional(),
    }),
  ),
  /** Of predictions in double precision; others are float32. */
  answers: z.literal('float64').optional(),
  /** What its answers are called, where there are several a row: classes, targets or quantiles, in their order. */
  outputs: z.array(z.string()).min(2).optional(),
  /** Names of the columns that are made of features before the graph sees them, if any: `crosses.json`. */
  crosses: z.array(z.string()).optional(),
  featureCode: z.object({ name: z.string(), digest: Digest, host: z.record(z.string(), z.string()) }),
  learner: LearnerParameters,
  seed: z.int(),
  signature: z.int().default(1),
  snapshot: Digest,
  /** How its predictions are explained, where the definition asks for it: `explainer.json`. */
  explain: ExplainFacts.optional(),
  /** What was done to its graph, where the definition asks for it. */
  optimised: OptimisedFacts.optional(),
})
export type ModelFacts = z.infer<typeof ModelFacts>

/** The facts of a bundle of a model of rows. @throws SlipwayError MODEL_OF_TENSORS */
export function modelFactsOf({ facts }: Pick<Bundle, 'facts'>): ModelFacts {
  requireRows(facts)
  return ModelFacts.parse(facts)
}

/** Whether a feature keeps the float64 it is made in: for its offset, or for the graph. Others become float32. */
export const isMadeFloat64 = ({ offset, exact }: ModelFacts['features'][number]): boolean =>
  offset !== undefined || exact === true

/** What a training report tells of a model's features and answers. */
export function trainedFacts({
  features,
  answers,
  outputs,
}: TrainingReport): Pick<ModelFacts, 'features' | 'crosses' | 'answers' | 'outputs'> {
  const crosses = features.filter(({ kind }) => kind === 'cross').map(({ name }) => name)
  return {
    features: features.flatMap(({ name, kind, offset, exact, whole }) =>
      kind === 'cross'
        ? []
        : [{ name, kind, ...(offset !== undefined && { offset }), ...(exact && { exact }), ...(whole && { whole }) }],
    ),
    ...(crosses.length > 0 && { crosses }),
    ...(answers !== undefined && { answers }),
    ...(outputs !== undefined && { outputs }),
  }
}

/** Files of a model bundle. */
export const modelFiles = {
  onnx: 'model.onnx',
  code: 'features.js',
  inputSchema: 'input.schema.json',
  outputSchema: 'output.schema.json',
  baseline: 'baseline.json',
  training: 'training.json',
  card: 'card.md',
  crosses: 'crosses.json',
  explainer: 'explainer.json',
  tuning: 'tuning.json',
  compiledModel: 'kernel.json',
  compiledCode: 'kernel.wasm',
  compiledTables: 'kernel.tables',
} as const

/** A model package as local files. */
export interface LocalModel {
  readonly facts: ModelFacts
  readonly onnxFile: string
  readonly codeFile: string
  readonly baselineFile: string
  /** Where the model has crosses. */
  readonly crossesFile?: string | undefined
  /** Where its predictions are explained. */
  readonly explainerFile?: string | undefined
  /** Missing in packages made before models were compiled. */
  readonly compiledModel?: LocalCompiledModel | undefined
}

/** What a graph takes: of numbers float32, but for those it takes as float64, which no compiled model has. */
export type GraphInputs = Readonly<Record<string, CompiledInput>>

/** A model that scores: the one way evaluation, batch scoring and serving do it. */
export interface LoadedModel {
  readonly facts: ModelFacts
  readonly sizeBytes: number
  readonly engine: Engine
  /**
   * Rows in, predictions out [rows]: the probability of the positive class, or the predicted number; of several classes
   * their probabilities [rows · classes], of several targets or quantiles [rows · outputs].
   */
  score(columns: Readonly<Record<string, Column>>, firstRow?: number): Promise<Numbers>
  /** What the feature code makes of rows. */
  makeFeatures(columns: Readonly<Record<string, Column>>, firstRow?: number): Features
  /** What the graph takes of them: the features, less their offsets, and, where there are some, crosses. */
  inputsOf(features: Features): GraphInputs
  /** Predictions for features made already. */
  scoreFeatures(features: Features): Promise<Numbers>
  /**
   * The same session with a fresh instance of the feature code: what a module keeps does not leak from one piece of
   * work into the next.
   */
  withFreshCode(): LoadedModel
  release(): Promise<void>
}

/**
 * Loads a model's feature code and what scores it: its compiled model where it has one that repeats its golden rows
 * here, else ONNX Runtime.
 * @throws SlipwayError DIGEST_MISMATCH when the code is not what the model names
 */
export async function loadModel(local: LocalModel): Promise<LoadedModel> {
  const { facts } = local
  const code = await readFile(local.codeFile, 'utf8')
  const onnx = await readFile(local.onnxFile)
  const compiledModel = await openCompiledModel(local.compiledModel, digestOf(onnx))
  const inputsOf = await inputMaker(local)
  const firstCode = featureMaker(facts, code)
  // Opened last: whatever fails before leaves no session behind.
  const { score, ...scorer } =
    typeof compiledModel === 'string' ? await onnxRuntime(facts, onnx, compiledModel) : compiled(facts, compiledModel)
  const scoreFeatures = (features: Features): Promise<Numbers> => score(inputsOf(features), rowsOf(features))
  const modelWith = (makeFeatures: LoadedModel['makeFeatures']): LoadedModel => ({
    ...scorer,
    facts,
    sizeBytes: onnx.length,
    makeFeatures,
    inputsOf,
    scoreFeatures,
    score: async (columns, firstRow) =>
      rowCount(columns) === 0 ? newAnswers(facts, 0) : scoreFeatures(makeFeatures(columns, firstRow)),
    withFreshCode: () => modelWith(featureMaker(facts, code)),
  })
  return modelWith(firstCode)
}

/** A model's feature code and what its graph takes of features, without anything that scores. */
export async function loadFeatures(local: LocalModel): Promise<Pick<LoadedModel, 'makeFeatures' | 'inputsOf'>> {
  const code = await readFile(local.codeFile, 'utf8')
  return { makeFeatures: featureMaker(local.facts, code), inputsOf: await inputMaker(local) }
}

/** A fresh instance of the feature code. */
function featureMaker(facts: ModelFacts, code: string): LoadedModel['makeFeatures'] {
  const features = loadFunction(code, facts.featureCode.digest)
  const exact = new Set(facts.features.filter(isMadeFloat64).map(({ name }) => name))
  const staysExact = (feature: string): boolean => exact.has(feature)
  return (columns, firstRow) => runFeatures(features, facts.featureCode.name, columns, firstRow, staysExact)
}

const rowsOf = (features: Features): number => {
  for (const name in features) return features[name]?.length as number
  return 0
}

/** Room for the predictions of rows. */
export function newAnswers(facts: Pick<ModelFacts, 'answers' | 'outputs'>, rows: number): Numbers {
  const length = rows * widthOf(facts)
  return facts.answers === 'float64' ? new Float64Array(length) : new Float32Array(length)
}

/** Predictions from a file, which holds nothing else: four bytes each, or eight. */
export function answersOf(bytes: Uint8Array, count: number): Numbers {
  // A fresh buffer: typed arrays need their alignment.
  const { buffer } = Uint8Array.from(bytes)
  return bytes.length === count * 8 ? new Float64Array(buffer) : new Float32Array(buffer)
}

const offsetsIn = ({ features }: ModelFacts): ReadonlyMap<string, number> =>
  new Map(features.flatMap(({ name, offset }) => (offset === undefined ? [] : [[name, offset] as const])))

/** What takes offsets off a model's features and adds its crosses, which are of features as they were made. */
async function inputMaker({ facts, crossesFile }: LocalModel): Promise<LoadedModel['inputsOf']> {
  const offsets = [...offsetsIn(facts)]
  const readCrosses =
    facts.crosses === undefined
      ? () => ({})
      : crossReader(z.array(Cross).parse(JSON.parse(await readFile(crossesFile as string, 'utf8'))))
  const whole = facts.features.filter((feature) => feature.whole === true)
  if (whole.length > 0) return (features) => requireWhole(whole, features) as GraphInputs
  if (offsets.length === 0 && facts.crosses === undefined) return (features) => features as GraphInputs
  return (features) => ({
    ...(features as GraphInputs),
    ...Object.fromEntries(offsets.map(([name, offset]) => [name, lessOffset(features[name] as Numbers, offset)])),
    ...readCrosses(features),
  })
}

/**
 * What a finished model makes whole numbers of has to be some; such a model has neither offsets nor crosses.
 * @throws SlipwayError FEATURES_NOT_FINITE
 */
function requireWhole(whole: ModelFacts['features'], features: Features): Features {
  for (const { name } of whole) {
    const values = features[name] as Numbers
    for (let row = 0; row < values.length; row++) {
      if (Number.isSafeInteger(values[row])) continue
      throw new SlipwayError(
        'FEATURES_NOT_FINITE',
        `feature "${name}" is ${values[row]}, and the model takes whole numbers`,
        {
          next: 'make whole numbers of it in the feature function, of missing ones too',
        },
      )
    }
  }
  return features
}

type Scorer = Pick<LoadedModel, 'engine' | 'release'> & {
  /** @param inputs what the graph takes */
  score(inputs: GraphInputs, rows: number): Promise<Numbers>
}

const compiled = ({ outputs }: ModelFacts, compiledModel: CompiledModel): Scorer => ({
  engine: { name: 'compiled' },
  score:
    outputs === undefined
      ? async (inputs, rows) => compiledModel.score(inputs, rows)
      : async (inputs, rows) => sideBySide(compiledModel.scoreAll(inputs, rows).answers),
  release: async () => {},
})

const numbersTensor = (ort: typeof import('onnxruntime-node'), values: Numbers): Tensor =>
  values instanceof Float64Array
    ? new ort.Tensor('float64', values, [values.length, 1])
    : new ort.Tensor('float32', values, [values.length, 1])

/** One intra-op thread: with more, ONNX Runtime's sums of tree leaves depend on how they were shared. */
async function onnxRuntime(facts: ModelFacts, onnx: Uint8Array, reason: string): Promise<Scorer> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const output = isOfClasses(facts.task) ? 'probabilities' : 'prediction'
  const kinds = [...facts.features, ...(facts.crosses ?? []).map((name) => ({ name, kind: 'number' as const }))]
  const score = async (made: GraphInputs): Promise<Numbers> => {
    const feeds: Record<string, Tensor> = {}
    for (const { name, kind } of kinds) {
      const feature = made[name] as CompiledInput
      feeds[name] =
        kind === 'number'
          ? numbersTensor(ort, feature as Numbers)
          : new ort.Tensor('string', textsForOnnx(feature as readonly (string | null)[]), [feature.length, 1])
    }
    const results = await session.run(feeds as InferenceSession.FeedsType, [output])
    const data = results[output]?.data as Numbers
    return facts.task === 'binary' ? columnOf(data, 1, 2) : data
  }
  return {
    engine: { name: 'onnxruntime', reason },
    score,
    release: () => session.release(),
  }
}
