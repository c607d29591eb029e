import { describe, expect, it } from 'vitest'
import { scoreBins } from '../../gateway/score-bins.ts'
import { countPair, newPairs } from '../../gateway/shadow-pairs.ts'
import { describeCheck } from '../../lib/formats/check.ts'
import { findMetric, measureAll, measureRows, rowMetric } from '../../lib/formats/metrics/index.ts'
import type { Measure, Scored } from '../../lib/formats/metrics/metric.ts'
import { profileOfAnswers } from '../../lib/stats/answer-profile.ts'
import { drawn } from '../../lib/stats/bootstrap.ts'
import { selectRows } from '../../lib/stats/metrics.ts'
import { modelQuality } from '../../lib/stats/model-quality.ts'
import { predictionsApart } from '../../lib/stats/predictions-apart.ts'
import reference from '../reference/several-numbers.json' with { type: 'json' }

const scored: Scored = {
  predictions: Float64Array.from(reference.predictions),
  labels: Float64Array.from(reference.labels),
  outputs: reference.targets,
}

describe('metrics of several targets equal scikit-learn', () => {
  it('the mean over targets, and each target', () => {
    const measured: Record<string, number> = measureAll('regression', scored)
    expect(Object.keys(measured).sort()).toEqual(Object.keys(reference.expected).sort())
    for (const [name, expected] of Object.entries(reference.expected))
      expect(Math.abs((measured[name] as number) / expected - 1), name).toBeLessThan(1e-9)
  })

  it('the same of rows drawn again, the quick way and the slow one', () => {
    const counts = Uint16Array.from(reference.counts)
    for (const [name, expected] of Object.entries(reference.drawn)) {
      const measure = rowMetric(name) as Measure
      const quick = measure.resampled?.(scored)(counts)
      for (const value of [measureRows(measure, drawn(scored, counts)), ...(quick === undefined ? [] : [quick])])
        expect(Math.abs(value / expected - 1), name).toBeLessThan(1e-9)
    }
  })

  it('some rows keep their numbers together', () => {
    const { predictions, labels } = selectRows(scored, Uint32Array.of(59, 0))
    expect([...predictions]).toEqual([...reference.predictions.slice(177), ...reference.predictions.slice(0, 3)])
    expect([...labels]).toEqual([...reference.labels.slice(177), ...reference.labels.slice(0, 3)])
  })

  it('a name that nobody answers has no value, and one that no table has is no metric', () => {
    expect(measureRows(rowMetric('rmse.garden') as Measure, scored)).toBeNaN()
    expect(findMetric('auc.price')).toBeUndefined()
    expect(findMetric('rmze.price')).toBeUndefined()
    expect(findMetric('rmse.a.b')).toMatchObject({ better: 'smaller' })
    expect(describeCheck({ rule: 'atMost', metric: 'rmse.rent', limit: 3 })).toBe('rmse.rent ≤ 3')
  })
})

it('a report draws each target by itself, in its own units', () => {
  const { rows, metrics, shape } = modelQuality({ task: 'regression', scored }, 1)
  expect(rows).toBe(60)
  expect(metrics.rmse?.value).toBeCloseTo(reference.expected.rmse, 6)
  if (shape.task !== 'targets') throw new Error('it is of several targets')
  expect(shape.outputs.map(({ name }) => name)).toEqual(reference.targets)
  expect(shape.outputs[1]?.metrics.rmse?.value).toBeCloseTo(reference.expected['rmse.rent'], 9)
  expect(shape.outputs[1]?.errors.bounds.every((edge) => Math.abs(edge) < 100)).toBe(true)
})

describe('what a gateway counts of several numbers', () => {
  const named = { task: 'regression', outputs: ['price', 'rent'] } as const
  const answers = Float32Array.from({ length: 400 }, (_, i) =>
    i % 2 === 0 ? 1_000 * Math.floor(i / 2) : Math.floor(i / 2),
  )
  const baseline = profileOfAnswers(answers, named)

  it('a profile has a column of each, and no class', () => {
    expect(Object.keys(baseline)).toEqual(['score:number:price', 'score:number:rent'])
  })

  it('bins by the mean place of the numbers of a row', () => {
    const { count, of } = scoreBins({ ...named, baseline }, named)
    expect(count).toBe(10)
    expect(of(Float32Array.of(-5, -5))).toBe(0)
    expect(of(Float32Array.of(1e9, 1e9))).toBe(9)
    // One at the very top and one at the very bottom are in the middle: what is told of it.
    expect([4, 5]).toContain(of(Float32Array.of(1e9, -5)))
    const bins = new Set(Array.from({ length: 200 }, (_, row) => of(answers.subarray(row * 2, row * 2 + 2))))
    expect(bins.size).toBe(10)
  })

  it('counts what is rounding of each number in its own unit', () => {
    const pairs = newPairs()
    const outcome = (price: number, rent: number) => ({
      rows: 1,
      ms: 1,
      predictions: Float64Array.of(price, rent),
      failure: undefined,
    })
    const limits = { slowMs: 100, rounding: [1, 0.001] }
    countPair(pairs, outcome(100_000, 50), outcome(100_000.5, 50), limits)
    expect(pairs).toMatchObject({ different: 0, largest: 0.5 })
    countPair(pairs, outcome(100_000, 50), outcome(100_000, 50.25), limits)
    expect(pairs).toMatchObject({ n: 2, different: 1, largest: 0.5 })
  })
})

it('predictions made again are compared in the units of each number', () => {
  const recorded = Float64Array.from([1_000, 1, 2_000, 2, 3_000, 3])
  const again = recorded.map((value, i) => (i === 5 ? value + 0.4 : value))
  const options = { tolerance: 0.1, isProbability: false }
  // Half a standard deviation of the small one is next to nothing beside the large one.
  expect(predictionsApart(recorded, again, options).passed).toBe(true)
  expect(predictionsApart(recorded, again, { ...options, width: 2 })).toMatchObject({ passed: false, at: 5 })
})
