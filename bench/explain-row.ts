import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { coverCounter, flatForest } from '../lib/explain/flat-forest.ts'
import { pathDependent } from '../lib/explain/path-dependent.ts'
import { readTrees } from '../lib/explain/read-trees.ts'
import { median } from './measure.ts'

/*
 * Explains rows one by one, as a gateway does: explain-row.ts <folder> <columns>, of what shap_explain.py left. Prints
 * the median microseconds, and the largest difference from shap's parts.
 */
const [folder = '', given = ''] = process.argv.slice(2)
const columns = Number(given)
const rows = new Float32Array(Uint8Array.from(readFileSync(join(folder, 'rows.f32'))).buffer)
const shap = new Float64Array(Uint8Array.from(readFileSync(join(folder, 'parts.f64'))).buffer)
const row = (i: number): Float32Array => rows.subarray(i * columns, (i + 1) * columns)

const forest = flatForest(readTrees(readFileSync(join(folder, 'model.onnx')), 'binary'))
const counter = coverCounter(forest)
for (let i = 0; i < rows.length / columns; i++) counter.add(row(i))
const kernels = new WebAssembly.Module(readFileSync(join(packageRoot, 'dist', 'explain-kernels.wasm')))
const explainer = pathDependent(forest, counter.covers, kernels)
const [parts, scores] = [new Float64Array(columns), new Float64Array(1)]

let largest = 0
for (let i = 0; i * columns < shap.length; i++) {
  explainer.explain(row(i), parts, scores)
  for (const [column, part] of parts.entries())
    largest = Math.max(largest, Math.abs(part - (shap[i * columns + column] as number)))
}
const times: number[] = []
for (let i = 0; i < 3_000; i++) {
  const start = performance.now()
  explainer.explain(row(i), parts, scores)
  times.push((performance.now() - start) * 1_000)
}
console.log(JSON.stringify({ us: median(times), largest }))
