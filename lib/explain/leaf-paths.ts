import { NotCompilable } from '../compiler/not-compilable.ts'
import type { FlatForest } from './flat-forest.ts'
import { gaussLegendre, type Quadrature } from './quadrature.ts'

/** Of leaves that ask for so few columns, parts are worked out ahead for every way in which a row leaves the path. */
const tabledColumns = 8
/** Numbers of all tables together, about: 16 MB. */
const mostNumbers = 2_097_152
/** Columns that the path to a leaf may ask for: bits of an integer. */
const mostColumns = 30

/** The way to every leaf, laid out flat for loops over leaves. Offsets are into `columns` or `numbers`. */
export interface LeafPaths {
  /** Inner nodes, parents first, and the bit of each one's column among those of its path. */
  readonly splits: Int32Array
  readonly bits: Int32Array
  /**
   * Leaves whose path asks for something, those with tables first, then by the number of columns: their nodes, and how
   * many columns that are.
   */
  readonly leaves: Int32Array
  /** What each adds where a row comes to it. */
  readonly values: Float64Array
  /** How many of them have tables. */
  readonly tabled: number
  readonly widths: Int32Array
  /** Where the leaf's columns begin, in the order in which its path asks for them: output · features + column. */
  readonly columnsAt: Int32Array
  readonly columns: Int32Array
  /**
   * Where its numbers begin: a table [2^columns · columns] of parts for every set of columns by which a row leaves the
   * path; else what it adds, and the share of rows that each column lets through [1 + columns].
   */
  readonly numbersAt: Int32Array
  readonly numbers: Float64Array
  /** What a leaf adds when nothing is known: [outputs], of all leaves. */
  readonly expected: Float64Array
  /** What every row gets, for nothing is asked before: [outputs], the base included. */
  readonly certain: Float64Array
}

interface Path {
  readonly columns: readonly number[]
  /** The share of training rows that each column lets through. */
  readonly known: readonly number[]
}

/**
 * @param covers how many training rows passed each node
 * @throws NotCompilable where a path asks for more columns than it may
 */
export function leafPaths(forest: FlatForest, covers: ArrayLike<number>): LeafPaths {
  const { parent, feature, values, outputs, features, base } = forest
  const paths: Path[] = []
  const slots = new Int32Array(feature.length)
  const [splits, bits, columns] = [[] as number[], [] as number[], [] as number[]]
  const leaves: {
    node: number
    value: number
    width: number
    isTabled: boolean
    columnsAt: number
    numbersAt: number
  }[] = []
  const tables: { readonly table: Float64Array; readonly at: number }[] = []
  let length = 0
  const [expected, certain] = [Float64Array.from(base), Float64Array.from(base)]
  for (let node = 0; node < feature.length; node++) {
    const from = parent[node] as number
    const path = from < 0 ? { columns: [], known: [] } : stepDown(paths[from] as Path, forest, covers, node, slots)
    paths[node] = path
    const column = feature[node] as number
    if (column >= 0) {
      const slot = path.columns.indexOf(column)
      slots[node] = slot < 0 ? path.columns.length : slot
      splits.push(node)
      bits.push(1 << (slots[node] as number))
      continue
    }
    const width = path.columns.length
    if (width > mostColumns) throw new NotCompilable(`a path asks for ${width} columns, of ${mostColumns} it may`)
    const reached = path.known.reduce((product, z) => product * z, 1)
    for (let output = 0; output < outputs; output++) {
      const value = values[node * outputs + output] as number
      expected[output] = (expected[output] as number) + value * reached
      if (width === 0) certain[output] = (certain[output] as number) + value
      if (value === 0 || width === 0) continue
      const isTabled = width <= tabledColumns && length < mostNumbers
      leaves.push({ node, value, width, isTabled, columnsAt: columns.length, numbersAt: length })
      columns.push(...path.columns.map((each) => output * features + each))
      const table = (isTabled ? tableOf : sharesOf)(path.known, value)
      tables.push({ table, at: length })
      length += table.length
    }
  }
  const numbers = new Float64Array(length)
  for (const { table, at } of tables) numbers.set(table, at)
  // Loops of one length after the other are foreseen rightly.
  leaves.sort((a, b) => Number(b.isTabled) - Number(a.isTabled) || a.width - b.width || a.node - b.node)
  const ofLeaves = (pick: (leaf: (typeof leaves)[number]) => number): Int32Array => Int32Array.from(leaves, pick)
  return {
    splits: Int32Array.from(splits),
    bits: Int32Array.from(bits),
    leaves: ofLeaves(({ node }) => node),
    values: Float64Array.from(leaves, ({ value }) => value),
    tabled: leaves.filter(({ isTabled }) => isTabled).length,
    widths: ofLeaves(({ width }) => width),
    columnsAt: ofLeaves(({ columnsAt }) => columnsAt),
    columns: Int32Array.from(columns),
    numbersAt: ofLeaves(({ numbersAt }) => numbersAt),
    numbers,
    expected,
    certain,
  }
}

/** The path to a node from that to its parent. */
function stepDown(
  path: Path,
  { parent, feature }: FlatForest,
  covers: ArrayLike<number>,
  node: number,
  slots: Int32Array,
): Path {
  const from = parent[node] as number
  const of = covers[from] as number
  // Where no training row came, both ways are as likely.
  const share = of > 0 ? (covers[node] as number) / of : 0.5
  const slot = slots[from] as number
  if (slot === path.columns.length)
    return { columns: [...path.columns, feature[from] as number], known: [...path.known, share] }
  return { columns: path.columns, known: path.known.map((z, i) => (i === slot ? z * share : z)) }
}

/** What a column that the row follows makes of a leaf at a point; one that it leaves by, z (1 - t). */
const followed = (z: number, t: number): number => z + (1 - z) * t

/** Parts for every set of columns, by bits, by which a row leaves the path (Fast TreeSHAP v2, Yang, 2021). */
function tableOf(known: readonly number[], value: number): Float64Array {
  const width = known.length
  const { at, weights } = gaussLegendre(Math.ceil(width / 2))
  const table = new Float64Array(width * 2 ** width)
  for (let left = 0; left < 2 ** width; left++)
    at.forEach((t, k) => {
      const product = known.reduce(
        (sum, z, i) => sum * ((left >> i) & 1 ? z * (1 - t) : followed(z, t)),
        (weights[k] as number) * value,
      )
      known.forEach((z, i) => {
        const part = (left >> i) & 1 ? -1 / (1 - t) : (1 - z) / followed(z, t)
        table[left * width + i] = (table[left * width + i] as number) + product * part
      })
    })
  return table
}

/** The leaf's value, and the share of rows that each column lets through: [1 + columns]. */
const sharesOf = (known: readonly number[], value: number): Float64Array => Float64Array.of(value, ...known)

/**
 * Adds what a leaf that asks for many columns gives to each: at each point of the quadrature the product of all columns
 * but one, from those behind it and those in front.
 * @param left the columns the row leaves by, as bits
 */
function addWide(paths: LeafPaths, leaf: number, left: number, parts: Float64Array): void {
  const { widths, columnsAt, columns, numbersAt, numbers } = paths
  const width = widths[leaf] as number
  const first = columnsAt[leaf] as number
  const from = (numbersAt[leaf] as number) + 1
  const { at, weights } = rules[(width + 1) >> 1] as Quadrature
  sums.fill(0, 0, width)
  for (let k = 0; k < at.length; k++) {
    const t = at[k] as number
    const rest = 1 - t
    let product = (weights[k] as number) * (numbers[from - 1] as number)
    for (let i = width - 1; i >= 0; i--) {
      behind[i] = product
      product *= (numbers[from + i] as number) * rest + (1 - ((left >> i) & 1)) * t
    }
    product = 1
    for (let i = 0; i < width; i++) {
      const z = numbers[from + i] as number
      const known = 1 - ((left >> i) & 1)
      sums[i] = (sums[i] as number) + (known - z) * product * (behind[i] as number)
      product *= z * rest + known * t
    }
  }
  for (let i = 0; i < width; i++) {
    const column = columns[first + i] as number
    parts[column] = (parts[column] as number) + (sums[i] as number)
  }
}
const behind = new Float64Array(mostColumns)
const sums = new Float64Array(mostColumns)
const rules = Array.from({ length: mostColumns / 2 + 1 }, (_, points) => gaussLegendre(points))

/** Adds the parts of all leaves. @returns a function of what a row's tests say [nodes], into [outputs · features] */
export function leafAdder(forest: FlatForest, paths: LeafPaths): (tests: Uint8Array, parts: Float64Array) => void {
  const { splits, bits, leaves, widths, tabled, columnsAt, columns, numbersAt, numbers } = paths
  const onTrue = splits.map((node) => forest.onTrue[node] as number)
  const onFalse = splits.map((node) => forest.onFalse[node] as number)
  /** The columns by which the row leaves the path to each node, as bits. */
  const left = new Int32Array(forest.feature.length)
  return (tests, parts) => {
    for (let i = 0; i < splits.length; i++) {
      const node = splits[i] as number
      const before = left[node] as number
      const bit = bits[i] as number
      // Without a branch: half of them would be foreseen wrongly.
      const holds = tests[node] as number
      left[onTrue[i] as number] = before | (bit & (holds - 1))
      left[onFalse[i] as number] = before | (bit & -holds)
    }
    for (let leaf = 0; leaf < leaves.length; leaf++) {
      const own = left[leaves[leaf] as number] as number
      const width = widths[leaf] as number
      if (leaf >= tabled) {
        addWide(paths, leaf, own, parts)
        continue
      }
      const from = (numbersAt[leaf] as number) + own * width
      const first = columnsAt[leaf] as number
      for (let i = 0; i < width; i++) {
        const column = columns[first + i] as number
        parts[column] = (parts[column] as number) + (numbers[from + i] as number)
      }
    }
  }
}
