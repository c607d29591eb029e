import { describe, expect, it } from 'vitest'
import { isSameDecision } from '../../lib/formats/decisions.ts'
import { answersInWords, profileOfDecisions } from '../../lib/stats/answer-profile.ts'
import { agreementInWords, decidedOf, decidedRows } from '../../lib/stats/decided.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'

/*
 * Answers of functions as people and monitors see them. Expected values are counted by hand.
 */
describe('answers to rows whose outcome is known', () => {
  it('of yes and no say how many there are, how many of those were positive, and how many agree', () => {
    const decisions = Uint8Array.of(1, 1, 1, 0, 0)
    const decided = decidedOf({ decisions, task: 'binary', labels: [1, 1, 0, 1, 0] })
    expect(decided).toEqual({
      kind: 'boolean',
      values: [
        { value: 'true', rows: 3, meanLabel: 2 / 3 },
        { value: 'false', rows: 2, meanLabel: 0.5 },
      ],
      agreement: 3 / 5,
    })
    expect(decidedRows(decided)).toEqual([
      ['true', '3', '0.6667'],
      ['false', '2', '0.5'],
    ])
    expect(agreementInWords(decided)).toBe('answers agree with what came in 60 % of rows')
  })

  it('that name classes are right or wrong; others are not', () => {
    const of = (decisions: string[]) =>
      decidedOf({ decisions, task: 'multiclass', labels: [0, 1, 1], classes: ['a', 'b'] })
    expect(of(['a', 'b', 'ask'])).toMatchObject({ agreement: 2 / 3 })
    expect(of(['call', 'call', 'ask'])).toEqual({
      kind: 'text',
      values: [
        { value: 'call', rows: 2 },
        { value: 'ask', rows: 1 },
      ],
    })
  })

  it('of numbers have a range, and of a regression an error', () => {
    const decisions = Float64Array.of(1, 2, 6)
    const labels = [2, 2, 4]
    expect(decidedOf({ decisions, task: 'regression', labels })).toEqual({
      kind: 'number',
      mean: 3,
      min: 1,
      max: 6,
      mae: 1,
    })
    expect(decidedOf({ decisions, task: 'binary', labels: [0, 1, 0] })).not.toHaveProperty('mae')
  })
})

describe('answers among what is watched', () => {
  it('are a column of the baseline, in whose bins those that come are counted', () => {
    const baseline = profileOfDecisions(Uint8Array.of(1, 0, 0, 0))
    expect(answersInWords(baseline)).toBe('false 75 %, true 25 %')
    const counter = profileCounter(baseline)
    counter.add({}, Float32Array.of(0.5, 0.25), Uint8Array.of(1, 1))
    counter.add({}, Float32Array.of(0.5), Uint8Array.of(0))
    counter.add({}, Float32Array.of(0.5))
    expect(counter.take()).toEqual({ 'answer:': { true: 2, false: 1 } })
  })

  it('are news where they were never given before', () => {
    const counter = profileCounter(profileOfDecisions(['call', 'ask', 'call']))
    counter.add({}, undefined, ['call', 'never', 'never'])
    expect(counter.take()).toEqual({ 'answer:': { call: 1, '\u0000other': 2 } })
  })

  it('of two versions differ where one says something else, and not by rounding', () => {
    expect(isSameDecision(['a', 'b'], ['a', 'c'], 0)).toBe(true)
    expect(isSameDecision(['a', 'b'], ['a', 'c'], 1)).toBe(false)
    expect(isSameDecision(Float64Array.of(100), Float64Array.of(100.00001), 0)).toBe(true)
    expect(isSameDecision(Float64Array.of(100), Float64Array.of(100.1), 0)).toBe(false)
    expect(isSameDecision(Uint8Array.of(1), Float64Array.of(1), 0)).toBe(false)
  })
})
