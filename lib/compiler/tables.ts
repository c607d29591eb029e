import { type Bins, binOf, representatives } from './bins.ts'
import { powersOfTwo } from './exponential.ts'
import type { ForestTree, TreeNode } from './forest.ts'
import type { Layout } from './layout.ts'
import { goesTrue, leavesOf } from './walk.ts'

/**
 * The bytes of a compiled model's tables, as `layout` places them: for every feature its cuts and first guesses; for
 * every tree, feature and bin the leaves that a value of that bin still allows (Lucchese et al., QuickScorer, SIGIR
 * 2015, with the masks of all nodes of a feature combined beforehand); and the leaves' values.
 */
export function tablesOf(layout: Layout): Uint8Array {
  const { bins, passes, laneBits, vectors, cutsAt, startsAt, powersAt, mapBytes, tableBytes } = layout
  const tables = new Uint8Array(tableBytes)
  const { buffer } = tables
  new BigUint64Array(buffer, powersAt, 32).set(powersOfTwo())
  bins.forEach(({ cuts, cells }, feature) => {
    const padded = new Float32Array(buffer, cutsAt[feature], cuts.length + 2 ** cells.steps)
    padded.fill(Number.POSITIVE_INFINITY)
    padded.set(cuts)
    new Uint16Array(buffer, startsAt[feature], cells.starts.length).set(cells.starts)
  })
  for (const { sum, trees, masks, leavesAt } of passes) {
    const values = new Float32Array(buffer, leavesAt, layout.treesAPass * laneBits)
    for (const { feature, cuts, classOf, values: told, at, mapAt } of masks) {
      const allowed = new Uint8Array(buffer, at, told.length * vectors * 16)
      for (let lane = 0; lane < layout.treesAPass; lane++) {
        // Where a pass has no tree left, the first leaf is always the one; it adds nothing.
        const tree = trees[lane] ?? [{ adds: new Map() }]
        writeMasks(tree, feature, told, { into: allowed, stride: vectors * 16, at: (lane * laneBits) / 8 })
      }
      const own = representatives(bins[feature] as Bins)
      const map = new (mapBytes === 2 ? Uint16Array : Uint32Array)(buffer, mapAt, own.length)
      own.forEach((value, bin) => {
        map[bin] = (classOf[binOf({ cuts }, value)] as number) * vectors * 16
      })
    }
    trees.forEach((tree, lane) => {
      leavesOf(tree).forEach((leaf, i) => {
        values[lane * laneBits + i] = (tree[leaf] as Extract<TreeNode, { adds: unknown }>).adds.get(sum) ?? 0
      })
    })
  }
  return tables
}

/** A tree's masks for some values of one feature: bit i is leaf i, from the left. */
function writeMasks(
  tree: ForestTree,
  feature: number,
  values: readonly number[],
  target: { into: Uint8Array; stride: number; at: number },
): void {
  const { into, stride, at } = target
  /** Clears leaves [from, to) of a value. */
  const clear = (value: number, from: number, to: number): void => {
    for (let leaf = from; leaf < to; leaf++) {
      const byte = value * stride + at + (leaf >> 3)
      into[byte] = (into[byte] as number) & ~(1 << (leaf & 7))
    }
  }
  const leaves = tree.filter((node) => 'adds' in node).length
  for (let value = 0; value < values.length; value++)
    for (let leaf = 0; leaf < leaves; leaf++) {
      const byte = value * stride + at + (leaf >> 3)
      into[byte] = (into[byte] as number) | (1 << (leaf & 7))
    }
  /** Leaves below a node are [from, the returned). */
  const visit = (node: number, from: number): number => {
    const here = tree[node] as TreeNode
    if ('adds' in here) return from + 1
    const middle = visit(here.onTrue, from)
    const to = visit(here.onFalse, middle)
    if (here.feature === feature) {
      values.forEach((tested, value) => {
        if (goesTrue(here, tested)) clear(value, middle, to)
        else clear(value, from, middle)
      })
    }
    return to
  }
  visit(0, 0)
}
