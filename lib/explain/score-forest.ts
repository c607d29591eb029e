import type { Forest, TreeNode } from '../compiler/forest.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'

/** What parts add up to: log odds, or scores before a softmax, or the answer itself. */
export type Space = 'log odds' | 'score' | 'probability' | 'prediction'

/** Trees as sums of leaves, before any transform. */
export interface ScoreForest {
  readonly forest: Forest
  readonly space: Space
  /** Scores a row has. */
  readonly outputs: number
  /** Is added to each score: [outputs]. */
  readonly base: Float64Array
  /** What a leaf adds to one. */
  add(leaf: Extract<TreeNode, { adds: unknown }>, output: number): number
}

/**
 * The scores of a forest that its trees add up to. Of two classes with scores of their own, the difference is the log
 * odds of the second.
 * @param isProbability whether an answer without a transform is a probability
 * @throws NotCompilable where the transform leaves nothing that parts add up to
 */
export function scoreForest(forest: Forest, isProbability: boolean): ScoreForest {
  const { sums, divisor, transform } = forest
  if (transform === 'softmax zero') throw new NotCompilable('the post-transform SOFTMAX_ZERO')
  if (transform === 'softmax' && sums === 2)
    return {
      forest,
      space: 'log odds',
      outputs: 1,
      base: Float64Array.of((forest.base[1] as number) - (forest.base[0] as number)),
      add: ({ adds }) => ((adds.get(1) ?? 0) - (adds.get(0) ?? 0)) / divisor,
    }
  const plain = isProbability ? 'probability' : 'prediction'
  return {
    forest,
    space: transform === 'logistic' ? 'log odds' : transform === 'softmax' ? 'score' : plain,
    outputs: sums,
    base: Float64Array.from(forest.base),
    add: ({ adds }, output) => (adds.get(output) ?? 0) / divisor,
  }
}
