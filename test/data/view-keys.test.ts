import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { text, withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { checkKeys } from '../../lib/data/view-keys.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'

const root = mkdtempSync(join(tmpdir(), 'slipway-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let files = 0

// Names that a query of ours might trip over.
const schema: RowSchema = [
  { name: 'key', type: 'string', nullable: true },
  { name: 'rows', type: 'number', nullable: true },
  { name: 'known', type: 'timestamp', nullable: true },
]
type Row = readonly [key: string | null, rows: number | null, known: number | null]

async function tableOf(rows: readonly Row[]): Promise<LocalTable> {
  const path = join(root, `${++files}.parquet`)
  const values = rows.map(
    ([key, number, known]) =>
      `(${key === null ? 'NULL' : text(key)}::VARCHAR, ${number === null ? 'NULL' : `'${number}'`}::DOUBLE, ${known === null ? 'NULL' : `epoch_ms(${known})`}::TIMESTAMP)`,
  )
  const none = "SELECT * FROM (VALUES ('', 0::DOUBLE, TIMESTAMP '2020-01-01')) t(key, rows, known) LIMIT 0"
  const select = rows.length === 0 ? none : `SELECT * FROM (VALUES ${values.join(', ')}) t(key, rows, known)`
  await withDuckDb(1, (connection) => connection.run(`COPY (${select}) TO ${text(path)} (FORMAT parquet)`))
  return { files: [path], format: 'parquet', schema, rows: rows.length }
}
const keysOf = async (rows: readonly Row[], key: string[], known: string | null = null): Promise<number> => {
  const table = await tableOf(rows)
  return withDuckDb(1, (connection) => checkKeys(connection, table, { view: 'history', key, known }))
}

describe('the keys of a view', () => {
  it('are counted, of rows in any order, and none of no rows', async () => {
    const rows: Row[] = [
      ['b', 2, 0],
      ['a', 1, 0],
      ['c', 1, 0],
    ]
    expect(await keysOf(rows, ['key'])).toBe(3)
    expect(await keysOf(rows, ['rows', 'key'])).toBe(3)
    expect(await keysOf([], ['key'])).toBe(0)
  })

  it('are refused where one is missing, with what there is of it', async () => {
    const rows: Row[] = [
      ['a', 1, 0],
      ['b', null, 0],
      ['b', null, 1],
    ]
    expect(await keysOf(rows, ['key'], 'known')).toBe(2)
    await expect(keysOf(rows, ['key', 'rows'], 'known')).rejects.toMatchObject({
      code: 'DATA_CONTRACT',
      exitCode: 10,
      message: 'view "history" has rows without a key: rows null (2 of 3)',
      facts: {
        inFull: 'view "history" has rows without a key: key b, rows null (2 of 3)',
        next: 'leave such rows out of the table',
      },
    })
    await expect(keysOf([['a', Number.NaN, 0]], ['rows'])).rejects.toMatchObject({
      message: 'view "history" has rows without a key: rows null (1 of 1)',
    })
  })

  it('are refused where two rows have one and nothing says which counts, with the key', async () => {
    const rows: Row[] = [
      ['a', 1, 0],
      ['b', 7, 0],
      ['b', 7, 1],
      ['b', 8, 1],
    ]
    await expect(keysOf(rows, ['key', 'rows'])).rejects.toMatchObject({
      code: 'DATA_CONTRACT',
      message: 'view "history" has 2 rows of one key and rows, and nothing says which of them counts',
      facts: {
        inFull: 'view "history" has 2 rows of key b, rows 7.0, and nothing says which of them counts',
        next: expect.stringContaining('known'),
      },
    })
    expect(await keysOf(rows, ['key', 'rows'], 'known')).toBe(3)
    expect(await keysOf([['a', 1, null], ...rows], ['key'], 'known')).toBe(2)
  })

  it('are as many as rows differ in them, whatever they are', async () => {
    const row = fc.tuple(
      fc.constantFrom('', 'a', "it's", '"', 'ä', 'A'),
      fc.constantFrom(0, 1, -1.5, 1e300, 2 ** 53, 2 ** 53 + 2),
      fc.constantFrom(null, 0, 86_400_000),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
        const different = new Set(rows.map(([key, number]) => JSON.stringify([key, number]))).size
        expect(await keysOf(rows, ['key', 'rows'], 'known')).toBe(different)
        const counted = keysOf(rows, ['key', 'rows'])
        if (different === rows.length) expect(await counted).toBe(different)
        else await expect(counted).rejects.toMatchObject({ code: 'DATA_CONTRACT' })
      }),
      { numRuns: 40 },
    )
  })
})
