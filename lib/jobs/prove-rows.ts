import { readFile } from 'node:fs/promises'
import { startKernel } from '../compiler/kernel.ts'
import { readForest } from '../compiler/read-forest.ts'
import { Refusal } from '../compiler/refusal.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { type Numbers, rowCount } from '../formats/columns.ts'
import { compareWithOnnxRuntime } from '../models/compare-kernel.ts'
import type { KernelFiles } from '../models/kernel.ts'
import { type LocalModel, loadFeatures } from '../models/model.ts'
import { checkParity, type Parity, parityMeter } from './parity.ts'

export interface RowsOrder {
  /** The model without a kernel. */
  readonly model: LocalModel
  readonly table: LocalTable
  /** What its trees became; undefined where they were refused. */
  readonly kernel: KernelFiles | undefined
  /** The trainer's own predictions for the first rows, and how much ONNX Runtime's may differ. */
  readonly predictions: string
  readonly limit: number
}

/** How many rows a kernel was compared on, or why it is refused. */
export type ComparedRows = { readonly rows: number; readonly answers: string } | { readonly refused: string }

/**
 * Runs a table through feature code, kernel and ONNX Runtime, once: kernel and ONNX Runtime have to say the same of every row, bit by bit,
 * and what they say of the first rows has to be what the trainer said of them.
 * @throws SlipwayError PARITY
 */
export async function proveRows(
  { model, table, kernel, ...trainers }: RowsOrder,
  onProgress: (what: string, done: number) => void,
): Promise<{ readonly parity: Parity; readonly compared: ComparedRows | undefined }> {
  if (kernel !== undefined) {
    const meter = await parityMeter(trainers, model.facts)
    const compared = await compareRows(model, table, kernel, (answers, at) => meter.take(answers, at), onProgress)
    if (!('refused' in compared)) return { parity: meter.result(), compared }
    return { parity: await checkParity({ model, table, ...trainers }), compared }
  }
  return { parity: await checkParity({ model, table, ...trainers }), compared: undefined }
}

/** @param take hears ONNX Runtime's answers, which are the kernel's: predictions, and the row they begin with */
export async function compareRows(
  model: LocalModel,
  table: LocalTable,
  kernel: KernelFiles,
  take: (answers: Numbers, at: number) => void,
  onProgress: (what: string, done: number) => void,
): Promise<ComparedRows> {
  const onnx = await readFile(model.onnxFile)
  const started = startKernel(kernel.plan, await readFile(kernel.codeFile), await readFile(kernel.tablesFile))
  const { makeFeatures, inputsOf } = await loadFeatures(model)
  let compare: Awaited<ReturnType<typeof compareWithOnnxRuntime>> | undefined
  let rows = 0
  try {
    const comparing = await compareWithOnnxRuntime(onnx, readForest(onnx), kernel.plan, started)
    compare = comparing
    await withDuckDb(1, async (connection) => {
      for await (const chunk of readColumns(connection, table, model.facts.inputs)) {
        const count = rowCount(chunk)
        take(await comparing.rows(inputsOf(makeFeatures(chunk, rows + 1)), count, rows), rows)
        rows += count
        onProgress(`comparing with ONNX Runtime, ${rows} of ${table.rows} rows`, rows / table.rows)
      }
    })
    return { rows, answers: compare.takeDigest() }
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message }
    throw error
  } finally {
    await compare?.release()
  }
}
