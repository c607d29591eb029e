import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createJoin } from '../../gateway/lookups/join.ts'
import { packSnapshot } from '../../gateway/lookups/pack-snapshot.ts'
import { hashOf, keyPart } from '../../gateway/lookups/packed-table.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import type { Lookup } from '../../lib/formats/lookup.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { folderMaker } from '../support/folders.ts'

const folder = folderMaker()()
const plenty = 2 ** 26

const schema: RowSchema = [
  { name: 'word', type: 'string', nullable: true },
  { name: 'whole', type: 'integer', nullable: true },
  { name: 'number', type: 'number', nullable: true },
  { name: 'truth', type: 'boolean', nullable: true },
  { name: 'time', type: 'timestamp', nullable: true },
  { name: 'large', type: 'bigint', nullable: true },
]
const sqlTypes = ['VARCHAR', 'DOUBLE', 'DOUBLE', 'BOOLEAN', 'TIMESTAMP', 'VARCHAR']

/** A cell of each column, as JSON has it; without NUL, at which DuckDB ends a statement. */
type Cell = string | number | boolean | null
const cells: fc.Arbitrary<Cell>[] = [
  fc.oneof(
    fc.constantFrom('', 'a', 'b', 'ab', 'é', '\u{1f600}'),
    fc.string({ unit: 'binary', maxLength: 3 }).map((text) => text.replaceAll('\0', '')),
  ),
  fc.integer({ min: -3, max: 3 }),
  fc.oneof(fc.constantFrom(0, -0, 0.1, -1.5, 1e300, 5e-324), fc.double({ noNaN: true, noDefaultInfinity: true })),
  fc.boolean(),
  fc.integer({ min: -4, max: 4 }).map((days) => new Date(days * 86_400_000 + 1_234_567_890_123).toISOString()),
  fc.constantFrom('0', '-1', '9007199254740993', '123456789012345678901234567890'),
]
const literal = (value: Cell, type: string): string =>
  value === null
    ? `NULL::${type}`
    : type === 'DOUBLE'
      ? `'${Object.is(value, -0) ? '-0.0' : value}'::DOUBLE`
      : `${typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : value}::${type}`

let files = 0
/** Writes rows of the schema's columns, and the times they became known at, as the steps of a run write tables. */
async function written(rows: readonly (readonly Cell[])[], known: readonly (number | null)[]): Promise<string> {
  const file = join(folder, `${++files}.parquet`)
  const values = rows.map((row, i) => {
    const time = known[i] === null ? 'NULL::TIMESTAMP' : `make_timestamp(${known[i]}::BIGINT * 1000)`
    return `(${i}, ${row.map((value, c) => literal(value, sqlTypes[c] as string)).join(', ')}, ${time})`
  })
  const names = ['i', ...schema.map(({ name }) => name), 'known'].map((name) => `"${name}"`).join(', ')
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT * EXCLUDE (i) FROM (VALUES ${values.join(', ')}) t(${names}) ORDER BY i) TO '${file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
    ),
  )
  return file
}

/** A value as two of them are compared: a time by its milliseconds, zeros alike. */
const same = (a: Cell, b: Cell): boolean => (a === 0 && b === 0) || Object.is(a, b)

const facts = (inputs: RowSchema): ModelFacts => ({ inputs, features: [] }) as never

describe('rows that are looked up', () => {
  it('are those of a search through all rows, whatever the types of key and values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1, maxLength: 3 }).chain((keys) =>
          fc.record({
            keys: fc.constant(keys),
            rows: fc.array(
              fc.record({
                row: fc.tuple(
                  ...cells.map((cell, c) => (keys.includes(c) ? cell : fc.option(cell, { freq: 4 }))),
                ) as fc.Arbitrary<Cell[]>,
                known: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 6 }),
              }),
              { minLength: 1, maxLength: 40 },
            ),
            asked: fc.array(fc.tuple(...keys.map((c) => fc.option(cells[c] as fc.Arbitrary<Cell>, { freq: 9 }))), {
              maxLength: 20,
            }),
          }),
        ),
        async ({ keys, rows, asked: strangers }) => {
          const keyed = rows.map(({ row }) => keys.map((c) => row[c] as Cell))
          const asked = [...keyed, ...strangers]
          const file = await written(
            rows.map(({ row }) => row),
            rows.map(({ known }) => known),
          )
          const until = 7
          const key = keys.map((c) => (schema[c] as RowSchema[number]).name)
          const columns = schema.filter(({ name }) => !key.includes(name))
          const table = await packSnapshot({
            files: [file],
            keys: keys.map((c) => schema[c] as RowSchema[number]),
            known: 'known',
            until,
            columns,
            limit: plenty,
          })
          const lookup: Lookup = {
            view: 'v',
            on: Object.fromEntries(key.map((name) => [`key of ${name}`, name])),
            columns: Object.fromEntries(columns.map(({ name }) => [name, name])),
            staleAfterMs: null,
          }
          const inputs: RowSchema = [{ name: 'own', type: 'number', nullable: true }, ...columns]
          const snapshot = { view: 'v', revision: 1, digest: 'sha256:', key, known: 'known', publishedAt: '', schema }
          const join = createJoin(
            { facts: facts(inputs), reader: rowReader(inputs) },
            [lookup],
            new Map([['v', { ...snapshot, table }]]),
          )
          const request = asked.map((values, i) => ({
            own: i,
            ...Object.fromEntries(key.map((name, k) => [`key of ${name}`, values[k]])),
          }))
          const input = join.join({ kind: 'rows', ...join.asked.reader.fromRecords(request, 'rows') })
          // The naive join: the row of the key that was known last by then, of two the later one.
          const found = asked.map((values) => {
            let best: (typeof rows)[number] | undefined
            for (const [i, row] of rows.entries()) {
              const at = row.known
              if (at === null || at > until) continue
              if (!(keyed[i] as Cell[]).every((value, k) => same(value, values[k] as Cell))) continue
              if (best === undefined || at >= (best.known as number)) best = row
            }
            return best
          })
          const expected = rowReader(inputs).fromRecords(
            found.map((row, i) => ({
              own: i,
              ...Object.fromEntries(
                columns.map(({ name }) => [name, row?.row[schema.findIndex((rule) => rule.name === name)] ?? null]),
              ),
            })),
            'rows',
          )
          expect(input.columns).toEqual(expected.columns)
          const [report] = input.lookups?.reports ?? []
          const isMissing = (values: readonly Cell[]): boolean => values.some((value) => value === null)
          expect(report?.missing).toEqual(asked.flatMap((values, i) => (isMissing(values) ? [i] : [])))
          expect(report?.unknown).toEqual(
            asked.flatMap((values, i) => (!isMissing(values) && found[i] === undefined ? [i] : [])),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('are found among many, through several row groups and files', async () => {
    const paths = [1, 2].map((n) => join(folder, `many-${n}.parquet`))
    await withDuckDb(1, async (connection) => {
      for (const [n, path] of paths.entries())
        await connection.run(
          `COPY (SELECT 'k' || (i * 7919 % 30000) AS word, i::DOUBLE + ${n * 30_000} AS number, TIMESTAMP '2024-01-01' + INTERVAL (${n} * 60 - i % 7) SECOND AS known FROM range(30000) t(i)) TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4096)`,
        )
      const table = await packSnapshot({
        files: paths,
        keys: [schema[0] as RowSchema[number]],
        known: 'known',
        until: Date.UTC(2025, 0),
        columns: [schema[2] as RowSchema[number]],
        limit: plenty,
      })
      expect(table.rows).toBe(30_000)
      const join = createJoin(
        { facts: facts([schema[2] as RowSchema[number]]), reader: rowReader([schema[2] as RowSchema[number]]) },
        [{ view: 'v', on: { word: 'word' }, columns: { number: 'number' }, staleAfterMs: 1_000 }],
        new Map([
          [
            'v',
            {
              view: 'v',
              revision: 1,
              digest: 'd',
              key: ['word'],
              known: 'known',
              publishedAt: '2024-06-01T00:00:00Z',
              schema,
              table,
            },
          ],
        ]),
      )
      // DuckDB's own answer.
      const expected = await rowsOf(
        connection,
        `SELECT word, arg_max(number, known) AS number FROM read_parquet(['${paths.join("', '")}']) GROUP BY word`,
      )
      const rows = expected.map(({ word }) => ({ word }))
      const published = Date.parse('2024-06-01T00:00:00Z')
      const at = (now: number) => join.join({ kind: 'rows', ...join.asked.reader.fromRecords(rows, '') }, now)
      expect(at(published + 1_000).columns).toEqual({
        number: Float64Array.from(expected, ({ number }) => Number(number)),
      })
      expect(at(published + 1_000).lookups?.reports[0]?.isStale).toBe(false)
      expect(at(published + 1_001).lookups?.reports[0]?.isStale).toBe(true)
    })
  })

  it('are counted before they are kept: what is too large ends early, and so does a key that is there twice', async () => {
    const file = await written(
      [
        ['a', 1, 1, true, null, null],
        ['a', 2, 2, true, null, null],
      ],
      [1, 1],
    )
    const order = {
      files: [file],
      keys: [schema[0] as RowSchema[number]],
      known: null,
      until: 9,
      columns: [schema[1] as RowSchema[number]],
      limit: plenty,
    }
    await expect(packSnapshot(order)).rejects.toMatchObject({
      code: 'DOCUMENT_BROKEN',
      message: 'two rows have the key "a"',
    })
    await expect(packSnapshot({ ...order, known: 'known', limit: 100 })).rejects.toMatchObject({
      code: 'LOOKUP_TOO_LARGE',
    })
    const [row] = [await packSnapshot({ ...order, known: 'known' })]
    expect(row.rows).toBe(1)
  })

  it('have keys that differ by where one part ends, and zeros that do not', () => {
    const parts = (...values: (string | number)[]) => values.map((value) => keyPart(value) as number | Uint8Array)
    expect(hashOf(parts('ab', 'c'))).not.toBe(hashOf(parts('a', 'bc')))
    expect(hashOf(parts(-0))).toBe(hashOf(parts(0)))
  })
})
