import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostVersions } from '../code/host.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { checkBins, checkMasks } from '../kernels/check.ts'
import { compileKernel, planOf } from '../kernels/compile.ts'
import { type Kernel, type KernelPlan, startKernel } from '../kernels/kernel.ts'
import { Refusal } from '../kernels/refusal.ts'
import { canonicalJson } from '../pipelines/canonical.ts'
import { rowCount } from '../pipelines/columns.ts'
import { digestOf } from '../store/digest.ts'
import { compareWithOnnxRuntime } from './compare-kernel.ts'
import { fuzzRows } from './fuzz-rows.ts'
import type { KernelReport } from './kernel.ts'
import { type LocalModel, loadModel, modelFiles } from './model.ts'

export interface KernelOrder {
  /** The model without a kernel. */
  readonly model: LocalModel
  /** Rows to compare on, besides those that are made up. */
  readonly table: LocalTable
  /** Where the files go, by their names in the package; of code and tables nothing where the kernel is refused. */
  readonly folder: string
}

/** Rows made up at most, and values of them: of a wide table fewer rows. */
const mostRows = 300_000
const mostValues = 60_000_000
const batchRows = 4_096
const seed = 7

/**
 * Compiles a model's trees and proves that the result answers as ONNX Runtime does, bit by bit, with one thread there (with more its
 * sums depend on how the trees were shared out): all bins at their critical values, all masks against walks of the trees, and sums and
 * answers on the table's rows and on made-up ones. What cannot be compiled, or differs anywhere, is refused with the reason.
 */
export async function proveKernel(
  { model, table, folder }: KernelOrder,
  onProgress: (what: string, done: number) => void,
): Promise<KernelReport> {
  const report = await tryToProve(model, table, folder, onProgress).catch((error): KernelReport => {
    if (error instanceof Refusal) return { slipway: 'kernel/1', status: 'refused', reason: error.message }
    throw error
  })
  await writeFile(join(folder, modelFiles.kernel), canonicalJson(report))
  return report
}

async function tryToProve(
  local: LocalModel,
  table: LocalTable,
  folder: string,
  onProgress: (what: string, done: number) => void,
): Promise<KernelReport> {
  const onnx = await readFile(local.onnxFile)
  onProgress('compiling the trees', 0)
  const { layout, code, tables } = await compileKernel(onnx)
  const plan = planOf(layout)
  const kernel = start(plan, code, tables)
  const values = checkBins(kernel, layout)
  if (values.differing > 0)
    throw new Refusal(`${values.differing} of ${values.compared} values are put into another bin`)
  const masks = checkMasks(layout, tables)
  if (masks.differing > 0) throw new Refusal(`${masks.differing} of ${masks.compared} masks allow other leaves`)

  const madeUpRows = Math.max(batchRows, Math.min(mostRows, Math.floor(mostValues / layout.forest.features)))
  const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, kernel)
  const say = (): void =>
    onProgress(`comparing with ONNX Runtime, ${compare.compared} rows`, compare.compared / (table.rows + madeUpRows))
  try {
    let tableRows = 0
    const model = await loadModel(local)
    await withDuckDb(1, async (connection) => {
      for await (const chunk of readColumns(connection, table, model.facts.inputs)) {
        const rows = rowCount(chunk)
        await compare.rows(model.inputsOf(model.makeFeatures(chunk, tableRows + 1)), rows)
        tableRows += rows
        say()
      }
    })
    await model.release()
    for (const batch of fuzzRows(layout.forest, layout.bins, madeUpRows, batchRows, seed)) {
      await compare.rows(batch, batchRows)
      say()
    }
    await writeFile(join(folder, modelFiles.kernelCode), code)
    await writeFile(join(folder, modelFiles.kernelTables), tables)
    const { forest } = layout
    return {
      slipway: 'kernel/1',
      status: 'proven',
      model: digestOf(onnx),
      code: digestOf(code),
      tables: digestOf(tables),
      plan,
      shape: {
        trees: forest.trees.length,
        leaves: Math.max(...forest.trees.map((tree) => tree.filter((node) => 'adds' in node).length)),
        features: forest.features,
        thresholds: layout.bins.reduce((sum, { cuts }) => sum + cuts.length, 0),
        laneBits: layout.laneBits,
        codeBytes: code.length,
        tableBytes: tables.length,
      },
      proof: {
        values: values.compared,
        masks: masks.compared,
        tableRows,
        fuzzRows: compare.compared - tableRows,
        seed,
        answers: compare.digest(),
        onnxruntime: hostVersions()['onnxruntime-node'] ?? 'unknown',
        platform: `${process.platform}-${process.arch}`,
      },
      golden: compare.golden(),
    }
  } finally {
    await compare.release()
  }
}

function start(plan: KernelPlan, code: Uint8Array, tables: Uint8Array): Kernel {
  try {
    return startKernel(plan, code, tables)
  } catch (error) {
    throw new Refusal(`this runtime cannot run it: ${(error as Error).message}`)
  }
}
