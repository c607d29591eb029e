import { describe, expect, it } from 'vitest'
import { measureAll, measureRows, metricOfOutput } from '../../lib/formats/metrics/index.ts'
import type { Measure, Scored } from '../../lib/formats/metrics/metric.ts'
import { classScores, multiclassMetrics, ofSeveralClasses } from '../../lib/formats/metrics/multiclass.ts'
import reference from '../reference/many-metrics.json' with { type: 'json' }

const scoredOf = ({ predictions, labels }: { predictions: number[]; labels: number[] }): Scored => ({
  predictions: Float32Array.from(predictions),
  labels: Float64Array.from(labels),
})

const measures: Record<string, Pick<Measure, 'of' | 'resampled'>> = { ...multiclassMetrics, ...ofSeveralClasses }

describe('metrics of several classes equal scikit-learn on the same probabilities', () => {
  for (const [name, given] of Object.entries(reference.multiclass)) {
    const scored = scoredOf(given)

    it(`${name}: every metric, and none where it has none`, () => {
      for (const [metric, expected] of Object.entries(given.expected)) {
        const measured = measureRows(measures[metric] as Measure, scored)
        if (expected === null) expect(measured, metric).toBeNaN()
        else expect(Math.abs(measured - expected), metric).toBeLessThan(1e-9)
      }
    })

    it(`${name}: the same of rows drawn again`, () => {
      const counts = Uint16Array.from(given.counts)
      for (const [metric, expected] of Object.entries(given.drawn)) {
        const measured = measures[metric]?.resampled?.(scored)(counts) as number
        if (expected === null) expect(measured, metric).toBeNaN()
        else expect(Math.abs(measured - expected), metric).toBeLessThan(1e-9)
      }
    })

    it(`${name}: each class`, () => {
      expect(classScores(scored).map(({ rows }) => rows)).toEqual(given.byClass.map(({ rows }) => rows))
      classScores(scored).forEach((score, i) => {
        for (const metric of ['precision', 'recall', 'f1'] as const)
          expect(Math.abs(score[metric] - (given.byClass[i]?.[metric] as number)), metric).toBeLessThan(1e-9)
      })
    })
  }

  it('says so of a label that is no class of the model', () => {
    expect(() => classScores(scoredOf({ predictions: [0.5, 0.5], labels: [2] }))).toThrow('row 0 is of no class')
  })
})

describe('metrics of quantiles equal scikit-learn', () => {
  for (const given of reference.quantiles) {
    it(`levels ${given.levels.join(', ')}`, () => {
      const scored = scoredOf(given)
      const exact = {
        ...scored,
        predictions: Float64Array.from(given.predictions),
        outputs: given.levels.map(String),
      }
      const measured: Record<string, number> = measureAll('quantiles', exact)
      given.levels.forEach((level, i) => {
        const loss = measured[metricOfOutput('pinball', String(level))] as number
        expect(Math.abs(loss - (given.pinball[i] as number))).toBeLessThan(1e-9)
      })
      const mean = given.pinball.reduce((sum, loss) => sum + loss, 0) / given.levels.length
      expect(Math.abs((measured.pinball as number) - mean)).toBeLessThan(1e-9)
      // Of one quantile alone it is the share of the labels below.
      if (given.levels.length > 1) expect(measured.coverage).toBeCloseTo(given.coverage, 12)
    })
  }
})
