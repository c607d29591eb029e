import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Calibration, calibrated, fitIsotonic, fitPlatt } from '../../lib/stats/calibration.ts'
import reference from '../reference/calibration.json' with { type: 'json' }

describe('calibration equals scikit-learn', () => {
  for (const [name, given] of Object.entries(reference.cases)) {
    const rows = {
      scores: Float64Array.from(given.scores),
      labels: Float64Array.from(given.labels),
      weights: given.weights ?? undefined,
    }
    const differs = (calibration: Calibration, expected: readonly number[]): number =>
      Math.max(...given.asked.map((score, i) => Math.abs(calibrated(calibration, score) - (expected[i] as number))))

    it(`isotonic: ${name}`, () => {
      const calibration = fitIsotonic(rows)
      expect(differs(calibration, given.isotonic)).toBeLessThan(1e-9)
      expect(calibration.scores.length).toBeLessThanOrEqual(given.points)
    })

    it(`Platt's: ${name}`, () => {
      const { slope, intercept, ...rest } = fitPlatt(rows)
      expect(differs({ slope, intercept, ...rest }, given.sigmoid)).toBeLessThan(1e-9)
      const [rough = 0, roughIntercept = 0] = given.platt.rough
      expect(Math.abs(slope / rough - 1)).toBeLessThan(1e-3)
      expect(Math.abs(intercept - roughIntercept)).toBeLessThan(1e-3)
    })
  }
})

describe('a calibration', () => {
  const rows = fc
    .array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.boolean()), { minLength: 1, maxLength: 60 })
    .map((drawn) => ({
      scores: Float64Array.from(drawn, ([score]) => score / 4),
      labels: Float64Array.from(drawn, ([, label]) => Number(label)),
    }))

  it('is a probability of any score, of any rows, and an isotonic one never falls', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const asked = Array.from({ length: 60 }, (_, i) => (i - 30) / 4.7)
        const [platt, isotonic] = [fitPlatt(given), fitIsotonic(given)].map((calibration) =>
          asked.map((score) => calibrated(calibration, score)),
        ) as [number[], number[]]
        for (const probability of [...platt, ...isotonic]) {
          expect(probability).toBeGreaterThanOrEqual(0)
          expect(probability).toBeLessThanOrEqual(1)
        }
        isotonic.forEach((probability, i) => {
          if (i > 0) expect(probability).toBeGreaterThanOrEqual((isotonic[i - 1] as number) - 1e-12)
        })
      }),
    )
  })

  it('of scores that are all alike is the share of positives', () => {
    const given = {
      scores: new Float64Array(10).fill(2),
      labels: Float64Array.from({ length: 10 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
    }
    expect(calibrated(fitIsotonic(given), 7)).toBeCloseTo(0.2, 12)
    // Platt's labels are a little inside 0 and 1: 3/4 and 1/10.
    expect(calibrated(fitPlatt(given), 2)).toBeCloseTo(0.2 * (3 / 4) + 0.8 * (1 / 10), 6)
  })
})
