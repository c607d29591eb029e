import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gainMetrics } from '../../lib/formats/metrics/gain.ts'
import { measureAll, measureRows, metrics } from '../../lib/formats/metrics/index.ts'
import type { Scored } from '../../lib/formats/metrics/metric.ts'
import { comparePaired, drawn, intervalOf } from '../../lib/stats/bootstrap.ts'
import { selectRows, thinned } from '../../lib/stats/metrics.ts'
import { gainLosses, notWorse } from '../../lib/stats/never-worse.ts'
import reference from '../reference/ranking.json' with { type: 'json' }

const scoredOf = (given: { predictions: number[]; labels: number[]; groups: number[] }): Scored => ({
  predictions: Float64Array.from(given.predictions),
  labels: Float64Array.from(given.labels),
  groups: Uint32Array.from(given.groups),
})

/** How often each row is drawn when its group is drawn so often. */
const ofRows = ({ groups = new Uint32Array() }: Scored, counts: readonly number[]): Uint16Array =>
  Uint16Array.from(groups, (group) => counts[group] as number)

describe('metrics of a ranking equal scikit-learn, and orders of ties counted one by one', () => {
  for (const [i, given] of reference.metrics.entries()) {
    const scored = scoredOf(given)
    it(`case ${i + 1}: groups apart, ties, a group that is worth nothing, one of a single row`, () => {
      const measured = measureAll('ranking', scored)
      expect(Object.keys(measured).sort()).toEqual(Object.keys(given.expected).sort())
      for (const [metric, expected] of Object.entries(given.expected))
        expect(Math.abs(measured[metric as keyof typeof measured] - expected), metric).toBeLessThan(1e-9)
    })

    it(`case ${i + 1}: the same of groups drawn again, also where rows are measured one by one`, () => {
      const counts = ofRows(scored, given.counts)
      for (const [metric, expected] of Object.entries(given.drawn)) {
        const measure = gainMetrics[metric as keyof typeof gainMetrics]
        expect(Math.abs(measure.resampled(scored)(counts) - expected), metric).toBeLessThan(1e-9)
        expect(Math.abs(measureRows(measure, drawn(scored, counts)) - expected), metric).toBeLessThan(1e-9)
      }
    })
  }

  it('are not defined where no group can be ranked, and not measured without groups', () => {
    const alone = scoredOf({ predictions: [1, 2], labels: [1, 0], groups: [0, 1] })
    for (const measure of Object.values(gainMetrics)) expect(measureRows(measure, alone)).toBeNaN()
    const { groups: _, ...ungrouped } = alone
    expect(() => measureRows(gainMetrics.ndcg, ungrouped)).toThrow('these rows have none')
  })

  it('do not depend on where the rows of a group stand, nor on what groups are called', () => {
    const rows = fc.array(fc.record({ group: fc.nat(4), label: fc.nat(4), score: fc.nat(6) }), {
      minLength: 2,
      maxLength: 40,
    })
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (given, chance) => {
        const scoredBy = (order: typeof given, name: (group: number) => number) =>
          scoredOf({
            predictions: order.map(({ score }) => score),
            labels: order.map(({ label }) => label),
            groups: order.map(({ group }) => name(group)),
          })
        const own = measureAll(
          'ranking',
          scoredBy(given, (group) => group),
        )
        const shuffled = given.map((row) => ({ row, at: chance.next().value })).sort((a, b) => a.at - b.at)
        const other = measureAll(
          'ranking',
          scoredBy(
            shuffled.map(({ row }) => row),
            (group) => 90 - 7 * group,
          ),
        )
        for (const [name, value] of Object.entries(own)) {
          if (Number.isNaN(value)) expect(other[name as 'ndcg']).toBeNaN()
          else expect(other[name as 'ndcg']).toBeCloseTo(value, 12)
        }
      }),
    )
  })
})

/** Groups of four rows each, of which a model finds the best with that chance, by a fixed rule. */
function groupsOf(count: number, isFound: (group: number) => boolean): Scored {
  const rows = Array.from({ length: count * 4 }, (_, row) => ({ group: Math.floor(row / 4), place: row % 4 }))
  return scoredOf({
    predictions: rows.map(({ group, place }) => (isFound(group) ? -place : place)),
    labels: rows.map(({ place }) => (place === 0 ? 1 : 0)),
    groups: rows.map(({ group }) => group),
  })
}

describe('comparisons of rankings', () => {
  const better = groupsOf(400, (group) => group % 10 !== 0)
  const worse = groupsOf(400, (group) => group % 2 === 0)

  it('draw whole groups: the interval is that of as many numbers as there are groups', () => {
    const { low, high } = intervalOf(gainMetrics.ndcg, better, 3) as { low: number; high: number }
    const miss = 1 - 1 / Math.log2(5)
    // Of 400 draws with chance 0.1: mean ± 1.645 standard errors.
    const error = 1.645 * miss * Math.sqrt((0.1 * 0.9) / 400)
    const value = 1 - 0.1 * miss
    expect(low).toBeCloseTo(value - error, 2)
    expect(high).toBeCloseTo(value + error, 2)
    expect((high - low) / (2 * error)).toBeGreaterThan(0.85)
    expect((high - low) / (2 * error)).toBeLessThan(1.15)
  })

  it('tell the worse from the better, whichever is asked about', () => {
    const down = comparePaired(gainMetrics.ndcg, worse, better, 0.95, 1)
    expect(down.upperBound).toBeGreaterThan(down.deficit)
    expect(down.deficit).toBeCloseTo(0.4 * (1 - 1 / Math.log2(5)), 10)
    expect(comparePaired(gainMetrics.ndcg, better, worse, 0.95, 1).upperBound).toBeLessThan(0)
  })

  it('give the never-worse gate a loss a group, and evidence only where the candidate is no worse', () => {
    const [own, other] = [gainLosses(worse), gainLosses(better)]
    expect(own).toHaveLength(400)
    expect(notWorse({ candidate: own, baseline: other }, 0.05).logEvidence).toBeLessThan(0)
    expect(notWorse({ candidate: other, baseline: own }, 0.05).logEvidence).toBeGreaterThan(10)
  })

  it('draw rows and not numbers where a row is answered with several', () => {
    const values = Float64Array.from({ length: 300 }, (_, row) => ((row * 7919) % 101) / 10)
    const twice = Float64Array.from({ length: 600 }, (_, i) => values[i >> 1] as number)
    const of = (predictions: Float64Array, outputs?: readonly string[]): Scored => ({
      ...{ predictions, labels: new Float64Array(predictions.length), outputs },
    })
    const both = of(twice, ['a', 'b'])
    const [one, two] = [of(values), both].map((scored) => intervalOf(metrics.rmse, scored, 1))
    expect(two?.low).toBeCloseTo(one?.low as number, 10)
    expect(two?.high).toBeCloseTo(one?.high as number, 10)
    expect(thinned(both, 100).predictions).toHaveLength(200)
    expect(thinned(both, 300)).toBe(both)
  })

  it('thin by whole groups, and keep groups through a choice of rows', () => {
    const thin = thinned(better, 400)
    expect(thin.labels).toHaveLength(400)
    expect(measureRows(gainMetrics.ndcg, { ...thin, labels: thin.labels })).toBeGreaterThan(0.5)
    expect([...(selectRows(better, Uint32Array.of(0, 5, 9)).groups ?? [])]).toEqual([0, 1, 2])
  })
})
