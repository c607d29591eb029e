import { type FlatForest, scoresOf, testAll } from './flat-forest.ts'
import type { RowExplainer } from './path-dependent.ts'

/**
 * Exact Shapley values of trees, where columns that are not known have the values of background rows, each row in turn
 * (Lundberg et al., Nature Machine Intelligence 2, 2020, Algorithm 3). Against one background row a leaf counts only
 * where every column of its path leads to it in the row or in the background; with p columns that do so in the row
 * alone and q in the background alone, each of the p has (p-1)! q! / (p+q)! of the leaf, and each of the q minus
 * p! (q-1)! / (p+q)!.
 * @param background rows as the trees see them, float32: [rows · features]; at least one
 */
export function interventional(forest: FlatForest, background: Float32Array): RowExplainer {
  const { features, outputs, feature } = forest
  const rows = background.length / features
  const nodes = feature.length
  const tests = new Uint8Array(nodes)
  const others = Array.from({ length: rows }, (_, row) => {
    const own = new Uint8Array(nodes)
    testAll(forest, background.subarray(row * features, (row + 1) * features), own)
    return own
  })
  const expected = new Float64Array(outputs)
  const scores = new Float64Array(outputs)
  for (const other of others) {
    scoresOf(forest, other, scores)
    for (let output = 0; output < outputs; output++)
      expected[output] = (expected[output] as number) + (scores[output] as number) / rows
  }
  const walker = pairWalker(forest)
  return {
    expected,
    explain(row, parts, into) {
      parts.fill(0)
      testAll(forest, row, tests)
      scoresOf(forest, tests, into)
      for (const other of others) walker(tests, other, parts)
      for (let i = 0; i < parts.length; i++) parts[i] = (parts[i] as number) / rows
    },
  }
}

/** Adds what a row's columns make of the scores of one background row to `parts` [outputs · features]. */
function pairWalker(forest: FlatForest): (row: Uint8Array, other: Uint8Array, parts: Float64Array) => void {
  const { features, outputs, roots, feature, onTrue, onFalse, values } = forest
  const weights = weightsOf(deepest(forest))
  /** Whose way a column goes on this path: 1 the row's, 2 the background's, 0 not asked or the same. */
  const side = new Uint8Array(features)
  let row: Uint8Array
  let other: Uint8Array
  let parts: Float64Array
  let output = 0
  // What leaves below are worth to a column of the row, and to one of the background: a pair without an object.
  let [ours, theirs] = [0, 0]

  const visit = (node: number, p: number, q: number): void => {
    const column = feature[node] as number
    if (column < 0) {
      const value = values[node * outputs + output] as number
      ours = p === 0 ? 0 : value * (weights(p - 1, q) as number)
      theirs = q === 0 ? 0 : -value * (weights(q - 1, p) as number)
      return
    }
    const mine = (row[node] === 1 ? onTrue[node] : onFalse[node]) as number
    const its = (other[node] === 1 ? onTrue[node] : onFalse[node]) as number
    if (mine === its || side[column] !== 0) {
      visit(side[column] === 2 ? its : mine, p, q)
      return
    }
    side[column] = 1
    visit(mine, p + 1, q)
    const [oursHere, theirsHere] = [ours, theirs]
    side[column] = 2
    visit(its, p, q + 1)
    side[column] = 0
    const at = output * features + column
    parts[at] = (parts[at] as number) + oursHere + theirs
    ours += oursHere
    theirs += theirsHere
  }
  return (of, against, into) => {
    row = of
    other = against
    parts = into
    for (let tree = 0; tree + 1 < roots.length; tree++)
      for (output = 0; output < outputs; output++) visit(roots[tree] as number, 0, 0)
  }
}

/** a! b! / (a + b + 1)!, for a and b below `most`. */
function weightsOf(most: number): (a: number, b: number) => number {
  const table = new Float64Array(most * most)
  for (let a = 0; a < most; a++) {
    // 1 / (a + 1), then b / (a + b + 1) times the one before.
    let weight = 1 / (a + 1)
    for (let b = 0; b < most; b++) {
      if (b > 0) weight *= b / (a + b + 1)
      table[a * most + b] = weight
    }
  }
  return (a, b) => table[a * most + b] as number
}

/** Nodes of the longest path. */
function deepest({ parent }: FlatForest): number {
  const depth = new Uint32Array(parent.length)
  let most = 1
  for (let node = 0; node < parent.length; node++) {
    const from = parent[node] as number
    depth[node] = from < 0 ? 1 : (depth[from] as number) + 1
    most = Math.max(most, depth[node] as number)
  }
  return most + 1
}
