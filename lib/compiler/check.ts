import { type Bins, binOf, criticalValues, floatAfter } from './bins.ts'
import type { CompiledModel } from './compiled-model.ts'
import type { ForestTree, TreeNode } from './forest.ts'
import { chunkRows, type Layout } from './layout.ts'
import { goesTrue, leavesOf } from './walk.ts'

/** What was compared, and how much of it differed. */
export interface Comparison {
  readonly compared: number
  readonly differing: number
}

/** Compares the bins that the module makes of critical values with their definition. */
export function checkBins({ memory, run }: CompiledModel, layout: Layout): Comparison {
  let [compared, differing] = [0, 0]
  const used = new Set(layout.passes.flatMap(({ masks }) => masks.map(({ feature }) => feature)))
  for (const feature of used) {
    const bins = layout.bins[feature] as Bins
    const values = criticalValues(bins)
    const input = new Float32Array(memory, layout.valuesAt + feature * chunkRows * 4, chunkRows)
    const at = layout.placesAt + feature * chunkRows * layout.placeBytes
    const places =
      layout.placeBytes === 2 ? new Uint16Array(memory, at, chunkRows) : new Uint32Array(memory, at, chunkRows)
    for (let from = 0; from < values.length; from += chunkRows) {
      const part = values.subarray(from, from + chunkRows)
      input.set(part)
      run(part.length)
      part.forEach((value, i) => {
        compared++
        if (places[i] !== binOf(bins, value) * layout.mapBytes) differing++
      })
    }
  }
  return { compared, differing }
}

/**
 * Compares every mask with plain walks of its tree: the leaves that can be reached when one feature has a value of the
 * bin and the others are free, for the bin's lowest value and for its highest.
 */
export function checkMasks(layout: Layout, tables: Uint8Array): Comparison {
  const { bins, passes, laneBits, treesAPass } = layout
  const view = new DataView(tables.buffer, tables.byteOffset)
  const bytes = laneBits / 8
  let [compared, differing] = [0, 0]
  for (const { trees, masks } of passes) {
    for (let lane = 0; lane < treesAPass; lane++) {
      const tree: ForestTree = trees[lane] ?? [{ adds: new Map() }]
      const bitOf = new Int32Array(tree.length)
      leavesOf(tree).forEach((leaf, bit) => {
        bitOf[leaf] = bit
      })
      const asks = new Set(tree.map((node) => ('mode' in node ? node.feature : -1)))
      for (const { feature, at, mapAt } of masks) {
        const own = bins[feature] as Bins
        const isAsked = asks.has(feature)
        const expected = new Uint8Array(bytes)
        if (!isAsked) markReachable(tree, feature, Number.NaN, bitOf, expected)
        for (let bin = 0; bin < own.count; bin++) {
          const start = at + mapped(layout, view, mapAt, bin) + lane * bytes
          // Bins of a feature that a tree does not ask for are all alike: one walk does for them.
          for (const value of isAsked ? endsOf(own, bin) : anyValue) {
            if (isAsked) {
              expected.fill(0)
              markReachable(tree, feature, value, bitOf, expected)
            }
            compared++
            for (let i = 0; i < bytes; i++) {
              if (expected[i] === tables[start + i]) continue
              differing++
              break
            }
          }
        }
      }
    }
  }
  return { compared, differing }
}

const anyValue = [Number.NaN]

function mapped({ mapBytes }: Layout, view: DataView, mapAt: number, bin: number): number {
  return mapBytes === 2 ? view.getUint16(mapAt + bin * 2, true) : view.getUint32(mapAt + bin * 4, true)
}

/** The lowest and the highest value of a bin. */
function endsOf({ cuts }: Bins, bin: number): number[] {
  if (bin > cuts.length) return [Number.NaN]
  const below = cuts[bin - 1]
  return [below === undefined ? Number.NEGATIVE_INFINITY : floatAfter(below), cuts[bin] ?? Number.POSITIVE_INFINITY]
}

function markReachable(tree: ForestTree, feature: number, value: number, bitOf: Int32Array, into: Uint8Array): void {
  const visit = [0]
  for (let at = visit.pop(); at !== undefined; at = visit.pop()) {
    const node = tree[at] as TreeNode
    if ('adds' in node) {
      const bit = bitOf[at] as number
      into[bit >> 3] = (into[bit >> 3] as number) | (1 << (bit & 7))
    } else if (node.feature !== feature) visit.push(node.onTrue, node.onFalse)
    else visit.push(goesTrue(node, value) ? node.onTrue : node.onFalse)
  }
}
