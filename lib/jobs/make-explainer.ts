import { readFile } from 'node:fs/promises'
import { type Features, isNumbers } from '../code/run-features.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import type { LocalTable } from '../data/table.ts'
import { coverCounter, flatForest } from '../explain/flat-forest.ts'
import { leafPaths } from '../explain/leaf-paths.ts'
import { readLinear } from '../explain/linear.ts'
import { readTrees } from '../explain/read-trees.ts'
import type { ScoreForest } from '../explain/score-forest.ts'
import { treeColumns } from '../explain/tree-columns.ts'
import type { Task } from '../formats/code-ref.ts'
import { type Numbers, rowCount } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ExplainerFile, ExplainFacts, ExplainMethod, ExplainOptions } from '../formats/explain.ts'
import { backgroundOf, explainerOf, type ModelExplainer } from '../models/explainer.ts'
import { type LoadedModel, type LocalModel, loadFeatures } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { scoreTable } from './score-table.ts'

export interface ExplainerOrder {
  readonly model: LocalModel
  /** The training rows. */
  readonly table: LocalTable
  readonly options: ExplainOptions
}

/** Training rows that are counted, at most: of more, some that lie evenly among them. */
const mostRows = 200_000
/** By how much answers made of parts may differ from the model's own, in probabilities or in spreads. */
const tolerance = 1e-4

/**
 * Makes what a package keeps to explain its predictions, and shows on training rows that what is explained is what the
 * model answers.
 * @throws SlipwayError EXPLAIN_UNSUITABLE where the method asked for does not fit the model
 */
export async function makeExplainer(
  order: ExplainerOrder,
  onProgress: (what: string, done: number) => void,
): Promise<{ readonly file: ExplainerFile; readonly facts: ExplainFacts }> {
  const { model, options } = order
  const onnx = await readFile(model.onnxFile)
  const isAuto = options.method === 'auto'
  const { method, reason } = chooseMethod(onnx, model, options)
  const file = await fileFor(method, onnx, order, onProgress)
  return withModels([model], async (loaded) => {
    const explainer = explainerOf(file, onnx, loaded)
    const sample = await evenRows(order, 32)
    if (method === 'kernel' || (await agrees(explainer, loaded, sample)))
      return { file, facts: { method, of: explainer.of } }
    if (!isAuto) throw unsuitable(options.method, `its ${reason ?? 'scores'} do not add up to what the model answers`)
    const other = await fileFor('kernel', onnx, order, onProgress)
    return { file: other, facts: { method: 'kernel', of: explainerOf(other, onnx, loaded).of } }
  })
}

function chooseMethod(
  onnx: Uint8Array,
  { facts }: LocalModel,
  { method }: ExplainOptions,
): { method: ExplainMethod; reason?: string } {
  if (method === 'kernel') return { method }
  const trees = treesOf(onnx, facts.task)
  if (typeof trees !== 'string') {
    const tooDeep = method === 'interventional' ? undefined : deepPath(trees)
    if (tooDeep === undefined) return { method: method === 'auto' ? 'path-dependent' : method, reason: 'leaves' }
    if (method === 'auto') return { method: 'interventional', reason: 'leaves' }
    throw unsuitable(method, tooDeep)
  }
  const isLinear = readLinear(onnx) !== undefined
  if (isLinear && method !== 'path-dependent') return { method: 'linear', reason: 'terms' }
  if (method === 'auto') return { method: 'kernel' }
  throw unsuitable(method, trees)
}

function treesOf(onnx: Uint8Array, task: Task): ScoreForest | string {
  try {
    return readTrees(onnx, task)
  } catch (error) {
    if (error instanceof NotCompilable) return error.message
    throw error
  }
}

/** Why trees cannot be explained by the rows that passed their nodes, if they cannot. */
function deepPath(trees: ScoreForest): string | undefined {
  const flat = flatForest(trees)
  try {
    leafPaths(flat, new Float64Array(flat.feature.length))
    return undefined
  } catch (error) {
    if (error instanceof NotCompilable) return error.message
    throw error
  }
}

const unsuitable = (method: string, why: string): SlipwayError =>
  new SlipwayError('EXPLAIN_UNSUITABLE', `the model cannot be explained by "${method}": ${why}`, {
    next: "say method: 'kernel', which explains any model, or explain: true, which chooses",
  })

async function fileFor(
  method: ExplainMethod,
  onnx: Uint8Array,
  order: ExplainerOrder,
  onProgress: (what: string, done: number) => void,
): Promise<ExplainerFile> {
  const { options, model } = order
  const { samples, seed } = options
  if (method === 'interventional' || method === 'kernel') {
    const background = backgroundOf(await evenRows(order, options.background))
    if (method === 'interventional') return { slipway: 'explainer/1', method, background }
    return { slipway: 'explainer/1', method, background, samples, seed }
  }
  const { inputsOf } = await loadFeatures(model)
  const count = (features: Features, done: number): void =>
    onProgress(`explaining: ${rowCount(features)} rows more are counted`, done)
  if (method === 'linear') {
    const columns = readLinear(onnx)?.columns ?? []
    const sums = new Map<string, number>()
    let rows = 0
    await eachChunk(order, mostRows, (features, done) => {
      const inputs = inputsOf(features)
      for (const { name, terms } of columns)
        sums.set(
          name,
          terms(inputs[name] as never).reduce((sum, term) => sum + term, sums.get(name) ?? 0),
        )
      rows += rowCount(features)
      count(features, done)
    })
    return {
      slipway: 'explainer/1',
      method,
      means: Object.fromEntries([...sums].map(([name, sum]) => [name, sum / rows])),
    }
  }
  const trees = readTrees(onnx, model.facts.task)
  const counter = coverCounter(flatForest(trees))
  const { rowsOf } = treeColumns(trees.forest)
  const width = trees.forest.features
  await eachChunk(order, mostRows, (features, done) => {
    const rows = rowCount(features)
    const matrix = rowsOf(inputsOf(features), rows)
    for (let row = 0; row < rows; row++) counter.add(matrix.subarray(row * width, (row + 1) * width))
    count(features, done)
  })
  return { slipway: 'explainer/1', method, covers: [...counter.covers] }
}

/** Features of training rows that lie evenly among all, so many at most. */
async function evenRows(order: ExplainerOrder, most: number): Promise<Features> {
  const chunks: Features[] = []
  await eachChunk(order, most, (features) => chunks.push(features))
  const names = Object.keys(chunks[0] ?? {})
  return Object.fromEntries(
    names.map((name) => {
      const columns = chunks.map((chunk) => chunk[name] as Features[string])
      const [first] = columns
      if (first === undefined || !isNumbers(first))
        return [name, columns.flatMap((column) => [...(column as readonly (string | null)[])])]
      return [
        name,
        (first.constructor as Float64ArrayConstructor).from(columns.flatMap((column) => [...(column as Numbers)])),
      ]
    }),
  )
}

/** Features of training rows, every so many of them where there are more than `most`. */
async function eachChunk(
  { model, table }: ExplainerOrder,
  most: number,
  take: (features: Features, done: number) => void,
): Promise<void> {
  const { makeFeatures } = await loadFeatures(model)
  const step = Math.max(1, Math.ceil(table.rows / most))
  const source = {
    facts: model.facts,
    makeFeatures,
    scoreFeatures: async () => new Float32Array(0),
  }
  await scoreTable({ models: [source], table }, ({ at, rows, scored: [{ features }] }) => {
    const picks: number[] = []
    for (let row = (step - (at % step)) % step; row < rows; row += step) picks.push(row)
    const picked = Object.entries(features).map(([name, values]) => [
      name,
      ArrayBuffer.isView(values)
        ? (values.constructor as Float64ArrayConstructor).from(picks, (row) => values[row] as number)
        : picks.map((row) => values[row]),
    ])
    if (picks.length > 0) take(Object.fromEntries(picked), (at + rows) / table.rows)
  })
}

/** Whether scores, transformed as the model does, are its answers. */
async function agrees(explainer: ModelExplainer, model: LoadedModel, features: Features): Promise<boolean> {
  const { scores, outputs, of } = await explainer.explain(features)
  const answers = await model.scoreFeatures(features)
  if (answers.length !== scores.length) return false
  let spread = 1
  for (const answer of answers) spread = Math.max(spread, Math.abs(answer))
  const answerOf = (score: number, i: number): number => {
    if (of === 'log odds') return 1 / (1 + Math.exp(-score))
    if (of !== 'score') return score
    const from = Math.floor(i / outputs) * outputs
    return 1 / scores.subarray(from, from + outputs).reduce((sum, other) => sum + Math.exp(other - score), 0)
  }
  return scores.every((score, i) => Math.abs(answerOf(score, i) - (answers[i] as number)) <= tolerance * spread)
}
