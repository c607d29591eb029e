import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascendingOrder } from '../../lib/formats/metrics/ascending-order.ts'
import { metrics } from '../../lib/formats/metrics/index.ts'
import type { Scored } from '../../lib/formats/metrics/metric.ts'
import { areaUnderRoc } from '../../lib/formats/metrics/ranking.ts'
import { comparePaired } from '../../lib/stats/bootstrap.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../../lib/stats/metrics.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import reference from '../reference/metrics.json' with { type: 'json' }

const scoredOf = ({ predictions, labels }: { predictions: number[]; labels: number[] }): Scored => ({
  predictions: Float32Array.from(predictions),
  labels: Float64Array.from(labels),
})

describe('metrics equal scikit-learn on the same predictions', () => {
  for (const [i, given] of reference.binary.entries()) {
    it(`binary, case ${i + 1}`, () => {
      const measured = binaryMetricsOf(scoredOf(given))
      for (const [name, expected] of Object.entries(given.expected))
        expect(Math.abs(measured[name as keyof typeof measured] - expected), name).toBeLessThan(1e-9)
    })
  }
  for (const given of reference.regression) {
    it('regression', () => {
      const measured = regressionMetricsOf(scoredOf(given))
      for (const [name, expected] of Object.entries(given.expected))
        expect(Math.abs(measured[name as keyof typeof measured] - expected), name).toBeLessThan(1e-9)
    })
  }
})

describe('area under the ROC curve', () => {
  const scored = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { minLength: 2, maxLength: 60 })
    .map((rows) => ({
      predictions: Float32Array.from(rows, ([score]) => score / 8),
      labels: Float64Array.from(rows, ([, label]) => Number(label)),
    }))

  it('is the share of pairs ranked rightly, ties counting half', () => {
    fc.assert(
      fc.property(scored, (given) => {
        let [right, pairs] = [0, 0]
        given.labels.forEach((a, i) => {
          given.labels.forEach((b, j) => {
            if (a !== 1 || b !== 0) return
            pairs++
            right +=
              (given.predictions[i] as number) > (given.predictions[j] as number)
                ? 1
                : given.predictions[i] === given.predictions[j]
                  ? 0.5
                  : 0
          })
        })
        const measured = areaUnderRoc(given)
        if (pairs === 0) expect(measured).toBeNaN()
        else expect(measured).toBeCloseTo(right / pairs, 12)
      }),
    )
  })

  it('counts a row drawn twice like two rows', () => {
    fc.assert(
      fc.property(
        scored,
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 60, maxLength: 60 }),
        (given, draws) => {
          const counts = Uint16Array.from(given.labels, (_, i) => draws[i] as number)
          const rows = [...counts].flatMap((count, row) => new Array<number>(count).fill(row))
          const repeated = {
            predictions: Float32Array.from(rows, (row) => given.predictions[row] as number),
            labels: Float64Array.from(rows, (row) => given.labels[row] as number),
          }
          const weighted = areaUnderRoc(given, ascendingOrder(given.predictions), counts)
          const plain = areaUnderRoc(repeated)
          if (Number.isNaN(plain)) expect(weighted).toBeNaN()
          else expect(weighted).toBeCloseTo(plain, 12)
        },
      ),
    )
  })
})

describe('ascendingOrder', () => {
  it('sorts float64 that float32 could not tell apart, stably and NaN last', () => {
    const values = Float64Array.of(1.7e9 + 2, Number.NaN, 1.7e9 + 1, 1.7e9 + 2, Number.POSITIVE_INFINITY)
    expect([...ascendingOrder(values)]).toEqual([2, 0, 3, 4, 1])
  })

  it('sorts as the language does, negative numbers, zeros and infinities included', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, maxLength: 200 }), (values) => {
        const sorted = Array.from(ascendingOrder(values), (index) => values[index] as number)
        expect(sorted.map((value) => value + 0)).toEqual([...values].sort((a, b) => a - b).map((value) => value + 0))
      }),
    )
  })
})

describe('comparePaired', () => {
  const random = seededRandom(5)
  const labels = Float64Array.from({ length: 3_000 }, () => (random() / 2 ** 32 < 0.3 ? 1 : 0))
  const noisy = (noise: number): Float32Array =>
    Float32Array.from(labels, (label) =>
      Math.min(0.99, Math.max(0.01, 0.3 + 0.2 * label + noise * (random() / 2 ** 32 - 0.5))),
    )
  const [good, bad] = [noisy(0.5), noisy(2)]

  it('gives the same numbers for the same seed and others for another', () => {
    const compare = (seed: number) =>
      comparePaired(metrics.auc, { predictions: good, labels }, { predictions: bad, labels }, 0.95, seed)
    expect(compare(1)).toEqual(compare(1))
    expect(compare(1).upperBound).not.toEqual(compare(2).upperBound)
  })

  it('finds no deficit in a model compared with itself', () => {
    expect(
      comparePaired(metrics.logLoss, { predictions: good, labels }, { predictions: good, labels }, 0.95, 1),
    ).toMatchObject({ deficit: 0, upperBound: 0 })
  })

  it.each(['auc', 'logLoss', 'brier', 'accuracy', 'f1', 'rmse', 'mae'] as const)(
    'sees the worse model by %s from both sides',
    (metric) => {
      const worse = comparePaired(metrics[metric], { predictions: bad, labels }, { predictions: good, labels }, 0.95, 1)
      const better = comparePaired(
        metrics[metric],
        { predictions: good, labels },
        { predictions: bad, labels },
        0.95,
        1,
      )
      expect(worse.deficit).toBeGreaterThan(0)
      expect(better.upperBound).toBeLessThan(0)
      expect(worse.upperBound).toBeGreaterThan(worse.deficit)
    },
  )

  it('covers the standard error that theory gives for a mean', () => {
    // The bound of a mean of n differences lies about 1.645 standard errors above it.
    const differences = Float64Array.from(
      labels,
      (label, i) => ((bad[i] as number) - label) ** 2 - ((good[i] as number) - label) ** 2,
    )
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
    const error = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / differences.length
    const { deficit, upperBound } = comparePaired(
      metrics.brier,
      { predictions: bad, labels },
      { predictions: good, labels },
      0.95,
      3,
    )
    expect(deficit).toBeCloseTo(mean, 10)
    expect((upperBound - deficit) / error).toBeGreaterThan(1.4)
    expect((upperBound - deficit) / error).toBeLessThan(1.9)
  })
})
