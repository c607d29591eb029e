import { describe, expect, it } from 'vitest'
import { trees } from '../../lib/definition/learners.ts'
import { measureAll } from '../../lib/formats/metrics/index.ts'
import type { LearnerOrder } from '../../lib/learners/learner.ts'
import { boost } from '../../lib/learners/trees/boost.ts'
import { predict } from '../../lib/learners/trees/ensemble.ts'
import { directionsOf, requireNumber } from '../../lib/learners/trees/options.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(41)
const uniform = (): number => random() / 2 ** 32
const normal = (): number => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform())

/** Numbers around 5,000 that spread the more the larger the first feature is. */
function spreading(rows: number) {
  const features = Array.from({ length: 3 }, () => Float32Array.from({ length: rows }, uniform))
  const at = (feature: number, row: number): number => features[feature]?.[row] as number
  const labels = Float64Array.from(
    { length: rows },
    (_, row) => 5_000 + 300 * Math.sin(5 * at(1, row)) + (20 + 200 * at(0, row)) * normal(),
  )
  return { features, labels }
}

describe('trees of a quantile', () => {
  const [train, validation, test] = [spreading(8_000), spreading(2_000), spreading(4_000)]
  const grow = (quantile: number, threads: number, weights?: Float32Array) =>
    boost(
      'regression',
      { train: { ...train, weights }, validation },
      trees({ trees: 120, leaves: 12, quantile, earlyStopping: 15 }),
      {
        threads,
      },
    )

  it.each([0.1, 0.5, 0.9])('have that share of the labels below them, here and there: %f', (level) => {
    const { ensemble, validationLoss } = grow(level, 2)
    const predictions = predict(ensemble, test.features, 4_000)
    const shareBelow = (isIn: (row: number) => boolean): number => {
      const rows = Array.from(test.labels.keys()).filter(isIn)
      return rows.filter((row) => (test.labels[row] as number) <= (predictions[row] as number)).length / rows.length
    }
    for (const isIn of [
      () => true,
      (row: number) => (test.features[0]?.[row] as number) < 0.3,
      (row: number) => (test.features[0]?.[row] as number) > 0.7,
    ])
      expect(Math.abs(shareBelow(isIn) - level)).toBeLessThan(0.05)
    // The training's own loss is the pinball loss of its predictions, in units of the label.
    const scored = predict(ensemble, validation.features, 2_000)
    const { pinball } = measureAll('quantiles', {
      predictions: scored,
      labels: validation.labels,
      outputs: [`${level}`],
    })
    expect(pinball / Math.min(...validationLoss)).toBeCloseTo(1, 3)
  })

  it('are the same trees whatever the threads', () => {
    const [one, three] = [1, 3].map((threads) => grow(0.8, threads))
    expect(JSON.stringify(three)).toBe(JSON.stringify(one))
  })

  it('follow the weights of rows', () => {
    // Rows above the line count ten times: half of the weight lies far higher than half of the rows.
    const weights = Float32Array.from(train.labels, (label) => (label > 5_100 ? 10 : 1))
    const mean = (given?: Float32Array): number =>
      Float64Array.from(predict(grow(0.5, 1, given).ensemble, test.features, 4_000)).reduce(
        (sum, p) => sum + p / 4_000,
        0,
      )
    expect(mean(weights)).toBeGreaterThan(mean() + 50)
  })

  it('are of numbers only, and not monotone', () => {
    const order = (task: string, more = {}) =>
      ({ task, inputs: [], parameters: trees({ quantile: 0.5, ...more }) }) as unknown as LearnerOrder<
        ReturnType<typeof trees>
      >
    expect(() => requireNumber(order('binary'))).toThrow('predict a number, and this target is binary')
    expect(() => requireNumber(order('regression'))).not.toThrow()
    expect(() => directionsOf(order('regression', { monotone: { a: 'increasing' } }))).toThrow(
      'no monotone constraints',
    )
  })
})
