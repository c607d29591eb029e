import { compiledRows, type Rows } from './compiled-rows.ts'
import { type FlatForest, scoresOf, testAll } from './flat-forest.ts'
import { type LeafPaths, leafAdder, leafPaths } from './leaf-paths.ts'

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
 * which ⌈d/2⌉ points of Gauss–Legendre quadrature integrate exactly. All factors are positive, so nothing cancels.
 * Which columns of a path a row follows is told for all paths at once, on the way down.
 * @param covers how many training rows passed each node
 * @param kernels the loops over nodes and leaves, compiled; without them they are JavaScript
 */
export function pathDependent(
  forest: FlatForest,
  covers: ArrayLike<number>,
  kernels?: WebAssembly.Module,
): RowExplainer {
  const paths = leafPaths(forest, covers)
  const rows = kernels === undefined ? plainRows(forest, paths) : compiledRows(forest, paths, kernels)
  return {
    expected: paths.expected,
    explain(row, parts, scores) {
      parts.fill(0)
      scores.set(paths.certain)
      rows.add(row, parts, scores)
    },
  }
}

function plainRows(forest: FlatForest, paths: LeafPaths): Rows {
  const tests = new Uint8Array(forest.feature.length)
  const add = leafAdder(forest, paths)
  return {
    add(row, parts, scores) {
      testAll(forest, row, tests)
      scoresOf(forest, tests, scores)
      add(tests, parts)
    },
  }
}
