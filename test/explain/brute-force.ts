import type { Forest, ForestTree, TreeNode } from '../../lib/compiler/forest.ts'
import { goesTrue, walk } from '../../lib/compiler/walk.ts'

/** What a set of known columns is worth, by its bits: [outputs]. */
type Game = (known: number) => readonly number[]

/**
 * Shapley values by their definition (Shapley, 1953): the mean over all orders of columns of what each adds to those
 * before it. [outputs][players]
 */
export function shapley(players: number, outputs: number, game: Game): number[][] {
  const worth = Array.from({ length: 2 ** players }, (_, known) => game(known))
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))
  return Array.from({ length: outputs }, (_, output) =>
    Array.from({ length: players }, (__, player) => {
      let sum = 0
      for (let known = 0; known < worth.length; known++) {
        if ((known >> player) & 1) continue
        const size = known.toString(2).replaceAll('0', '').length
        const weight = (factorial(size) * factorial(players - size - 1)) / factorial(players)
        sum += weight * ((worth[known | (1 << player)]?.[output] as number) - (worth[known]?.[output] as number))
      }
      return sum
    }),
  )
}

/** A tree's leaves where only some columns are known: others follow both ways by the rows that passed. */
function expectation(tree: ForestTree, covers: readonly number[], row: readonly number[], known: number) {
  const visit = (at: number): number => {
    const node = tree[at] as TreeNode
    if ('adds' in node) return node.adds.get(0) ?? 0
    if ((known >> node.feature) & 1)
      return visit(goesTrue(node, row[node.feature] as number) ? node.onTrue : node.onFalse)
    const [yes, no] = [covers[node.onTrue] as number, covers[node.onFalse] as number]
    if (yes + no === 0) return (visit(node.onTrue) + visit(node.onFalse)) / 2
    return (yes * visit(node.onTrue) + no * visit(node.onFalse)) / (yes + no)
  }
  return visit(0)
}

/** The path-dependent game. @param covers by tree, by its own nodes */
export const pathGame =
  (forest: Forest, covers: readonly (readonly number[])[], row: readonly number[]): Game =>
  (known) => [
    forest.trees.reduce((sum, tree, i) => sum + expectation(tree, covers[i] as number[], row, known), 0) /
      forest.divisor +
      (forest.base[0] as number),
  ]

/** The interventional game: columns that are not known are those of background rows. */
export const backgroundGame =
  (forest: Forest, background: readonly (readonly number[])[], row: readonly number[]): Game =>
  (known) => {
    let sum = 0
    for (const other of background)
      for (const tree of forest.trees) {
        const leaf = tree[walk(tree, (i) => ((known >> i) & 1 ? row : other)[i] as number)] as TreeNode
        sum += 'adds' in leaf ? (leaf.adds.get(0) ?? 0) : 0
      }
    return [sum / background.length / forest.divisor + (forest.base[0] as number)]
  }
