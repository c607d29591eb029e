import type { Forest, TreeNode } from '../compiler/forest.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import { isOfClasses, type Task } from '../formats/code-ref.ts'
import type { Space } from '../formats/explain.ts'

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
 * The scores of a forest that its trees add up to. Of a binary model that is one, of the second class: where both
 * classes have scores of their own under a softmax, the difference, which is the log odds.
 * @throws NotCompilable where the transform leaves nothing that parts add up to
 */
export function scoreForest(forest: Forest, task: Task): ScoreForest {
  const isBinary = task === 'binary'
  const { sums, divisor, transform, base } = forest
  const last = sums - 1
  if (transform === 'softmax zero') throw new NotCompilable('the post-transform SOFTMAX_ZERO')
  if (isBinary && transform === 'softmax') {
    if (sums !== 2) throw new NotCompilable(`a softmax of ${sums} scores in a binary model`)
    return {
      forest,
      space: 'log odds',
      outputs: 1,
      base: Float64Array.of((base[1] as number) - (base[0] as number)),
      add: ({ adds }) => ((adds.get(1) ?? 0) - (adds.get(0) ?? 0)) / divisor,
    }
  }
  const space = transform === 'logistic' ? 'log odds' : isOfClasses(task) ? 'probability' : 'prediction'
  if (isBinary)
    return {
      forest,
      space,
      outputs: 1,
      base: Float64Array.of(base[last] as number),
      add: ({ adds }) => (adds.get(last) ?? 0) / divisor,
    }
  return {
    forest,
    space: transform === 'softmax' ? 'score' : space,
    outputs: sums,
    base: Float64Array.from(base),
    add: ({ adds }, output) => (adds.get(output) ?? 0) / divisor,
  }
}
