import { describe, expect, it } from 'vitest'
import { type Answerer, requireOwnRowAnswers, runAnswer } from '../../lib/code/run-answer.ts'
import type { UserFunction } from '../../lib/formats/columns.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'

/*
 * What functions that answer are given, and what may come back from them.
 */
const by = (userFunction: UserFunction, more: Partial<Answerer> = {}): Answerer => ({
  userFunction,
  name: 'decide',
  task: 'binary',
  ...more,
})
const predictions = Float32Array.of(0.25, 0.5, 0.75)
const columns = { income: Float64Array.of(10, 20, 30) }

/** The message of what is thrown. */
function refusal(returned: unknown, more: Partial<Answerer> = {}): string {
  try {
    runAnswer(
      by(() => returned, more),
      predictions,
      columns,
    )
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError)
    expect((error as SlipwayError).code).toBe('ANSWER_INVALID')
    return (error as SlipwayError).message
  }
  throw new Error('it was taken')
}

describe('a function that answers', () => {
  it('gets the scores of its task and the columns of the rows', () => {
    const seen: unknown[] = []
    const spy: UserFunction = (...given) => {
      seen.push(given)
      return new Array(given[1].income.length).fill('x')
    }
    runAnswer(by(spy), predictions, columns)
    runAnswer(by(spy, { task: 'regression' }), predictions, columns)
    const two = { income: Float64Array.of(1, 2) }
    const pairs = Float32Array.of(1, 10, 2, 20)
    runAnswer(by(spy, { task: 'regression', outputs: ['a', 'b'] }), pairs, two)
    runAnswer(by(spy, { task: 'quantiles', outputs: ['0.1', '0.9'] }), pairs, two)
    const classes = Float32Array.of(0.5, 0.25, 0.25, 0.125, 0.125, 0.75)
    runAnswer(by(spy, { task: 'multiclass', outputs: ['a', 'b', 'c'] }), classes, two)
    expect(seen).toEqual([
      [{ probability: predictions }, columns],
      [{ prediction: predictions, predictions: {} }, columns],
      [
        { prediction: Float32Array.of(1, 2), predictions: { a: Float32Array.of(1, 2), b: Float32Array.of(10, 20) } },
        two,
      ],
      [{ quantiles: { '0.1': Float32Array.of(1, 2), '0.9': Float32Array.of(10, 20) } }, two],
      [{ probabilities: classes, classes: ['a', 'b', 'c'], label: ['a', 'c'] }, two],
    ])
  })

  it('changes nothing of the scores, whatever it does to what it gets', () => {
    const own = predictions.slice()
    runAnswer(
      by(({ probability }) => probability.fill(1)),
      own,
      columns,
    )
    expect(own).toEqual(predictions)
  })

  it.each([
    ['truth values', [true, false, true], Uint8Array.of(1, 0, 1)],
    ['texts', ['a', '', 'b'], ['a', '', 'b']],
    ['numbers in a list', [1, 2.5, -3], Float64Array.of(1, 2.5, -3)],
    ['float64', Float64Array.of(1, 2, 3), Float64Array.of(1, 2, 3)],
    ['float32', Float32Array.of(0.1, 2, 3), Float64Array.of(Math.fround(0.1), 2, 3)],
    ['whole numbers', Int32Array.of(1, 2, 3), Float64Array.of(1, 2, 3)],
    ['bytes, which are numbers', Uint8Array.of(1, 0, 1), Float64Array.of(1, 0, 1)],
  ])('may answer %s', (_, returned, expected) => {
    expect(
      runAnswer(
        by(() => returned),
        predictions,
        columns,
      ),
    ).toEqual(expected)
  })

  it.each([
    ['nothing', undefined, 'decide returns undefined, not an array of answers'],
    ['an object', { answer: [1, 2, 3] }, 'decide returns a Object, not an array of answers'],
    ['a promise', Promise.resolve([1, 2, 3]), 'decide returns a Promise: functions that answer are synchronous'],
    ['too few', [1, 2], 'decide returns 2 answers for 3 rows'],
    ['too many', ['a', 'b', 'c', 'd'], 'decide returns 4 answers for 3 rows'],
    ['NaN', [1, Number.NaN, 3], 'decide answers NaN for row 2'],
    ['infinity', Float64Array.of(1, 2, Number.POSITIVE_INFINITY), 'decide answers Infinity for row 3'],
    ['null', ['a', null, 'c'], 'decide answers null for row 2'],
    ['null first', [null, 'b', 'c'], 'decide answers null for row 1'],
    ['undefined', [true, undefined, true], 'decide answers undefined for row 2'],
    ['several kinds', ['a', 'b', 3], 'decide answers a number for row 3'],
    ['large whole numbers', BigInt64Array.of(1n, 2n, 3n), 'decide answers a bigint for row 1'],
  ])('may not answer %s', (_, returned, message) => {
    expect(refusal(returned)).toBe(message)
  })

  it('names the row that it throws on among all rows', () => {
    const throws = by(() => {
      throw new RangeError('no rule')
    })
    expect(() => runAnswer(throws, predictions, columns, undefined, 11)).toThrow(
      'decide throws on rows 11 to 13: RangeError: no rule',
    )
    expect(() =>
      runAnswer(
        by(() => [1, Number.NaN, 1]),
        predictions,
        columns,
        'number',
        11,
      ),
    ).toThrow('row 12')
  })

  it('goes on answering what it answered when it was packaged', () => {
    const numbers = by(() => [1, 2, 3])
    expect(() => runAnswer(numbers, predictions, columns, 'text')).toThrow(
      'decide answers a number for row 1, where it answered a text when it was packaged',
    )
    expect(
      runAnswer(
        by(() => []),
        new Float32Array(0),
        { income: new Float64Array(0) },
        'text',
      ),
    ).toHaveLength(0)
  })

  it('depends on each row alone', () => {
    const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
    const relative = by(({ probability }) => Array.from(probability as Float32Array, (p) => p >= mean(probability)))
    expect(() => requireOwnRowAnswers(relative, predictions, columns)).toThrow(
      expect.objectContaining({
        message: 'decide: the answer to row 1 is another among 3 rows than among 1',
        facts: expect.objectContaining({
          inFull: 'decide: the answer to row 1 is false among 3 rows and true among 1',
        }),
      }),
    )
    const own = by(({ probability }, { income }) => probability.map((p: number, i: number) => p * income[i]))
    expect(() => requireOwnRowAnswers(own, predictions, columns)).not.toThrow()
  })
})
