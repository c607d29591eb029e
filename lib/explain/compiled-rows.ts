import type { FlatForest } from './flat-forest.ts'
import type { LeafPaths } from './leaf-paths.ts'
import { gaussLegendre } from './quadrature.ts'

/** What a row is explained with: the tests of its nodes, then the parts of all leaves. */
export interface Rows {
  /** Whether nodes' tests hold for a row: valid until the next row. */
  test(row: ArrayLike<number>): Uint8Array
  /** Adds the parts of the row that was tested last. @param parts [outputs · features] */
  add(parts: Float64Array): void
}

type Kernel = (...operands: number[]) => void
type Kernels = Record<'test' | 'follow' | 'addTabled' | 'addWide', Kernel>

const pageBytes = 65_536
/** Points of the finest rule, and columns of the widest path. */
const mostPoints = 15
const mostColumns = 30

/** Puts arrays one after the other into memory that is made for them. */
function layOut(arrays: readonly (Int32Array | Uint8Array | Float64Array)[]) {
  const places: number[] = []
  let end = 0
  for (const { byteLength } of arrays) {
    places.push(end)
    end = Math.ceil((end + byteLength) / 16) * 16
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / pageBytes) + 1, maximum: pageBytes })
  arrays.forEach((array, i) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    new Uint8Array(memory.buffer, places[i], array.byteLength).set(bytes)
  })
  return { memory, places }
}

/** The loops of `leaf-paths.ts` and `flat-forest.ts`, compiled from `kernels/`, with memory of their own. */
export function compiledRows(forest: FlatForest, paths: LeafPaths, kernels: WebAssembly.Module): Rows {
  const nodes = forest.feature.length
  const { plain, others } = forest
  const { splits, bits, leaves, widths, columnsAt, columns, numbersAt, numbers } = paths
  const ofPath = [
    ...[splits, bits, splits.map((node) => forest.onTrue[node] as number)],
    splits.map((node) => forest.onFalse[node] as number),
  ]
  const { points, rules } = rulesOf()
  const room = [
    new Float64Array(forest.features),
    new Uint8Array(nodes),
    new Int32Array(nodes),
    new Float64Array(forest.outputs * forest.features),
    new Float64Array(4 * mostColumns),
  ]
  const { memory, places } = layOut([
    ...[plain.nodes, plain.columns, plain.thresholds, plain.missing],
    ...ofPath,
    ...[leaves, widths, columnsAt, columns, numbersAt, numbers],
    ...[points, rules],
    ...room,
  ])
  const [nodesAt, columnsOf, thresholdsAt, missingAt, splitsAt, bitsAt, trueAt, falseAt, ...more] = places as number[]
  const leafArrays = more.slice(0, 6)
  const [pointsAt, rulesAt, rowAt, testsAt, leftAt, partsAt, scratchAt] = more.slice(6) as [
    number,
    ...[number, number, number, number, number, number],
  ]
  const ruled = new Int32Array(memory.buffer, rulesAt, rules.length)
  for (let i = 0; i < ruled.length; i += 2) ruled[i] = (ruled[i] as number) + pointsAt
  const { exports } = new WebAssembly.Instance(kernels, { env: { memory } })
  const { test, follow, addTabled, addWide } = exports as unknown as Kernels
  const [values, tests] = [
    new Float64Array(memory.buffer, rowAt, forest.features),
    new Uint8Array(memory.buffer, testsAt, nodes),
  ]
  const sums = new Float64Array(memory.buffer, partsAt, forest.outputs * forest.features)
  const operands = (list: readonly (number | undefined)[]): number[] => list as number[]
  const ofTest = operands([plain.nodes.length, nodesAt, columnsOf, thresholdsAt, missingAt, rowAt, testsAt])
  const ofFollow = operands([splits.length, splitsAt, bitsAt, trueAt, falseAt, testsAt, leftAt])
  return {
    test(row) {
      for (let i = 0; i < values.length; i++) values[i] = row[i] as number
      test(...ofTest)
      for (const node of others) tests[node] = forest.holds(node, row) ? 1 : 0
      return tests
    },
    add(parts) {
      sums.fill(0)
      follow(...ofFollow)
      addTabled(0, paths.tabled, ...leafArrays, leftAt, partsAt)
      addWide(paths.tabled, leaves.length, ...leafArrays, leftAt, partsAt, rulesAt, scratchAt)
      for (let i = 0; i < sums.length; i++) parts[i] = (parts[i] as number) + (sums[i] as number)
    },
  }
}

/**
 * Rules of 1 to 15 points in pairs: [t, t, weight, weight]; one that is odd has a last point without weight. `rules`
 * has for each where it begins, in bytes, and how many pairs it has.
 */
function rulesOf(): { readonly points: Float64Array; readonly rules: Int32Array } {
  const points: number[] = []
  const rules = [0, 0]
  for (let count = 1; count <= mostPoints; count++) {
    const { at, weights } = gaussLegendre(count)
    rules.push(points.length * 8, Math.ceil(count / 2))
    for (let k = 0; k < count; k += 2)
      points.push(at[k] as number, at[k + 1] ?? 0.5, weights[k] as number, weights[k + 1] ?? 0)
  }
  return { points: Float64Array.from(points), rules: Int32Array.from(rules) }
}
