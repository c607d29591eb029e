import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areaUnderRoc } from '../../lib/formats/metrics/ranking.ts'
import { confusionAt, histogramOf, predictedBins, rankingCurves, shareInterval } from '../../lib/stats/curves.ts'

const scoredRows = fc
  .array(fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }), label: fc.integer({ min: 0, max: 1 }) }), {
    minLength: 2,
    maxLength: 60,
  })
  .map((rows) => ({
    predictions: Float64Array.from(rows, ({ score }) => Math.round(score * 8) / 8),
    labels: Float64Array.from(rows, ({ label }) => label),
  }))
const hasBoth = ({ labels }: { labels: Float64Array }): boolean => labels.includes(0) && labels.includes(1)

describe('the curves of a yes/no model', () => {
  it('have the area that the metric has, whatever ties there are', () => {
    fc.assert(
      fc.property(scoredRows.filter(hasBoth), (scored) => {
        const { roc } = rankingCurves(scored) as NonNullable<ReturnType<typeof rankingCurves>>
        const area = roc
          .slice(1)
          .reduce((sum, { x, y }, i) => sum + ((x - (roc[i]?.x ?? 0)) * (y + (roc[i]?.y ?? 0))) / 2, 0)
        expect(area).toBeCloseTo(areaUnderRoc(scored), 9)
      }),
    )
  })

  it('end where everything is decided yes', () => {
    fc.assert(
      fc.property(scoredRows.filter(hasBoth), (scored) => {
        const { roc, precisionRecall, positiveShare } = rankingCurves(scored) as NonNullable<
          ReturnType<typeof rankingCurves>
        >
        expect(roc[0]).toEqual({ x: 0, y: 0 })
        expect(roc.at(-1)).toEqual({ x: 1, y: 1 })
        expect(precisionRecall.at(-1)).toEqual({ x: 1, y: positiveShare })
      }),
    )
  })

  it('are not drawn where a class is missing', () => {
    expect(rankingCurves({ predictions: Float64Array.of(0.1, 0.9), labels: Float64Array.of(1, 1) })).toBeUndefined()
  })

  it('of many rows are thinned to what a drawing shows, and keep its shape', () => {
    const rows = 100_000
    const predictions = Float64Array.from({ length: rows }, (_, i) => i / rows)
    const labels = predictions.map((score, i) => Number((i * 7919) % 1000 < score * 1000))
    const { roc } = rankingCurves({ predictions, labels }) as NonNullable<ReturnType<typeof rankingCurves>>
    expect(roc.length).toBeLessThan(500)
    const area = roc
      .slice(1)
      .reduce((sum, { x, y }, i) => sum + ((x - (roc[i]?.x ?? 0)) * (y + (roc[i]?.y ?? 0))) / 2, 0)
    expect(area).toBeCloseTo(areaUnderRoc({ predictions, labels }), 2)
  })
})

describe('decisions at a threshold', () => {
  it('are yes from the threshold on', () => {
    const scored = { predictions: Float64Array.of(0.2, 0.5, 0.5, 0.9, 0.4), labels: Float64Array.of(0, 1, 0, 1, 1) }
    expect(confusionAt(scored, 0.5)).toEqual({
      threshold: 0.5,
      truePositives: 2,
      falsePositives: 1,
      falseNegatives: 1,
      trueNegatives: 1,
    })
  })
})

describe('the interval of a share', () => {
  // Computed by the formula of Wilson (1927) in another language.
  it.each([
    [10, 100, 0.06071866701544722, 0.16035550961109224],
    [0, 7, 0, 0.27876269545254206],
    [7, 7, 0.7212373045474579, 1],
    [1, 3, 0.07826572633372841, 0.7464661317187758],
  ])('%d of %d', (hits, rows, low, high) => {
    const interval = shareInterval(hits / rows, rows)
    expect(interval.low).toBeCloseTo(low, 12)
    expect(interval.high).toBeCloseTo(high, 12)
  })
})

describe('a histogram', () => {
  it('counts every value once, those beyond its ends in the outermost bins', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 50 }), (values) => {
        const { counts, bounds } = histogramOf([Float64Array.from(values)], { bins: 7, from: -1, to: 1 })
        expect(counts[0]?.reduce((sum, count) => sum + count, 0)).toBe(values.length)
        expect(bounds).toHaveLength(8)
        expect(counts[0]?.[0]).toBeGreaterThanOrEqual(values.filter((value) => value < -1).length)
      }),
    )
  })
})

describe('predictions of a number', () => {
  it('are in bins of as many rows, in their order, with what was true', () => {
    const predictions = Float64Array.from({ length: 100 }, (_, i) => 99 - i)
    const bins = predictedBins({ predictions, labels: predictions.map((value) => value * 2) })
    expect(bins.map(({ rows }) => rows)).toEqual(new Array(10).fill(10))
    expect(bins[0]).toMatchObject({ meanPrediction: 4.5, meanLabel: 9, low: 2, high: 16 })
    expect(bins[9]).toMatchObject({ meanPrediction: 94.5, meanLabel: 189 })
  })
})
