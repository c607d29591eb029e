import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { solveSymmetric } from '../../lib/learners/linear/cholesky.ts'
import { designOf } from '../../lib/learners/linear/design.ts'
import { fitLinear } from '../../lib/learners/linear/fit.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(13)
const uniform = (): number => random() / 2 ** 32
const largestDifference = (some: ArrayLike<number>, others: ArrayLike<number>): number =>
  Array.from(some).reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] as number))), 0)

describe("Cholesky's decomposition", () => {
  it('solves what is symmetric and positive', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (size) => {
        const half = Array.from({ length: size }, () => Array.from({ length: size }, () => uniform() - 0.5))
        const matrix = new Float64Array(size * size)
        for (let i = 0; i < size; i++)
          for (let j = 0; j < size; j++)
            matrix[i * size + j] = half.reduce(
              (sum, row) => sum + (row[i] as number) * (row[j] as number),
              i === j ? 0.1 : 0,
            )
        const x = Float64Array.from({ length: size }, uniform)
        const b = x.map((_, i) => x.reduce((sum, value, j) => sum + (matrix[i * size + j] as number) * value, 0))
        expect(largestDifference(solveSymmetric(matrix, b), x)).toBeLessThan(1e-9)
      }),
    )
  })

  it('gives 0 to what depends on what comes before', () => {
    const [x, y] = solveSymmetric(Float64Array.of(2, 2, 2, 2), Float64Array.of(4, 4))
    expect(x).toBeCloseTo(2, 12)
    expect(y).toBe(0)
  })
})

describe('the fit', () => {
  it('ends where the gradient does: no weight can be moved for the better', () => {
    const a = Float32Array.from({ length: 400 }, () => 10 * uniform() - 3)
    const features = [a, a.map((_, row) => (row % 7 === 0 ? Number.NaN : uniform())), a.map((_, row) => row % 3)]
    const rows = { features, labels: Float64Array.from(a, (value) => Number(value + 8 * uniform() > 6)) }
    const inputs: ModelInput[] = [
      { name: 'a', kind: 'number' },
      { name: 'b', kind: 'number' },
      { name: 't', kind: 'category', categories: ['x', 'y', 'z'] },
    ]
    const design = designOf({ inputs, train: rows })
    const order = { task: 'binary', design, rowWeights: undefined, l2: 1, ...rows } as const
    const { weights, converged } = fitLinear(order, () => {})
    expect(converged).toBe(true)
    const lossAt = (at: Float64Array): number => penalisedLoss(rows, design, at)
    weights.forEach((weight, i) => {
      for (const step of [-1e-3, 1e-3]) expect(lossAt(weights.with(i, weight + step))).toBeGreaterThan(lossAt(weights))
    })
  })
})

/** The loss of a logistic regression with L2 1, from its definition. */
function penalisedLoss(
  { features, labels }: LearnerRows,
  { numbers: described, texts }: ReturnType<typeof designOf>,
  weights: Float64Array,
): number {
  let loss = weights.slice(0, -1).reduce((sum, weight) => sum + weight ** 2 / 2, 0)
  labels.forEach((label, row) => {
    let sum = weights.at(-1) as number
    described.forEach(({ input, mean, deviation, missingColumn }, i) => {
      const value = features[input]?.[row] as number
      if (!Number.isNaN(value)) sum += ((value - mean) / deviation) * (weights[i] as number)
      else if (missingColumn !== undefined) sum += weights[missingColumn] as number
    })
    for (const { input, first } of texts) {
      const code = features[input]?.[row] as number
      if (!Number.isNaN(code)) sum += weights[first + code] as number
    }
    const p = 1 / (1 + Math.exp(-sum))
    loss -= label * Math.log(p) + (1 - label) * Math.log(1 - p)
  })
  return loss
}
