import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { ModelInput } from '../../lib/learners/learner.ts'
import { type ChannelRows, writeChannel } from '../../lib/learners/program/channels.ts'
import { query } from '../support/batch-place.ts'

/*
 * What a program reads in its channels, by another reader: the float32 that the model will be given, texts as they are,
 * and nothing where nothing is, in CSV and in parquet alike.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-channels-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const towns = ['Ulm', 'Bonn, Beuel', ' Kiel ', 'say "hi"', 'two\nlines', 'Åre', '0', 'NaN']
const inputs: readonly ModelInput[] = [
  { name: 'x', kind: 'number' },
  { name: 'the town', kind: 'category', categories: towns },
]
const names = ['x', 'the town', 'label', 'weight']

interface Row {
  readonly x: number
  readonly town: number
  readonly label: number
  readonly weight: number
}
const rowsOf = (rows: readonly Row[]): ChannelRows => ({
  features: [Float32Array.from(rows, ({ x }) => x), Float32Array.from(rows, ({ town }) => town)],
  labels: Float64Array.from(rows, ({ label }) => label),
  weights: Float32Array.from(rows, ({ weight }) => weight),
})
const expected = (rows: readonly Row[]): unknown[] =>
  rows.map(({ x, town, label, weight }) => [Number.isNaN(x) ? null : x, towns[town] ?? null, label, weight])

let files = 0
/** What DuckDB reads of a channel: numbers of CSV as float64, as programs read them. */
async function readBack(rows: ChannelRows, format: 'csv' | 'parquet'): Promise<Record<string, unknown>[]> {
  const file = join(folder, `${++files}.${format}`)
  await writeChannel(inputs, rows, format, file)
  const named = names.filter((name) => !(name === 'label' || name === 'weight') || rows.labels !== undefined)
  const types = named.map((name) => `'${name}': '${name === 'the town' ? 'VARCHAR' : 'DOUBLE'}'`).join(', ')
  const csv = `read_csv('${file}', header = true, columns = { ${types} }, quote = '"', escape = '"')`
  return query(`SELECT * FROM ${format === 'csv' ? csv : `'${file}'`}`) as Promise<Record<string, unknown>[]>
}

const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const row = fc.record<Row>({
  x: fc.oneof(float, fc.constant(Number.NaN)),
  town: fc.oneof(fc.nat(towns.length - 1), fc.constant(Number.NaN)),
  label: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }).map((value) => value + 0),
  weight: fc.float({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0),
})

describe.each(['csv', 'parquet'] as const)('a channel of %s', (format) => {
  it('holds what the model will be given, whatever that is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const read = await readBack(rowsOf(rows), format)
        expect(read.map((each) => names.map((name) => each[name]))).toEqual(expected(rows))
      }),
      { numRuns: 25 },
    )
  })

  it('holds rows in their order, more than are written at once', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => ({ x: i, town: i % 9, label: 1 - i, weight: 1 }))
    const read = await readBack(rowsOf(rows), format)
    expect(read.map((each) => names.map((name) => each[name]))).toEqual(expected(rows))
  })

  it('has no label and no weight where there is none', async () => {
    const { features } = rowsOf([{ x: 1, town: 0, label: 0, weight: 0 }])
    const [read] = await readBack({ features }, format)
    expect(read).toEqual({ x: 1, 'the town': 'Ulm' })
  })
})

it('holds float32 and float64 as they are in parquet', async () => {
  const file = join(folder, 'types.parquet')
  await writeChannel(inputs, rowsOf([{ x: 0.1, town: 1, label: 0.1, weight: 0.5 }]), 'parquet', file)
  const columns = await query(`SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM '${file}')`)
  expect(columns).toEqual([
    { name: 'x', type: 'FLOAT' },
    { name: 'the town', type: 'VARCHAR' },
    { name: 'label', type: 'DOUBLE' },
    { name: 'weight', type: 'FLOAT' },
  ])
})

it.each(['label', 'weight'])(
  'refuses a feature that is called "%s" as a column that programs are given',
  async (name) => {
    const refused = writeChannel(
      [{ name, kind: 'number' }],
      { ...rowsOf([]), features: [new Float32Array()] },
      'csv',
      'x',
    )
    await expect(refused).rejects.toMatchObject({ code: 'FEATURES_TYPE', message: expect.stringContaining(name) })
  },
)
