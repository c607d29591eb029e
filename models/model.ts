import { readFile } from 'node:fs/promises'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { z } from 'zod'
import { loadFunction } from '../code/load.ts'
import { type Features, runFeatures } from '../code/run-features.ts'
import type { Kernel } from '../kernels/kernel.ts'
import { Digest } from '../pipelines/artifact.ts'
import { type Column, rowCount } from '../pipelines/columns.ts'
import { Cross } from '../pipelines/crosses.ts'
import { Learner, Task } from '../pipelines/plan.ts'
import { RowSchema } from '../pipelines/row-schema.ts'
import type { TrainingReport } from '../pipelines/training-report.ts'
import { crossReader } from '../stats/crosses.ts'
import { digestOf } from '../store/digest.ts'
import { type Engine, type LocalKernel, openKernel } from './kernel.ts'

/** What a model is, besides its files: the facts of its bundle. When, where and by whom it was made is in the run record. */
export const ModelFacts = z.object({
  name: z.string(),
  task: Task,
  /** Rows it takes. */
  inputs: RowSchema,
  target: z.string(),
  /** Columns its ONNX graph takes that the feature code makes. */
  features: z.array(z.object({ name: z.string(), kind: z.enum(['number', 'category']) })),
  /** Names of the columns that are made of features before the graph sees them, if any: `crosses.json`. */
  crosses: z.array(z.string()).optional(),
  featureCode: z.object({ name: z.string(), digest: Digest, host: z.record(z.string(), z.string()) }),
  learner: Learner,
  seed: z.int(),
  signature: z.int().default(1),
  snapshot: Digest,
})
export type ModelFacts = z.infer<typeof ModelFacts>

/** What a training report tells of a model's features. */
export function featureFacts({ features }: TrainingReport): Pick<ModelFacts, 'features' | 'crosses'> {
  const crosses = features.filter(({ kind }) => kind === 'cross').map(({ name }) => name)
  return {
    features: features.flatMap(({ name, kind }) => (kind === 'cross' ? [] : [{ name, kind }])),
    ...(crosses.length > 0 && { crosses }),
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
  kernel: 'kernel.json',
  kernelCode: 'kernel.wasm',
  kernelTables: 'kernel.tables',
} as const

/** A model package as local files. */
export interface LocalModel {
  readonly facts: ModelFacts
  readonly onnxFile: string
  readonly codeFile: string
  readonly baselineFile: string
  /** Where the model has crosses. */
  readonly crossesFile?: string | undefined
  /** Missing in packages made before there were kernels. */
  readonly kernel?: LocalKernel | undefined
}

/** A model that scores: the one way evaluation, batch scoring and serving do it. */
export interface LoadedModel {
  readonly facts: ModelFacts
  readonly sizeBytes: number
  readonly engine: Engine
  /** Rows in, predictions out [rows]: the probability of the positive class, or the predicted number. */
  score(columns: Readonly<Record<string, Column>>, firstRow?: number): Promise<Float32Array>
  /** What the feature code makes of rows. */
  makeFeatures(columns: Readonly<Record<string, Column>>, firstRow?: number): Features
  /** What the graph takes of them: the features and, where there are some, crosses. */
  inputsOf(features: Features): Features
  /** Predictions for features made already. */
  scoreFeatures(features: Features): Promise<Float32Array>
  /** The same session with a fresh instance of the feature code: what a module keeps does not leak from one piece of work into the next. */
  withFreshCode(): LoadedModel
  release(): Promise<void>
}

/**
 * Loads a model's feature code and what scores it: its kernel where it has one that repeats its golden rows here, else ONNX Runtime.
 * @throws SlipwayError DIGEST_MISMATCH when the code is not what the model names
 */
export async function loadModel(local: LocalModel): Promise<LoadedModel> {
  const { facts } = local
  const code = await readFile(local.codeFile, 'utf8')
  const onnx = await readFile(local.onnxFile)
  const kernel = await openKernel(local.kernel, digestOf(onnx))
  const { score, ...scorer } = typeof kernel === 'string' ? await onnxRuntime(facts, onnx, kernel) : compiled(kernel)
  const inputsOf = await inputMaker(local)
  const scoreFeatures = (features: Features): Promise<Float32Array> => score(inputsOf(features), rowsOf(features))
  const withFreshCode = (): LoadedModel => {
    const features = loadFunction(code, facts.featureCode.digest)
    const makeFeatures = (columns: Readonly<Record<string, Column>>, firstRow?: number): Features =>
      runFeatures(features, facts.featureCode.name, columns, firstRow)
    return {
      ...scorer,
      facts,
      sizeBytes: onnx.length,
      makeFeatures,
      inputsOf,
      scoreFeatures,
      score: async (columns, firstRow) =>
        rowCount(columns) === 0 ? new Float32Array(0) : scoreFeatures(makeFeatures(columns, firstRow)),
      withFreshCode,
    }
  }
  return withFreshCode()
}

const rowsOf = (features: Features): number => {
  for (const name in features) return features[name]?.length as number
  return 0
}

/** What adds a model's crosses to features. */
async function inputMaker({ facts, crossesFile }: LocalModel): Promise<LoadedModel['inputsOf']> {
  if (facts.crosses === undefined) return (features) => features
  const read = crossReader(z.array(Cross).parse(JSON.parse(await readFile(crossesFile as string, 'utf8'))))
  return (features) => ({ ...features, ...read(features) })
}

type Scorer = Pick<LoadedModel, 'engine' | 'release'> & {
  /** @param inputs what the graph takes */
  score(inputs: Features, rows: number): Promise<Float32Array>
}

const compiled = (kernel: Kernel): Scorer => ({
  engine: { name: 'kernel' },
  score: async (inputs, rows) => kernel.score(inputs, rows),
  release: async () => {},
})

/** One intra-op thread: with more, ONNX Runtime's sums of tree leaves depend on how they were shared. */
async function onnxRuntime(facts: ModelFacts, onnx: Uint8Array, reason: string): Promise<Scorer> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const output = facts.task === 'binary' ? 'probabilities' : 'prediction'
  const kinds = [...facts.features, ...(facts.crosses ?? []).map((name) => ({ name, kind: 'number' as const }))]
  const score = async (made: Features): Promise<Float32Array> => {
    const feeds: Record<string, Tensor> = {}
    for (const { name, kind } of kinds) {
      const feature = made[name] as Features[string]
      // An unknown text is a missing value to the graph; so is none.
      feeds[name] =
        kind === 'number'
          ? new ort.Tensor('float32', feature as Float32Array, [feature.length, 1])
          : new ort.Tensor(
              'string',
              (feature as string[]).map((value) => value ?? '\u0000'),
              [feature.length, 1],
            )
    }
    const results = await session.run(feeds as InferenceSession.FeedsType, [output])
    const data = results[output]?.data as Float32Array
    return facts.task === 'binary' ? data.filter((_, i) => i % 2 === 1) : data
  }
  return {
    engine: { name: 'onnxruntime', reason },
    score,
    release: () => session.release(),
  }
}
