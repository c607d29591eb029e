import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Options, type Rows, served } from '../support/serve-finished.ts'

/*
 * Models that skl2onnx exported, against what scikit-learn itself says of their rows:
 * test/reference/finished_models.py.
 */
const folder = new URL('models/', import.meta.url)

function sample(name: string) {
  const { rows, answers } = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as {
    rows: Record<string, (number | string)[]>
    answers: number[]
  }
  const columns: Rows = Object.fromEntries(
    Object.entries(rows).map(([column, values]) => [
      column,
      typeof values[0] === 'number' ? Float64Array.from(values as number[]) : (values as string[]),
    ]),
  )
  return { model: readFileSync(new URL(`${name}.onnx`, folder)), columns, expected: answers }
}

describe('a model of scikit-learn', () => {
  it.each([
    ['of a float, an int64 and a string column', 'sklearn-columns', {}],
    ['of text labels in a ZipMap', 'sklearn-columns-zipmap', { class: 'good' }],
  ] as [string, string, Options][])('%s says what scikit-learn says', async (_, name, given) => {
    const { model, columns, expected } = sample(name)
    const { answers, predictions } = await served(model, columns, given, 'binary')
    expect(new Set(answers).size).toBeGreaterThan(30)
    expect(predictions).toEqual(answers)
    answers.forEach((answer, row) => {
      expect(Math.abs(answer - (expected[row] as number))).toBeLessThan(1e-6)
    })
  })

  it('of float64 says what scikit-learn says, where float32 would be off', async () => {
    const { model, columns, expected } = sample('sklearn-double')
    const { answers, exact } = await served(model, columns)
    expect([...exact].sort()).toEqual(['f0', 'f1', 'f2'])
    answers.forEach((answer, row) => {
      expect(Math.abs(answer - (expected[row] as number))).toBeLessThan(1e-6)
    })
    // All of its second column is one number in float32.
    expect(new Set(Float32Array.from(columns.f1 as Float64Array)).size).toBeLessThan(5)
    const rounded = { ...columns, f1: Float64Array.from(columns.f1 as Float64Array, Math.fround) }
    const off = (await served(model, rounded)).answers.map((answer, row) =>
      Math.abs(answer - (expected[row] as number)),
    )
    expect(Math.max(...off)).toBeGreaterThan(1)
  })
})
