import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { predictionsApart } from '../../lib/stats/predictions-apart.ts'

const probability = { tolerance: 0.01, isProbability: true }
const number = { tolerance: 0.01, isProbability: false }
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })

describe('predictions of two models', () => {
  it('are apart by the largest difference, wherever it is', () => {
    const apart = predictionsApart([0.1, 0.2, 0.3, 0.4], [0.1, 0.25, 0.29, 0.4], probability)
    expect(apart).toMatchObject({ predictions: 4, at: 1, limit: 0.01, passed: false })
    expect(apart.largest).toBeCloseTo(0.05, 12)
    expect(apart.mean).toBeCloseTo(0.015, 12)
  })

  it('of numbers may be apart by a share of their standard deviation', () => {
    // The standard deviation of 0 and 200 is 100.
    expect(predictionsApart([0, 200], [1, 200], number)).toMatchObject({ limit: 1, largest: 1, passed: true })
    expect(predictionsApart([0, 200], [1.01, 200], number).passed).toBe(false)
  })

  it('that are the same agree, missing ones too, and whatever the tolerance', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(finite, fc.constant(Number.NaN))), fc.boolean(), (values, isProbability) => {
        const apart = predictionsApart(values, [...values], { tolerance: 0, isProbability })
        expect(apart).toMatchObject({ largest: 0, passed: true })
      }),
    )
  })

  it('never agree where one predicts a number and the other none, or for other rows', () => {
    expect(predictionsApart([0.1, Number.NaN], [0.1, 0.2], { tolerance: 0.9, isProbability: true })).toMatchObject({
      largest: Number.POSITIVE_INFINITY,
      at: 1,
      passed: false,
    })
    expect(predictionsApart([0.1], [0.1, 0.2], probability).passed).toBe(false)
    expect(predictionsApart([0.1, 0.2], [0.1], probability).passed).toBe(false)
  })

  it('are as far apart one way as the other, for probabilities', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(finite, finite), { minLength: 1 }), (pairs) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
        expect(predictionsApart(a, b, probability)).toEqual(predictionsApart(b, a, probability))
      }),
    )
  })
})
