import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { loadFunction } from '../code/load.ts'
import type { Features } from '../code/run-features.ts'
import type { CompiledModel } from '../compiler/compiled-model.ts'
import { widthOf } from '../formats/answers.ts'
import { type Bundle, Digest } from '../formats/artifact.ts'
import { type Column, type Numbers, rowCount } from '../formats/columns.ts'
import { Cross } from '../formats/crosses.ts'
import { DecisionFacts } from '../formats/decisions.ts'
import { ExplainFacts } from '../formats/explain.ts'
import { LearnerParameters } from '../formats/learner.ts'
import { OptimisedFacts } from '../formats/optimise.ts'
import { Task } from '../formats/plan.ts'
import { RowSchema } from '../formats/row-schema.ts'
import { requireRows } from '../formats/tensors.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { digestOf } from '../store/digest.ts'
import { type Engine, type LocalCompiledModel, openCompiledModel } from './compiled-model.ts'
import { type Decide, decider } from './decider.ts'
import { featureMaker, type InputsOf, inputMaker, type MakeFeatures, rowsOf } from './graph-inputs.ts'
import { compiledScore, onnxScore, type ScoreInputs } from './score-inputs.ts'

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
  /** The function that makes answers of scores and rows, where there is one: `answer.js`. */
  decision: DecisionFacts.optional(),
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
  answer: 'answer.js',
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
  /** Where a function answers. */
  readonly answerFile?: string | undefined
  /** Where the model has crosses. */
  readonly crossesFile?: string | undefined
  /** Where its predictions are explained. */
  readonly explainerFile?: string | undefined
  /** Missing in packages made before models were compiled. */
  readonly compiledModel?: LocalCompiledModel | undefined
}

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
  readonly makeFeatures: MakeFeatures
  readonly inputsOf: InputsOf
  /** Predictions for features made already. */
  scoreFeatures(features: Features): Promise<Numbers>
  /** What is answered to rows with such predictions; undefined where no function answers. */
  readonly decide: Decide | undefined
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
  const inputsOf = inputMaker(facts, await crossesOf(local))
  const answerCode = local.answerFile === undefined ? undefined : await readFile(local.answerFile, 'utf8')
  const freshCode = (): UserCode => ({ makeFeatures: freshFeatures(facts, code), decide: decider(facts, answerCode) })
  const firstCode = freshCode()
  // Opened last: whatever fails before leaves no session behind.
  const { score, ...scorer } =
    typeof compiledModel === 'string' ? await onnxRuntime(facts, onnx, compiledModel) : compiled(facts, compiledModel)
  const scoreFeatures = (features: Features): Promise<Numbers> => score(inputsOf(features), rowsOf(features))
  const modelWith = ({ makeFeatures, decide }: UserCode): LoadedModel => ({
    ...scorer,
    facts,
    sizeBytes: onnx.length,
    makeFeatures,
    inputsOf,
    scoreFeatures,
    decide,
    score: async (columns, firstRow) =>
      rowCount(columns) === 0 ? newAnswers(facts, 0) : scoreFeatures(makeFeatures(columns, firstRow)),
    withFreshCode: () => modelWith(freshCode()),
  })
  return modelWith(firstCode)
}

/** A model's feature code and what its graph takes of features, without anything that scores. */
export async function loadFeatures(local: LocalModel): Promise<Pick<LoadedModel, 'makeFeatures' | 'inputsOf'>> {
  const code = await readFile(local.codeFile, 'utf8')
  return { makeFeatures: freshFeatures(local.facts, code), inputsOf: inputMaker(local.facts, await crossesOf(local)) }
}

/** A fresh instance of the feature code. */
const freshFeatures = (facts: ModelFacts, code: string): MakeFeatures =>
  featureMaker(facts, loadFunction(code, facts.featureCode.digest))

const crossesOf = async ({ facts, crossesFile }: LocalModel): Promise<Cross[] | undefined> =>
  facts.crosses === undefined
    ? undefined
    : z.array(Cross).parse(JSON.parse(await readFile(crossesFile as string, 'utf8')))

type UserCode = Pick<LoadedModel, 'makeFeatures' | 'decide'>

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

type Scorer = Pick<LoadedModel, 'engine' | 'release'> & { readonly score: ScoreInputs }

const compiled = (facts: ModelFacts, compiledModel: CompiledModel): Scorer => ({
  engine: { name: 'compiled' },
  score: compiledScore(facts, compiledModel),
  release: async () => {},
})

/** One intra-op thread: with more, ONNX Runtime's sums of tree leaves depend on how they were shared. */
async function onnxRuntime(facts: ModelFacts, onnx: Uint8Array, reason: string): Promise<Scorer> {
  const ort = await import('../code/onnxruntime.ts')
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  return {
    engine: { name: 'onnxruntime', reason },
    score: onnxScore(facts, ort, session),
    release: () => session.release(),
  }
}
