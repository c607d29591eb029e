import { describe, expect, it } from 'vitest'
import { fitIsotonic, fitPlatt } from '../../lib/stats/calibration.ts'
import { calibratedClasses, logOddsOf } from '../../lib/stats/class-calibration.ts'
import reference from '../reference/class-calibration.json' with { type: 'json' }

const columns = (values: readonly (readonly number[])[]): Float64Array[] =>
  values.map((column) => Float64Array.from(column))

describe('a calibration of several classes equals scikit-learn', () => {
  for (const [name, given] of Object.entries(reference.cases)) {
    const odds = logOddsOf(columns(given.scores))
    const rowsOf = (own: number) => ({
      scores: odds[own] as Float64Array,
      labels: Float64Array.from(given.labels, (label) => (label === own ? 1 : 0)),
      weights: given.weights ?? undefined,
    })
    const answers = (method: typeof fitPlatt | typeof fitIsotonic): Float32Array =>
      calibratedClasses(
        odds.map((_, own) => method(rowsOf(own))),
        columns(given.asked),
      )
    const differs = (own: Float32Array, expected: readonly (readonly number[])[]): number =>
      expected.flat().reduce((most, value, i) => Math.max(most, Math.abs(value - (own[i] as number))), 0)

    it(`isotonic: ${name}`, () => {
      // Answers are float32.
      expect(differs(answers(fitIsotonic), given.isotonic)).toBeLessThan(1e-7)
    })

    it(`Platt's: ${name}`, () => {
      const own = answers(fitPlatt)
      expect(differs(own, given.platt)).toBeLessThan(1e-7)
      expect(differs(own, given.roughPlatt)).toBeLessThan(1e-3)
    })
  }
})

describe('log odds of classes', () => {
  it('are those of the probabilities, whatever is added to all scores', () => {
    for (const shift of [0, -700, 1e4]) {
      const [a, b, c] = logOddsOf([1, 2, 0.5].map((score) => Float64Array.of(score + shift)))
      const powers = [Math.exp(1), Math.exp(2), Math.exp(0.5)] as const
      expect(a?.[0]).toBeCloseTo(Math.log(powers[0] / (powers[1] + powers[2])), 9)
      expect(b?.[0]).toBeCloseTo(Math.log(powers[1] / (powers[0] + powers[2])), 9)
      expect(c?.[0]).toBeCloseTo(Math.log(powers[2] / (powers[0] + powers[1])), 9)
    }
  })

  it('stay exact beside a class that is all but certain, and finite beside one that is certain', () => {
    const [sure] = logOddsOf([Float64Array.of(50), Float64Array.of(0), Float64Array.of(0)])
    expect(sure?.[0]).toBeCloseTo(50 - Math.log(2), 9)
    const odds = logOddsOf([Float64Array.of(1e4), Float64Array.of(0)])
    expect(odds.every(([value]) => Number.isFinite(value))).toBe(true)
  })
})

it('answers all classes alike where each by itself is impossible', () => {
  const never = fitIsotonic({ scores: Float64Array.of(0, 1), labels: Float64Array.of(0, 0) })
  const answers = calibratedClasses(
    [never, never, never, never],
    [1, 2, 3, 4].map((score) => Float64Array.of(score)),
  )
  expect([...answers]).toEqual([0.25, 0.25, 0.25, 0.25])
})
