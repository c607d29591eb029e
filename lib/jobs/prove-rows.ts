import { readFile } from 'node:fs/promises'
import { startCompiledModel } from '../compiler/compiled-model.ts'
import type { Forest } from '../compiler/forest.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import { readForest } from '../compiler/read-forest.ts'
import type { LocalTable } from '../data/table.ts'
import { widthOf } from '../formats/answers.ts'
import { type Numbers, rowCount } from '../formats/columns.ts'
import { compareWithOnnxRuntime } from '../models/compare-engines.ts'
import type { CompiledModelFiles } from '../models/compiled-model.ts'
import { type LocalModel, loadFeatures } from '../models/model.ts'
import { checkParity, type Parity, parityMeter } from './parity.ts'
import { scoreTable, type TableModel } from './score-table.ts'

export interface RowsOrder {
  /** The model without a compiled model. */
  readonly model: LocalModel
  readonly table: LocalTable
  /** What its trees became; undefined where they were refused. */
  readonly compiledModel: CompiledModelFiles | undefined
  /** The trainer's own predictions for the first rows, and how much ONNX Runtime's may differ. */
  readonly predictions: string
  readonly limit: number
}

/** How many rows a compiled model was compared on, or why it is refused. */
export type ComparedRows = { readonly rows: number; readonly answers: string } | { readonly refused: string }

/**
 * Runs a table through feature code, compiled model and ONNX Runtime, once: compiled model and ONNX Runtime have to say
 * the same of every row, bit by bit, and what they say of the first rows has to be what the trainer said of them.
 * @throws SlipwayError PARITY
 */
export async function proveRows(
  { model, table, compiledModel, ...trainers }: RowsOrder,
  onProgress: (what: string, done: number) => void,
): Promise<{ readonly parity: Parity; readonly compared: ComparedRows | undefined }> {
  if (compiledModel !== undefined) {
    const meter = await parityMeter(trainers, model.facts)
    const compared = await compareRows(
      model,
      table,
      compiledModel,
      (answers, at) => meter.take(answers, at),
      onProgress,
    )
    if (!('refused' in compared)) return { parity: meter.result(), compared }
    return { parity: await checkParity({ model, table, ...trainers }), compared }
  }
  return { parity: await checkParity({ model, table, ...trainers }), compared: undefined }
}

/**
 * @param take hears ONNX Runtime's answers, which are the compiled model's: predictions, and the row they begin with
 */
export async function compareRows(
  model: LocalModel,
  table: LocalTable,
  compiledModel: CompiledModelFiles,
  take: (answers: Numbers, at: number) => void,
  onProgress: (what: string, done: number) => void,
): Promise<ComparedRows> {
  const onnx = await readFile(model.onnxFile)
  const started = startCompiledModel(
    compiledModel.plan,
    await readFile(compiledModel.codeFile),
    await readFile(compiledModel.tablesFile),
  )
  const { makeFeatures, inputsOf } = await loadFeatures(model)
  let compare: Awaited<ReturnType<typeof compareWithOnnxRuntime>> | undefined
  try {
    const forest = readForest(onnx)
    const { outputs } = model.facts
    if (outputs !== undefined) requireInOrder(forest, outputs.length)
    const comparing = await compareWithOnnxRuntime(onnx, forest, compiledModel.plan, started, widthOf(model.facts))
    compare = comparing
    const both: TableModel = {
      facts: model.facts,
      makeFeatures,
      scoreFeatures: (features) => comparing.rows(inputsOf(features), rowCount(features)),
    }
    const rows = await scoreTable({ models: [both], table, threads: 1 }, (chunk) => {
      take(chunk.scored[0].predictions, chunk.at)
      const done = chunk.at + chunk.rows
      onProgress(`comparing with ONNX Runtime, ${done} of ${table.rows} rows`, done / table.rows)
    })
    return { rows, answers: compare.takeDigest() }
  } catch (error) {
    if (error instanceof NotCompilable) return { refused: error.message }
    throw error
  } finally {
    await compare?.release()
  }
}

/** Several answers a row are the sums of the trees, one by one. @throws NotCompilable */
function requireInOrder({ sums, outputs }: Forest, width: number): void {
  const answers = outputs.find(({ name }) => name === 'probabilities' || name === 'prediction')?.columns ?? []
  if (sums === width && answers.every(({ of, isComplement }, column) => of === column && !isComplement)) return
  throw new NotCompilable(`its trees have ${sums} sums, and ${width} answers are not just those, in their order`)
}
