import type { Forest, ForestTree, TestNode, TreeNode } from './forest.ts'

/**
 * Whether a value takes the true branch of a node, as ONNX Runtime compares: in float32, NaN by IEEE 754 unless it
 * tracks true.
 */
export function goesTrue(node: TestNode, value: number): boolean {
  if (Number.isNaN(value)) return node.missingTrue || node.mode === 'BRANCH_NEQ'
  // A set knows one zero only, and so do comparisons.
  if (node.mode === 'BRANCH_MEMBER') return node.members.has(value)
  const { mode, threshold } = node
  switch (mode) {
    case 'BRANCH_LEQ':
      return value <= threshold
    case 'BRANCH_LT':
      return value < threshold
    case 'BRANCH_GTE':
      return value >= threshold
    case 'BRANCH_GT':
      return value > threshold
    case 'BRANCH_EQ':
      return value === threshold
    case 'BRANCH_NEQ':
      return value !== threshold
  }
}

/** The leaf a row ends in, as an index into the tree. */
export function walk(tree: ForestTree, featureOf: (feature: number) => number): number {
  let at = 0
  for (let node = tree[0] as TreeNode; 'mode' in node; node = tree[at] as TreeNode)
    at = goesTrue(node, featureOf(node.feature)) ? node.onTrue : node.onFalse
  return at
}

/**
 * The sums of a row before any transform, leaves added in tree order in float32: what the compiled module has to
 * reproduce.
 * @param featureOf the row's value of a feature, a float32
 */
export function sumsOf({ trees, sums, divisor, base }: Forest, featureOf: (feature: number) => number): Float32Array {
  const total = new Float32Array(sums)
  for (const tree of trees) {
    const leaf = tree[walk(tree, featureOf)] as Extract<TreeNode, { adds: unknown }>
    for (const [sum, weight] of leaf.adds) total[sum] = (total[sum] as number) + weight
  }
  return total.map((sum, i) => Math.fround(sum / divisor) + (base[i] as number))
}

/** The leaves of a tree from left (always the true branch) to right, as indices. */
export function leavesOf(tree: ForestTree): number[] {
  const leaves: number[] = []
  const visit = [0]
  for (let at = visit.pop(); at !== undefined; at = visit.pop()) {
    const node = tree[at] as TreeNode
    if ('mode' in node) visit.push(node.onFalse, node.onTrue)
    else leaves.push(at)
  }
  return leaves
}
