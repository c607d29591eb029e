import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { Forest, ForestTree, TreeNode } from '../../lib/compiler/forest.ts'
import { flatForest } from '../../lib/explain/flat-forest.ts'
import { interventional } from '../../lib/explain/interventional.ts'
import { pathDependent, type RowExplainer } from '../../lib/explain/path-dependent.ts'
import { scoreForest } from '../../lib/explain/score-forest.ts'

/* What the shap package says of trees of three libraries (test/reference/shap_values.py), to 1e-6. */

type Node = { readonly cover: number } & (
  | { readonly value: number[] }
  | {
      readonly feature: number
      readonly missing: boolean
      readonly mode?: 'BRANCH_LEQ' | 'BRANCH_LT'
      readonly threshold?: number
      readonly members?: number[]
      readonly yes: Node
      readonly no: Node
    }
)
interface Told {
  readonly expected: number[]
  /** [rows][outputs][features]. */
  readonly parts: number[][][]
}
interface Case {
  readonly name: string
  readonly trees: Node[]
  readonly divisor: number
  readonly rows: (number | null)[][]
  readonly path: Told
  readonly background?: (number | null)[][]
  readonly interventional?: Told
}
const cases: Case[] = JSON.parse(readFileSync(join(packageRoot, 'test/reference/shap_values.json'), 'utf8'))

/** A tree, and the rows that passed its nodes in preorder, the true branch first. */
function treeOf(root: Node, covers: number[]): ForestTree {
  const tree: TreeNode[] = []
  const add = (node: Node): number => {
    const at = tree.push({ adds: new Map() }) - 1
    covers.push(node.cover)
    if ('value' in node) tree[at] = { adds: new Map(node.value.map((value, output) => [output, value])) }
    else {
      const { feature, missing: missingTrue, mode, threshold, members } = node
      const links = { feature, missingTrue, onTrue: add(node.yes), onFalse: add(node.no) }
      tree[at] =
        members === undefined
          ? { ...links, mode: mode ?? 'BRANCH_LEQ', threshold: threshold as number }
          : { ...links, mode: 'BRANCH_MEMBER', members: new Set(members) }
    }
    return at
  }
  add(root)
  return tree
}

function opened({ trees, divisor, path }: Case) {
  const covers: number[] = []
  const sums = path.expected.length
  const forest: Forest = {
    inputs: [{ name: 'X', kind: 'number', width: 6 }],
    outputs: [],
    features: 6,
    trees: trees.map((tree) => treeOf(tree, covers)),
    sums,
    divisor,
    base: new Float32Array(sums),
    transform: 'as it is',
    scores: { output: 'Y', columns: [], width: sums },
  }
  return { flat: flatForest(scoreForest(forest, 'regression')), covers }
}
const numbers = (rows: readonly (number | null)[][]): number[][] =>
  rows.map((row) => row.map((value) => value ?? Number.NaN))

function requireTold(explainer: RowExplainer, rows: number[][], { expected, parts }: Told): void {
  const own = new Float64Array(expected.length * 6)
  const scores = new Float64Array(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs(value - (explainer.expected[i] as number))).toBeLessThan(1e-6)
  for (const [row, values] of rows.entries()) {
    explainer.explain(values, own, scores)
    for (const [i, part] of (parts[row] as number[][]).flat().entries())
      expect(Math.abs(part - (own[i] as number))).toBeLessThan(1e-6)
    for (const [output, score] of scores.entries()) {
      const sum = own.subarray(output * 6, output * 6 + 6).reduce((before, part) => before + part, 0)
      expect(Math.abs(sum + (explainer.expected[output] as number) - score)).toBeLessThan(1e-12)
    }
  }
}

describe.each(cases)('$name', (each) => {
  it('is explained as shap does, by the rows that passed its nodes', () => {
    const { flat, covers } = opened(each)
    requireTold(pathDependent(flat, covers), numbers(each.rows), each.path)
  })
})

// Of sets shap knows the first game only.
describe.each(cases.filter((each) => each.interventional !== undefined))('$name, against background rows', (each) => {
  it('is explained as shap does', () => {
    const { flat } = opened(each)
    const background = Float32Array.from(numbers(each.background as never).flat())
    requireTold(interventional(flat, background), numbers(each.rows), each.interventional as Told)
  })
})
