import type { Growth } from './grow.ts'
import type { TrainingMemory } from './memory.ts'
import { parts, segmentOf } from './memory.ts'
import type { Objective } from './objective.ts'
import { fixedPointUnits, gradientScale } from './tables.ts'

/**
 * The pinball loss of a quantile (Koenker & Bassett 1978). Its gradients know sides only, so that leaves answer, as
 * LightGBM's, the quantile of what their rows are still off by. Scores are how far predictions are above labels.
 */
export function quantileObjective(level: number, learningRate: number): Objective {
  return {
    gradients(memory, loops) {
      const { rows, scores, gradients, weights } = memory
      const [above, below] = [1 - level, -level].map((part) => (Math.round(part * gradientScale) << 16) | 1) as [
        number,
        number,
      ]
      for (let row = 0; row < rows; row++) gradients[row] = (scores[row] as number) > 0 ? above : below
      if (weights.length > 0) loops.weigh(memory, 0, 0, rows)
    },
    renew: (memory, growth) => {
      renewLeaves(memory, growth, level, learningRate)
    },
    update: 'updateScores',
    units: (_, heaviest) => fixedPointUnits({ largestResidual: 1 }, heaviest),
    loss(_, { scores, weights }, from, to) {
      let sum = 0
      for (let row = from; row < to; row++) {
        const short = -(scores[row] as number)
        sum += Math.max(level * short, (level - 1) * short) * (weights[row] ?? 1)
      }
      return sum
    },
    lossPower: 1,
  }
}

function renewLeaves(memory: TrainingMemory, { tree, leafNodes }: Growth, level: number, learningRate: number): void {
  leafNodes.forEach((node, leaf) => {
    const value = Math.fround(learningRate * quantileOf(memory, rowsOf(memory, leaf), level))
    tree.value[node] = value
    memory.leafValues[leaf] = value
  })
}

/** The training rows of a leaf, in the order of their numbers: that of no thread. */
function rowsOf({ threads, segments, order }: TrainingMemory, leaf: number): Uint32Array {
  const shares = Array.from({ length: threads }, (_, thread) => {
    const at = segmentOf(thread, parts.training, leaf)
    return order.subarray(segments[at], segments[at + 1])
  })
  const rows = new Uint32Array(shares.reduce((sum, share) => sum + share.length, 0))
  let at = 0
  for (const share of shares) {
    rows.set(share, at)
    at += share.length
  }
  return rows.sort()
}

/** A quantile of how far rows' predictions are below their labels: interpolated as numpy does, or by weight. */
function quantileOf({ scores, weights }: TrainingMemory, rows: Uint32Array, level: number): number {
  const short = (row: number): number => -(scores[row] as number)
  if (weights.length === 0) {
    const ascending = Float32Array.from(rows, short).sort()
    const place = level * (rows.length - 1)
    const low = ascending[Math.floor(place)] as number
    const high = ascending[Math.ceil(place)] as number
    return low + (high - low) * (place - Math.floor(place))
  }
  const order = Array.from(rows).sort((a, b) => short(a) - short(b) || a - b)
  const weightOf = (row: number): number => weights[row] as number
  const total = order.reduce((sum, row) => sum + weightOf(row), 0)
  let sum = 0
  for (const row of order) {
    sum += weightOf(row)
    if (sum >= level * total && sum > 0) return short(row)
  }
  return 0
}
