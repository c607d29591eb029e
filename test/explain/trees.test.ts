import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { Forest } from '../../lib/compiler/forest.ts'
import { readForest } from '../../lib/compiler/read-forest.ts'
import { walk } from '../../lib/compiler/walk.ts'
import { coverCounter, flatForest } from '../../lib/explain/flat-forest.ts'
import { interventional } from '../../lib/explain/interventional.ts'
import { pathDependent } from '../../lib/explain/path-dependent.ts'
import { gaussLegendre } from '../../lib/explain/quadrature.ts'
import { scoreForest } from '../../lib/explain/score-forest.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { averaged, drawTree, forestModel, type MadeNode } from '../support/forests.ts'
import { backgroundGame, pathGame, shapley } from './brute-force.ts'

/** The loops as they are served. */
const kernels = new WebAssembly.Module(readFileSync(join(packageRoot, 'dist', 'explain-kernels.wasm')))

const drawer = (seed: number) => {
  const next = seededRandom(seed)
  return (below: number): number => next() % below
}

interface Case {
  readonly forest: Forest
  readonly rows: number[][]
  readonly row: number[]
}

/** Trees with every kind of comparison, sets among them, and rows with missing values. */
function madeCase(seed: number): Case {
  const draw = drawer(seed)
  const features = 1 + draw(8)
  const trees = Array.from({ length: 1 + draw(3) }, () => drawTree(draw, features, 1 + draw(14), false))
  const read = readForest(forestModel(trees, features, draw(2) === 0 ? [averaged] : []))
  const forest = { ...read, trees: read.trees.map((tree) => tree.map((node) => withSet(node, draw))) }
  const rowOf = (): number[] =>
    Array.from({ length: features }, () => (draw(6) === 0 ? Number.NaN : Math.fround((draw(4_000) - 2_000) / 16)))
  return { forest, rows: Array.from({ length: 1 + draw(12) }, rowOf), row: rowOf() }
}

function withSet(node: Forest['trees'][number][number], draw: (below: number) => number) {
  if (!('mode' in node) || draw(3) > 0) return node
  const { feature, missingTrue, onTrue, onFalse } = node
  const members = new Set(Array.from({ length: 400 }, () => Math.fround((draw(4_000) - 2_000) / 16)))
  return { mode: 'BRANCH_MEMBER' as const, members, feature, missingTrue, onTrue, onFalse }
}

function coversByTree({ trees }: Forest, rows: readonly number[][]): number[][] {
  return trees.map((tree) => {
    const leaves = rows.map((row) => walk(tree, (i) => row[i] as number))
    const countIn = (at: number): number => {
      const node = tree[at]
      if (node === undefined || !('mode' in node)) return leaves.filter((leaf) => leaf === at).length
      return countIn(node.onTrue) + countIn(node.onFalse)
    }
    return tree.map((_, at) => countIn(at))
  })
}

const near = (a: number[], b: ArrayLike<number>): void => {
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThan(1e-12 * 40)
}
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0)
const seeds = fc.integer({ min: 1, max: 1e9 })

describe('trees explained exactly', () => {
  it('equals the definition of Shapley values over all subsets, by the training rows that passed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { forest, rows, row } = madeCase(seed)
        const flat = flatForest(scoreForest(forest, 'regression'))
        const counter = coverCounter(flat)
        for (const each of rows) counter.add(each)
        const explainer = pathDependent(flat, counter.covers)
        const [parts, scores] = [new Float64Array(flat.features), new Float64Array(1)]
        explainer.explain(row, parts, scores)
        const game = pathGame(forest, coversByTree(forest, rows), row)
        near(shapley(flat.features, 1, game)[0] as number[], parts)
        near([game(0)[0] as number], explainer.expected)
        near([sum(parts) + (explainer.expected[0] as number)], scores)
        const [compiled, again] = [new Float64Array(flat.features), new Float64Array(1)]
        const loops = pathDependent(flat, counter.covers, kernels)
        for (const other of rows) loops.explain(other, compiled, again)
        loops.explain(row, compiled, again)
        near([...parts, ...scores], Float64Array.of(...compiled, ...again))
      }),
      { numRuns: 150 },
    )
  })

  it('equals it also where other columns have the values of background rows', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { forest, rows, row } = madeCase(seed)
        const flat = flatForest(scoreForest(forest, 'regression'))
        const explainer = interventional(flat, Float32Array.from(rows.flat()))
        const [parts, scores] = [new Float64Array(flat.features), new Float64Array(1)]
        explainer.explain(row, parts, scores)
        const game = backgroundGame(forest, rows, row)
        near(shapley(flat.features, 1, game)[0] as number[], parts)
        near([game(0)[0] as number], explainer.expected)
        near([sum(parts) + (explainer.expected[0] as number)], scores)
      }),
      { numRuns: 300 },
    )
  })

  it('equals it where the path to a leaf asks for twelve columns, some of them twice', () => {
    const draw = drawer(5)
    let chain: MadeNode = { weight: 1.5 }
    for (let level = 0; level < 16; level++)
      chain = {
        mode: level % 3 === 0 ? 'BRANCH_GT' : 'BRANCH_LEQ',
        feature: level % 12,
        threshold: (draw(64) - 32) / 16,
        missingTrue: level % 2 === 0,
        yes: level % 3 === 0 ? chain : { weight: draw(100) / 16 - 3 },
        no: level % 3 === 0 ? { weight: draw(100) / 16 - 3 } : chain,
      }
    const forest = readForest(forestModel([chain], 12))
    const rows = Array.from({ length: 200 }, () => Array.from({ length: 12 }, () => (draw(64) - 32) / 16))
    const flat = flatForest(scoreForest(forest, 'regression'))
    const counter = coverCounter(flat)
    for (const each of rows) counter.add(each)
    const explainer = pathDependent(flat, counter.covers)
    const [parts, compiled] = [new Float64Array(12), new Float64Array(12)]
    for (const row of rows.slice(0, 3)) {
      explainer.explain(row, parts, new Float64Array(1))
      pathDependent(flat, counter.covers, kernels).explain(row, compiled, new Float64Array(1))
      near([...parts], compiled)
      near(shapley(12, 1, pathGame(forest, coversByTree(forest, rows), row))[0] as number[], parts)
    }
  })

  it('has points that integrate polynomials exactly up to their degree', () => {
    for (let points = 1; points <= 24; points++) {
      const { at, weights } = gaussLegendre(points)
      for (let degree = 0; degree < 2 * points; degree++) {
        const integral = at.reduce((total, t, k) => total + (weights[k] as number) * t ** degree, 0)
        expect(Math.abs(integral * (degree + 1) - 1)).toBeLessThan(1e-13 * points)
      }
    }
  })
})
