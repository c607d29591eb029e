import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Column } from '../../lib/formats/columns.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { linesOf, readAnswers } from '../../lib/jobs/batch/transformed-rows.ts'
import { rowReader } from '../../lib/models/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-answers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const schema: RowSchema = [
  { name: 'amount', type: 'number', nullable: true },
  { name: 'count', type: 'integer', nullable: false },
  { name: 'id', type: 'bigint', nullable: true },
  { name: 'paid', type: 'boolean', nullable: true },
  { name: 'the "city"', type: 'string', nullable: true },
  { name: 'day', type: 'timestamp', nullable: true },
]
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const orMissing = <T, Missing>(value: fc.Arbitrary<T>, missing: Missing) => fc.oneof(value, fc.constant(missing))
/** 1700 to 2262, milliseconds. */
const time = fc.integer({ min: -8_520_336_000_000, max: 9_223_372_036_854 })
const row = fc.tuple(
  orMissing(finite, Number.NaN),
  fc.maxSafeInteger(),
  orMissing(fc.bigInt({ min: -(10n ** 38n - 1n), max: 10n ** 38n - 1n }).map(String), null),
  orMissing(fc.integer({ min: 0, max: 1 }), Number.NaN),
  orMissing(
    fc.string({ unit: 'binary' }).filter((text) => Buffer.from(text, 'utf8').toString('utf8') === text),
    null,
  ),
  orMissing(time, Number.NaN),
)
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never

const columnsOf = (rows: readonly Row[]): Record<string, Column> =>
  Object.fromEntries(
    schema.map(({ name, type }, c) => {
      const values = rows.map((each) => each[c])
      return [name, type === 'string' || type === 'bigint' ? values : Float64Array.from(values as number[])]
    }),
  ) as Record<string, Column>

describe('rows that travel as lines', () => {
  it('are read by the contract as the bits they were, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(1_000_000), (rows, at) => {
        const columns = columnsOf(rows)
        const lines = linesOf(columns, schema, at).trimEnd().split('\n')
        const parsed = lines.map((line) => JSON.parse(line))
        expect(parsed.map(({ slipwayRow }) => slipwayRow)).toEqual(rows.map((_, i) => at + i))
        const read = rowReader(schema).fromRecords(
          parsed.map(({ input }) => input),
          'lines',
        )
        for (const { name } of schema)
          for (let i = 0; i < rows.length; i++)
            expect(Object.is(read.columns[name]?.[i], (columns[name] as Column)[i])).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

const one = { task: 'binary' } as const
const classes = { task: 'multiclass', outputs: ['a', 'b'] } as { task: 'multiclass'; outputs: string[] }
const targets = { task: 'regression', outputs: ['x', 'y'] } as { task: 'regression'; outputs: string[] }
const write = (lines: readonly string[]): string => {
  const file = join(folder, `${Math.random()}.jsonl`)
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
  return file
}

describe('answers that come back as lines', () => {
  it('are put where their row is, in whatever order they come, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 50 }).chain((values) =>
          fc.tuple(
            fc.constant(values),
            fc.shuffledSubarray(
              values.map((_, i) => i),
              { minLength: values.length },
            ),
          ),
        ),
        async ([values, order]) => {
          // As our container writes a float32: the double it stands for.
          const lines = order.map(
            (i) => `{"slipwayRow":${i},"SageMakerOutput":${Object.is(values[i], -0) ? '-0' : values[i]}}`,
          )
          const answers = await readAnswers(write(lines), one, values.length)
          expect([...answers].every((value, i) => Object.is(value, values[i]))).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('of several numbers are taken by name, of classes in their order', async () => {
    const line = (answer: object): string => JSON.stringify({ slipwayRow: 0, SageMakerOutput: answer })
    expect([...(await readAnswers(write([line({ y: 2, x: 1 })]), targets, 1))]).toEqual([1, 2])
    const likely = { label: 'b', probabilities: [0.25, 0.75] }
    expect([...(await readAnswers(write([line(likely)]), classes, 1))]).toEqual([0.25, 0.75])
  })

  it.each([
    ['a row without an answer', ['{"slipwayRow":1,"SageMakerOutput":0.5}'], /1 of 2 rows have no answer, row 0 first/],
    [
      'a row answered twice',
      ['{"slipwayRow":1,"SageMakerOutput":0.5}', '{"slipwayRow":1,"SageMakerOutput":0.5}'],
      /line 2 .*row 1 is answered twice/,
    ],
    ['a row that was not asked', ['{"slipwayRow":2,"SageMakerOutput":0.5}'], /it names no row of the 2 there are/],
    [
      'an answer that is none',
      ['{"slipwayRow":0,"SageMakerOutput":"0.5"}'],
      /the answer is another one, expected a number/,
    ],
    ['no JSON', ['Bad Gateway'], /it is no JSON object/],
  ])('are refused with their line where there is %s', async (_, lines, why) => {
    await expect(readAnswers(write(lines), one, 2)).rejects.toThrow(why)
  })

  it('are none where no row was asked about', async () => {
    expect(await readAnswers(null, one, 0)).toHaveLength(0)
    await expect(readAnswers(null, one, 3)).rejects.toThrow(/3 of 3 rows have no answer/)
  })
})
