import { type FlatForest, scoresOf } from './flat-forest.ts'
import { gaussLegendre } from './quadrature.ts'

/** Explains rows one at a time. */
export interface RowExplainer {
  /** What the scores are before anything is known of a row: [outputs]. */
  readonly expected: Float64Array
  /**
   * What each column adds to each score of a row; with `expected` they add up to its scores.
   * @param row as the trees see it, float32: [features]
   * @param parts [outputs · features]
   * @param scores [outputs]
   */
  explain(row: ArrayLike<number>, parts: Float64Array, scores: Float64Array): void
}

/**
 * Exact Shapley values of trees, where a column that is not known follows both branches, by the share of the training
 * rows that took each (the game of Lundberg et al., Nature Machine Intelligence 2, 2020, Algorithm 1).
 *
 * A leaf's weight is a product over the columns of its path: z where the column is not known (the share of rows that
 * went along), o where it is (1 or 0). Shapley's weights are integrals, |S|! (d-1-|S|)! / d! = ∫ t^|S| (1-t)^(d-1-|S|)
 * dt, so the part of column i is v (o_i - z_i) ∫ Π_{j≠i} (z_j + (o_j - z_j) t) dt: a polynomial of a degree below d,
 * which ⌈d/2⌉ points of Gauss–Legendre quadrature integrate exactly. Products at those points go down a tree and their
 * sums come up it, each in one pass, as in Linear TreeSHAP (Yu et al., NeurIPS 2022), which interpolates polynomials
 * instead; here all factors are positive and nothing cancels.
 * @param covers how many training rows passed each node
 */
export function pathDependent(forest: FlatForest, covers: ArrayLike<number>): RowExplainer {
  const { outputs, roots, feature, parent } = forest
  const edges = edgesOf(forest, covers)
  const nodes = feature.length
  const tests = new Uint8Array(nodes)
  const follows = new Uint8Array(nodes)
  const largest = edges.points * Math.max(0, ...roots.subarray(1).map((end, tree) => end - (roots[tree] as number)))
  const work: Work = {
    follows,
    down: new Float64Array(largest),
    up: new Float64Array(largest * outputs),
  }
  return {
    expected: edges.expected,
    explain(row, parts, scores) {
      parts.fill(0)
      forest.test(row, tests)
      scoresOf(forest, tests, scores)
      for (let node = 0; node < nodes; node++) {
        const from = parent[node] as number
        if (from < 0) continue
        const before = edges.before[node] as number
        follows[node] = tests[from] === edges.holds[node] && (before < 0 || follows[before] === 1) ? 1 : 0
      }
      for (let tree = 0; tree + 1 < roots.length; tree++) {
        pushDown(forest, edges, work, tree)
        pullUp(forest, edges, work, tree, parts)
      }
    },
  }
}

/** What an edge, from a node's parent to the node, does to products; computed once. */
interface Edges {
  /** Points of the quadrature. */
  readonly points: number
  readonly weights: Float64Array
  /** Whether it is the true branch: [nodes]. */
  readonly holds: Uint8Array
  /** The nearest edge above that asks for the same column, by its node; -1 for none: [nodes]. */
  readonly before: Int32Array
  /** The share of its parent's rows that went along: [nodes]. */
  readonly share: Float64Array
  /**
   * By node, four vectors [points]: what products are multiplied by when the row follows the column's edges so far, and
   * when it leaves them here; and what the column's part is of the sums below, in the same two cases.
   */
  readonly table: Float64Array
  readonly expected: Float64Array
}

/** Rooms for one tree at a time. */
interface Work {
  /** Whether a row follows a node's edge and all above it that ask for the same column: [nodes]. */
  readonly follows: Uint8Array
  /** Products of the path to each node, times the quadrature's weights: [nodes of the tree · points]. */
  readonly down: Float64Array
  /** Sums of leaves times products below each node: [nodes of the tree · outputs · points]. */
  readonly up: Float64Array
}

function edgesOf(forest: FlatForest, covers: ArrayLike<number>): Edges {
  const { feature, parent, onTrue, values, outputs, base } = forest
  const nodes = feature.length
  const [holds, before, share] = [new Uint8Array(nodes), new Int32Array(nodes).fill(-1), new Float64Array(nodes)]
  // Of each node: the share of rows its column's edges let through, that of all edges, and how many columns they ask.
  const [known, reached, columns] = [new Float64Array(nodes), new Float64Array(nodes), new Uint16Array(nodes)]
  const expected = Float64Array.from(base)
  for (let node = 0; node < nodes; node++) {
    const from = parent[node] as number
    if (from < 0) reached[node] = 1
    else {
      const column = feature[from] as number
      const of = covers[from] as number
      // Where no training row came, both ways are as likely.
      share[node] = of > 0 ? (covers[node] as number) / of : 0.5
      holds[node] = onTrue[from] === node ? 1 : 0
      for (let at = from; (parent[at] as number) >= 0; at = parent[at] as number)
        if (feature[parent[at] as number] === column) {
          before[node] = at
          break
        }
      const above = before[node] as number
      known[node] = (share[node] as number) * (above < 0 ? 1 : (known[above] as number))
      reached[node] = (share[node] as number) * (reached[from] as number)
      columns[node] = (columns[from] as number) + (above < 0 ? 1 : 0)
    }
    if ((feature[node] as number) >= 0) continue
    for (let output = 0; output < outputs; output++)
      expected[output] =
        (expected[output] as number) + (values[node * outputs + output] as number) * (reached[node] as number)
  }
  const points = Math.max(1, Math.ceil(columns.reduce((most, each) => Math.max(most, each), 0) / 2))
  const { at, weights } = gaussLegendre(points)
  const table = new Float64Array(nodes * points * 4)
  const followed = (z: number, t: number): number => z + (1 - z) * t
  for (let node = 0; node < nodes; node++) {
    if ((parent[node] as number) < 0) continue
    const z = known[node] as number
    const old = (before[node] as number) < 0 ? 1 : (known[before[node] as number] as number)
    for (let k = 0; k < points; k++) {
      const t = at[k] as number
      const place = node * points * 4 + k
      const part = (1 - z) / followed(z, t)
      const oldPart = (1 - old) / followed(old, t)
      table[place] = followed(z, t) / followed(old, t)
      table[place + points] = (z * (1 - t)) / followed(old, t)
      table[place + points * 2] = part - oldPart
      table[place + points * 3] = -1 / (1 - t) - oldPart
    }
  }
  return { points, weights, holds, before, share, table, expected }
}

/** Products of paths, from the root to the leaves. */
function pushDown({ roots, parent, outputs }: FlatForest, edges: Edges, work: Work, tree: number): void {
  const { points, before, share, table, weights } = edges
  const { follows, down, up } = work
  const [from, to] = [roots[tree] as number, roots[tree + 1] as number]
  up.fill(0, 0, (to - from) * outputs * points)
  down.set(weights)
  for (let node = from + 1; node < to; node++) {
    const into = (node - from) * points
    const above = ((parent[node] as number) - from) * points
    const at = node * points * 4 + (follows[node] === 1 ? 0 : points)
    const last = before[node] as number
    if (follows[node] === 1 || last < 0 || follows[last] === 1)
      for (let k = 0; k < points; k++) down[into + k] = (down[above + k] as number) * (table[at + k] as number)
    else {
      const factor = share[node] as number
      for (let k = 0; k < points; k++) down[into + k] = (down[above + k] as number) * factor
    }
  }
}

/** Leaves times their products, summed up to the root; each edge gives its column what it changes. */
function pullUp(forest: FlatForest, edges: Edges, work: Work, tree: number, parts: Float64Array): void {
  const { roots, parent, feature, values, outputs, features } = forest
  const { points, before, table } = edges
  const { follows, down, up } = work
  const [from, to] = [roots[tree] as number, roots[tree + 1] as number]
  for (let node = to - 1; node > from; node--) {
    const own = (node - from) * points
    const isLeaf = (feature[node] as number) < 0
    const above = parent[node] as number
    const column = feature[above] as number
    const last = before[node] as number
    const changes = follows[node] === 1 || last < 0 || follows[last] === 1
    const at = node * points * 4 + points * (follows[node] === 1 ? 2 : 3)
    for (let output = 0; output < outputs; output++) {
      const sums = own * outputs + output * points
      if (isLeaf) {
        const value = values[node * outputs + output] as number
        for (let k = 0; k < points; k++) up[sums + k] = value * (down[own + k] as number)
      }
      const into = (above - from) * points * outputs + output * points
      let part = 0
      for (let k = 0; k < points; k++) {
        const sum = up[sums + k] as number
        part += sum * (table[at + k] as number)
        up[into + k] = (up[into + k] as number) + sum
      }
      if (changes) parts[output * features + column] = (parts[output * features + column] as number) + part
    }
  }
}
