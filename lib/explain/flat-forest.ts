import type { TestNode } from '../compiler/forest.ts'
import { goesTrue } from '../compiler/walk.ts'
import type { ScoreForest } from './score-forest.ts'

/**
 * Trees laid out flat, one after the other, each in preorder with the true branch first: loops over rows touch arrays
 * only. Indices are of all nodes; a leaf asks for feature -1, a root has parent -1.
 */
export interface FlatForest {
  readonly features: number
  readonly outputs: number
  /** The first node of each tree, and the number of all nodes: [trees + 1]. */
  readonly roots: Int32Array
  readonly parent: Int32Array
  readonly feature: Int32Array
  readonly onTrue: Int32Array
  readonly onFalse: Int32Array
  /** What leaves add: [nodes · outputs]. */
  readonly values: Float64Array
  /** [outputs]. */
  readonly base: Float64Array
  /** Tests `<=`: their nodes, columns, thresholds, and what NaN answers. */
  readonly plain: {
    readonly nodes: Int32Array
    readonly columns: Int32Array
    readonly thresholds: Float64Array
    readonly missing: Uint8Array
  }
  /** Nodes with other tests. */
  readonly others: readonly number[]
  /** Whether one inner node's test holds. */
  holds(node: number, row: ArrayLike<number>): boolean
}

/** Lays a forest out. */
export function flatForest({ forest, outputs, base, add }: ScoreForest): FlatForest {
  const nodes = forest.trees.reduce((sum, tree) => sum + tree.length, 0)
  const ints = (): Int32Array => new Int32Array(nodes).fill(-1)
  const [parent, feature, onTrue, onFalse] = [ints(), ints(), ints(), ints()]
  const values = new Float64Array(nodes * outputs)
  const tests: TestNode[] = []
  const roots = [0]
  let next = 0
  for (const tree of forest.trees) {
    const visit = [{ at: 0, from: -1, holds: true }]
    for (let place = visit.pop(); place !== undefined; place = visit.pop()) {
      const { at, from, holds } = place
      const number = next++
      parent[number] = from
      if (from >= 0) (holds ? onTrue : onFalse)[from] = number
      const node = tree[at] as (typeof tree)[number]
      if ('adds' in node)
        for (let output = 0; output < outputs; output++) values[number * outputs + output] = add(node, output)
      else {
        feature[number] = node.feature
        tests[number] = node
        visit.push({ at: node.onFalse, from: number, holds: false }, { at: node.onTrue, from: number, holds: true })
      }
    }
    roots.push(next)
  }
  return {
    features: forest.features,
    outputs,
    roots: Int32Array.from(roots),
    parent: parent.subarray(0, next),
    feature: feature.subarray(0, next),
    onTrue,
    onFalse,
    values,
    base,
    ...plainTests(tests, next),
    holds: (node, row) => goesTrue(tests[node] as TestNode, row[feature[node] as number] as number),
  }
}

/** Tests that compare with a threshold, `<=`, which nearly all do, laid out; and the nodes of the others. */
function plainTests(tests: readonly (TestNode | undefined)[], nodes: number): Pick<FlatForest, 'plain' | 'others'> {
  const numbers = Array.from({ length: nodes }, (_, i) => i)
  const plain = numbers.flatMap((i) => {
    const test = tests[i]
    return test?.mode === 'BRANCH_LEQ' ? [{ i, test }] : []
  })
  return {
    plain: {
      nodes: Int32Array.from(plain, ({ i }) => i),
      columns: Int32Array.from(plain, ({ test }) => test.feature),
      thresholds: Float64Array.from(plain, ({ test }) => (test as { threshold: number }).threshold),
      missing: Uint8Array.from(plain, ({ test }) => (test.missingTrue ? 1 : 0)),
    },
    others: numbers.filter((i) => tests[i] !== undefined && tests[i].mode !== 'BRANCH_LEQ'),
  }
}

/**
 * Whether nodes' tests hold for a row.
 * @param row the columns the trees see, float32: [features]
 * @param into 1 where they do: [nodes]
 */
export function testAll({ plain, others, holds }: FlatForest, row: ArrayLike<number>, into: Uint8Array): void {
  const { nodes, columns, thresholds, missing } = plain
  for (let i = 0; i < nodes.length; i++) {
    const value = row[columns[i] as number] as number
    const isHigh = value > (thresholds[i] as number)
    into[nodes[i] as number] = value <= (thresholds[i] as number) ? 1 : isHigh ? 0 : (missing[i] as number)
  }
  for (const node of others) into[node] = holds(node, row) ? 1 : 0
}

/** The scores of a row in double precision. @param tests what its nodes' tests say @param into [outputs] */
export function scoresOf(forest: FlatForest, tests: Uint8Array, into: Float64Array): void {
  const { roots, feature, onTrue, onFalse, values, outputs, base } = forest
  into.set(base)
  for (let tree = 0; tree + 1 < roots.length; tree++) {
    let at = roots[tree] as number
    while ((feature[at] as number) >= 0) at = (tests[at] === 1 ? onTrue[at] : onFalse[at]) as number
    for (let output = 0; output < outputs; output++)
      into[output] = (into[output] as number) + (values[at * outputs + output] as number)
  }
}

/** Counts the rows that pass each node, in the order of the flat forest: what path-dependent explanations weigh by. */
export function coverCounter(forest: FlatForest) {
  const { roots, feature, onTrue, onFalse } = forest
  const covers = new Float64Array(feature.length)
  return {
    covers,
    /** @param row as the trees see it: [features] */
    add(row: ArrayLike<number>): void {
      for (let tree = 0; tree + 1 < roots.length; tree++) {
        let at = roots[tree] as number
        covers[at] = (covers[at] as number) + 1
        while ((feature[at] as number) >= 0) {
          at = (forest.holds(at, row) ? onTrue[at] : onFalse[at]) as number
          covers[at] = (covers[at] as number) + 1
        }
      }
    },
  }
}
