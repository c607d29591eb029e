import type { FlatForest } from './flat-forest.ts'
import type { LeafPaths } from './leaf-paths.ts'
import { gaussLegendre } from './quadrature.ts'

/** What rows are explained with, one at a time. */
export interface Rows {
  /**
   * Adds to the parts of a row, and to its scores what the leaves add that it comes to.
   * @param parts [outputs · features]
   * @param scores [outputs]
   */
  add(row: ArrayLike<number>, parts: Float64Array, scores: Float64Array): void
}

type Kernel = (...operands: number[]) => void
type Kernels = Record<'follow' | 'addTabled' | 'addWide', Kernel>

/** Bytes of a node that asks, and of a leaf, as the kernels take them. */
const [splitBytes, leafBytes] = [40, 32] as const
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
  const { others, feature, features, outputs } = forest
  const { leaves, tabled, columns, numbers } = paths
  const { points, rules } = rulesOf()
  const { memory, places } = layOut([
    ...[splitsOf(forest, paths), leavesOf(forest, paths), columns.map((column) => column * 8), numbers, points, rules],
    ...[new Float64Array(features), new Uint8Array(feature.length), new Int32Array(feature.length)],
    ...[new Float64Array(outputs * features), new Float64Array(outputs), new Float64Array(4 * mostColumns)],
  ])
  const [
    splitsAt,
    leavesAt,
    columnsAt,
    numbersAt,
    pointsAt,
    rulesAt,
    rowAt,
    testsAt,
    leftAt,
    partsAt,
    scoresAt,
    ...last
  ] = places as [number, number, number, number, number, number, number, number, number, number, number, number]
  const ruled = new Int32Array(memory.buffer, rulesAt, rules.length)
  for (let i = 0; i < ruled.length; i += 2) ruled[i] = (ruled[i] as number) + pointsAt
  const { exports } = new WebAssembly.Instance(kernels, { env: { memory } })
  const { follow, addTabled, addWide } = exports as unknown as Kernels
  const values = new Float64Array(memory.buffer, rowAt, features)
  const tests = new Uint8Array(memory.buffer, testsAt, feature.length)
  const sums = new Float64Array(memory.buffer, partsAt, outputs * features)
  const reached = new Float64Array(memory.buffer, scoresAt, outputs)
  const wideAt = leavesAt + tabled * leafBytes
  return {
    add(row, parts, scores) {
      for (let i = 0; i < values.length; i++) values[i] = row[i] as number
      for (const node of others) tests[node] = forest.holds(node, row) ? 1 : 0
      sums.fill(0)
      reached.fill(0)
      follow(paths.splits.length, splitsAt, rowAt, testsAt, leftAt)
      addTabled(tabled, leavesAt, columnsAt, numbersAt, leftAt, partsAt, scoresAt)
      addWide(...[leaves.length - tabled, wideAt, columnsAt, numbersAt, leftAt, partsAt, scoresAt, rulesAt], ...last)
      for (let i = 0; i < sums.length; i++) parts[i] = (parts[i] as number) + (sums[i] as number)
      for (let i = 0; i < reached.length; i++) scores[i] = (scores[i] as number) + (reached[i] as number)
    },
  }
}

/** Nodes that ask, as the kernels take them: all of one depth before those below, so that none waits for another. */
function splitsOf({ feature, parent, onTrue, onFalse, plain }: FlatForest, { splits, bits }: LeafPaths): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(splits.length * splitBytes))
  const plainAt = new Map(Array.from(plain.nodes, (node, i) => [node, i]))
  const depths = new Int32Array(feature.length)
  for (const node of splits)
    depths[node] = (parent[node] as number) < 0 ? 0 : (depths[parent[node] as number] as number) + 1
  const order = Array.from(splits, (node, i) => ({ node, bit: bits[i] as number }))
  order.sort((a, b) => (depths[a.node] as number) - (depths[b.node] as number) || a.node - b.node)
  for (const [i, { node, bit }] of order.entries()) {
    const test = plainAt.get(node)
    const at = i * splitBytes
    bytes.setFloat64(at, test === undefined ? 0 : (plain.thresholds[test] as number), true)
    const ints = [
      (feature[node] as number) * 8,
      ...[node * 4, (onTrue[node] as number) * 4, (onFalse[node] as number) * 4, bit],
      ...(test === undefined ? [0, 1] : [plain.missing[test] as number, 0]),
    ]
    for (const [k, value] of ints.entries()) bytes.setUint32(at + 8 + k * 4, value, true)
  }
  return new Uint8Array(bytes.buffer)
}

/** Leaves as the kernels take them. Of one without a table its numbers are the shares behind what it adds. */
function leavesOf({ features }: FlatForest, paths: LeafPaths): Uint8Array {
  const { leaves, tabled, widths, columnsAt, columns, numbersAt, values } = paths
  const bytes = new DataView(new ArrayBuffer(leaves.length * leafBytes))
  for (const [i, node] of leaves.entries()) {
    const at = i * leafBytes
    const first = columnsAt[i] as number
    const output = Math.floor((columns[first] as number) / features)
    bytes.setFloat64(at, values[i] as number, true)
    const numbers = (numbersAt[i] as number) + (i < tabled ? 0 : 1)
    for (const [k, value] of [node * 4, first * 4, numbers * 8, output * 8, widths[i] as number].entries())
      bytes.setUint32(at + 8 + k * 4, value, true)
  }
  return new Uint8Array(bytes.buffer)
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
