import { expect, it } from 'vitest'
import { csvRows } from '../../lib/learners/program/csv-rows.ts'
import { seededRandom } from '../../lib/stats/random.ts'

/*
 * Lines are what JavaScript makes of the same numbers: its own decimals are the reference.
 */
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** How numbers are written, one a line. */
const written = (values: Float32Array | Float64Array): string[] => {
  const kind = values instanceof Float64Array ? 'float64' : 'float32'
  const lines = csvRows([{ kind, values } as Parameters<typeof csvRows>[0][number]], values.length)
  return text(lines(0, values.length)).split('\n').slice(0, -1)
}

const bits = (count: number, seed: number): Uint32Array => {
  const next = seededRandom(seed)
  return Uint32Array.from({ length: count }, () => next())
}

it('writes any float64 as JavaScript does', () => {
  const values = new Float64Array(bits(400_000, 1).buffer).filter(Number.isFinite)
  expect(written(values)).toEqual(Array.from(values, String))
})

it('writes any float32 as the float64 that it is', () => {
  const values = new Float32Array(bits(200_000, 2).buffer).filter(Number.isFinite)
  expect(written(values)).toEqual(Array.from(values, String))
})

it.each([
  ['powers of two, whose neighbours lie unevenly', Array.from({ length: 2_098 }, (_, i) => 2 ** (i - 1_074))],
  [
    'powers of ten, and what is next to them',
    Array.from({ length: 632 }, (_, i) => [`1e${i - 323}`, `9.999999999999999e${i - 323}`].map(Number)).flat(),
  ],
  [
    'whole numbers',
    [0, -0, 1, -1, 9, 10, 100, 123456789, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 1e20, 1e21, 1e22, 123e18, -1e21],
  ],
  [
    'fractions',
    [
      0.5,
      0.1,
      0.2,
      0.3,
      1 / 3,
      1e-6,
      1.5e-6,
      1e-7,
      1.5e-7,
      123.456,
      -0.000001234,
      5e-324,
      1.7976931348623157e308,
      2.2250738585072014e-308,
      4.35,
      0.000035,
    ],
  ],
])('writes %s as JavaScript does', (_, values) => {
  const finite = Float64Array.from(values).filter(Number.isFinite)
  expect(written(finite)).toEqual(Array.from(finite, String))
})

it('writes rows of numbers, texts and what is missing, quoted where CSV asks for it', () => {
  const lines = csvRows(
    [
      { kind: 'float32', values: Float32Array.of(1.5, Number.NaN, 0.1, 3) },
      { kind: 'text', values: Float32Array.of(0, 1, Number.NaN, 4), texts: ['plain', 'a "b", c', '', ' Zürich', '\n'] },
      { kind: 'float64', values: Float64Array.of(0, 1, 0.1, -2) },
      { kind: 'text', values: Float32Array.of(Number.NaN, Number.NaN, Number.NaN, Number.NaN), texts: [] },
    ],
    2,
  )
  expect(text(lines(0, 2))).toBe('1.5,plain,0,\n,"a ""b"", c",1,\n')
  expect(text(lines(2, 3))).toBe('0.10000000149011612,,0.1,\n')
  expect(text(lines(3, 4))).toBe('3,"\n",-2,\n')
})
