import { readFile } from 'node:fs/promises'
import { startCompiledModel } from '../compiler/compiled-model.ts'
import { layoutOf } from '../compiler/layout.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import { readForest } from '../compiler/read-forest.ts'
import { compareWithOnnxRuntime } from './compare-engines.ts'
import type { CompiledModelFiles, GoldenRows } from './compiled-model.ts'
import { fuzzRows } from './fuzz-rows.ts'

/** Rows made up at most, and values of them: of a wide table fewer rows. */
const mostRows = 300_000
const mostValues = 60_000_000
const batchRows = 4_096
export const madeUpSeed = 7

/** Rows that are made up for a model, in whole batches. */
const rowsFor = (features: number): number =>
  Math.ceil(Math.max(batchRows, Math.min(mostRows, Math.floor(mostValues / features))) / batchRows) * batchRows

/** One of several equal parts of the made-up rows, for a thread: every so many batches. */
export interface MadeUpOrder {
  readonly onnxFile: string
  readonly compiledModel: CompiledModelFiles
  readonly part: number
  readonly parts: number
}

export interface ComparedBatches {
  readonly rows: number
  /** Batches compared, with the digests of ONNX Runtime's answers to them. */
  readonly answers: readonly (readonly [batch: number, digest: string])[]
  /** Of the part that has the last batch. */
  readonly golden: GoldenRows | undefined
  /** The first batch that differs, and how. */
  readonly refused: { readonly batch: number; readonly reason: string } | undefined
}

/**
 * Compares a compiled model with ONNX Runtime on made-up rows, bit by bit, up to the first difference. The rows are the
 * same in however many parts they are compared: each part makes up all of them, which takes little beside scoring.
 */
export async function compareMadeUp(
  { onnxFile, compiledModel, part, parts }: MadeUpOrder,
  onProgress: (what: string, done: number) => void,
): Promise<ComparedBatches> {
  const onnx = await readFile(onnxFile)
  const { forest, bins } = layoutOf(readForest(onnx))
  const started = startCompiledModel(
    compiledModel.plan,
    await readFile(compiledModel.codeFile),
    await readFile(compiledModel.tablesFile),
  )
  const rows = rowsFor(forest.features)
  const batches = rows / batchRows
  const answers: [number, string][] = []
  let batch = 0
  let golden: GoldenRows | undefined
  let compare: Awaited<ReturnType<typeof compareWithOnnxRuntime>> | undefined
  const outcome = (refused?: ComparedBatches['refused']): ComparedBatches => ({ rows, answers, golden, refused })
  try {
    compare = await compareWithOnnxRuntime(onnx, forest, compiledModel.plan, started)
    for (const inputs of fuzzRows(forest, bins, rows, batchRows, madeUpSeed)) {
      if (batch % parts === part) {
        await compare.rows(inputs, batchRows, batch * batchRows)
        answers.push([batch, compare.takeDigest()])
        onProgress(`comparing with ONNX Runtime, ${(batch + 1) * batchRows} made-up rows`, (batch + 1) / batches)
        // The last batch's: made-up rows know more corners than a table's.
        if (batch === batches - 1) golden = compare.golden()
      }
      batch++
    }
    return outcome()
  } catch (error) {
    if (error instanceof NotCompilable) return outcome({ batch, reason: error.message })
    throw error
  } finally {
    await compare?.release()
  }
}
