import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../code/host.ts'
import { type Features, isNumbers } from '../code/run-features.ts'
import { flatForest } from '../explain/flat-forest.ts'
import { interventional } from '../explain/interventional.ts'
import { kernelShap } from '../explain/kernel.ts'
import { type LinearSum, readLinear } from '../explain/linear.ts'
import { pathDependent, type RowExplainer } from '../explain/path-dependent.ts'
import { readTrees } from '../explain/read-trees.ts'
import { treeColumns } from '../explain/tree-columns.ts'
import { isOfClasses } from '../formats/code-ref.ts'
import { rowCount } from '../formats/columns.ts'
import { type Background, ExplainerFile, type ExplainFacts, type Explanations } from '../formats/explain.ts'
import type { LoadedModel, LocalModel } from './model.ts'

/** A package's way to say why its predictions are what they are. */
export interface ModelExplainer extends ExplainFacts {
  /** @param features as the feature code makes them */
  explain(features: Features): Promise<Explanations>
}

type Scoring = Pick<LoadedModel, 'facts' | 'inputsOf' | 'scoreFeatures'>

/** Rows of made-up columns that are scored at once. */
const rowsAtOnce = 16_384

/** Opens what a package keeps to explain its predictions; undefined where it keeps nothing. */
export async function openExplainer(local: LocalModel, model: Scoring): Promise<ModelExplainer | undefined> {
  if (local.explainerFile === undefined) return undefined
  const file = ExplainerFile.parse(JSON.parse(await readFile(local.explainerFile, 'utf8')))
  return explainerOf(file, await readFile(local.onnxFile), model)
}

/** @param onnx the model's graph */
export function explainerOf(file: ExplainerFile, onnx: Uint8Array, model: Scoring): ModelExplainer {
  switch (file.method) {
    case 'kernel':
      return byKernel(file, model)
    case 'linear':
      return byWeights(file.means, readLinear(onnx) as LinearSum, model)
    case 'path-dependent':
    case 'interventional':
      return byTrees(file, onnx, model)
  }
}

/** The loops of path-dependent explanations, compiled; read when they are first wanted. */
function kernels(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(join(packageRoot, 'dist', 'explain-kernels.wasm')))
  return compiled
}
let compiled: WebAssembly.Module | undefined

function byTrees(
  file: Extract<ExplainerFile, { method: 'path-dependent' | 'interventional' }>,
  onnx: Uint8Array,
  { facts, inputsOf }: Scoring,
): ModelExplainer {
  const trees = readTrees(onnx, facts.task)
  const flat = flatForest(trees)
  const { names, rowsOf } = treeColumns(trees.forest)
  const { features: width, outputs } = flat
  let rows: RowExplainer
  if (file.method === 'path-dependent') rows = pathDependent(flat, file.covers, kernels())
  else {
    const background = featuresOf(file.background)
    rows = interventional(flat, rowsOf(inputsOf(background), file.background.rows))
  }
  const { method } = file
  return {
    method,
    of: trees.space,
    async explain(features) {
      const count = rowCount(features)
      const matrix = rowsOf(inputsOf(features), count)
      const scores = new Float64Array(count * outputs)
      const parts = new Float64Array(count * outputs * width)
      for (let row = 0; row < count; row++)
        rows.explain(
          matrix.subarray(row * width, (row + 1) * width),
          parts.subarray(row * outputs * width, (row + 1) * outputs * width),
          scores.subarray(row * outputs, (row + 1) * outputs),
        )
      return { method, of: trees.space, columns: names, rows: count, outputs, base: rows.expected, scores, parts }
    },
  }
}

/** A term's part is the term less its mean over training rows: what both games of trees would say too. */
function byWeights(
  means: Readonly<Record<string, number>>,
  { columns, intercept, space }: LinearSum,
  { inputsOf }: Scoring,
): ModelExplainer {
  const names = columns.map(({ name }) => name)
  const meanOf = (name: string): number => means[name] ?? 0
  const base = Float64Array.of(names.reduce((sum, name) => sum + meanOf(name), intercept))
  return {
    method: 'linear',
    of: space,
    async explain(features) {
      const [inputs, rows] = [inputsOf(features), rowCount(features)]
      const parts = new Float64Array(rows * names.length)
      const scores = new Float64Array(rows).fill(intercept)
      columns.forEach(({ name, terms }, i) => {
        terms(inputs[name] as never).forEach((term, row) => {
          parts[row * names.length + i] = term - meanOf(name)
          scores[row] = (scores[row] as number) + term
        })
      })
      return { method: 'linear', of: space, columns: names, rows, outputs: 1, base, scores, parts }
    },
  }
}

/** What a set of features is worth: the mean answer where the others are those of background rows, each in turn. */
function byKernel(file: Extract<ExplainerFile, { method: 'kernel' }>, model: Scoring): ModelExplainer {
  const background = featuresOf(file.background)
  const names = model.facts.features.map(({ name }) => name)
  const of = isOfClasses(model.facts.task) ? 'probability' : 'prediction'
  return {
    method: 'kernel',
    of,
    async explain(features) {
      const rows = rowCount(features)
      const answers = await model.scoreFeatures(features)
      const outputs = answers.length / Math.max(1, rows)
      const parts = new Float64Array(rows * outputs * names.length)
      const errors = new Float64Array(parts.length)
      let base = new Float64Array(outputs)
      for (let row = 0; row < rows; row++) {
        const worth = worthOf(model, { features, row, names, background })
        const { samples, seed } = file
        const estimate = await kernelShap(worth, { columns: names.length, outputs, samples, seed })
        parts.set(estimate.parts, row * outputs * names.length)
        errors.set(estimate.errors, row * outputs * names.length)
        base = Float64Array.from(estimate.none)
      }
      const scores = Float64Array.from(answers)
      return { method: 'kernel', of, columns: names, rows, outputs, base, scores, parts, errors }
    },
  }
}

function worthOf(
  { scoreFeatures }: Scoring,
  { features, row, names, background }: { features: Features; row: number; names: string[]; background: Features },
) {
  const size = rowCount(background)
  const setsAtOnce = Math.max(1, Math.floor(rowsAtOnce / size))
  return async (sets: readonly Uint8Array[]): Promise<Float64Array> => {
    let worth: Float64Array | undefined
    for (let from = 0; from < sets.length; from += setsAtOnce) {
      const some = sets.slice(from, from + setsAtOnce)
      const mixed = names.map((name, column) => [
        name,
        mix(
          features[name] as Features[string],
          row,
          background[name] as Features[string],
          (set) => some[set]?.[column] === 1,
          some.length * size,
        ),
      ])
      const answers = await scoreFeatures(Object.fromEntries(mixed))
      const outputs = answers.length / (some.length * size)
      worth ??= new Float64Array(sets.length * outputs)
      for (let i = 0; i < answers.length; i++) {
        const set = from + Math.floor(Math.floor(i / outputs) / size)
        const at = set * outputs + (i % outputs)
        worth[at] = (worth[at] as number) + (answers[i] as number) / size
      }
    }
    return worth ?? new Float64Array(0)
  }
}

/** A column of background rows, once for every set; where the set knows it, the row's own value. */
function mix(
  own: Features[string],
  row: number,
  others: Features[string],
  knows: (set: number) => boolean,
  rows: number,
): Features[string] {
  const size = others.length
  const valueAt = (i: number): never => (knows(Math.floor(i / size)) ? own[row] : others[i % size]) as never
  if (!isNumbers(own)) return Array.from({ length: rows }, (_, i) => valueAt(i))
  const mixed = new (own.constructor as Float64ArrayConstructor)(rows)
  for (let i = 0; i < rows; i++) mixed[i] = valueAt(i)
  return mixed
}

/** Background rows as features. */
function featuresOf({ columns }: Background): Features {
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => [
      name,
      Array.isArray(values) ? values : new Float64Array(Uint8Array.from(Buffer.from(values.float64, 'base64')).buffer),
    ]),
  )
}

/** Features as a package keeps them. */
export function backgroundOf(features: Features): Background {
  return {
    rows: rowCount(features),
    columns: Object.fromEntries(
      Object.entries(features).map(([name, values]) => [
        name,
        isNumbers(values) ? { float64: Buffer.from(Float64Array.from(values).buffer).toString('base64') } : [...values],
      ]),
    ),
  }
}
