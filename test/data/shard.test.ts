import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { writeDuplicates } from '../../lib/data/duplicates.ts'
import { goodRows, openShard } from '../../lib/data/shard.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { writeParts, writeQuarantine } from '../../lib/data/write-parts.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-shard-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const schema: LocalTable['schema'] = [
  { name: 'id', type: 'bigint', nullable: false },
  { name: 'income', type: 'number', nullable: false },
]

/** A shard scored with ones: what of it was good, and what was written. */
async function score(table: LocalTable, format: 'parquet' | 'csv', keep: readonly string[]) {
  return withDuckDb(1, async (connection) => {
    const rows = await openShard(connection, { table, from: 'in', expected: undefined, keep, duplicates: undefined })
    const ids: unknown[] = []
    for await (const chunk of goodRows(connection, rows, schema)) ids.push(...(chunk.id as readonly string[]))
    const [part] = await writeParts(connection, new Float32Array(rows.good).fill(1), {
      folder,
      columns: keep,
      named: {},
      format,
      partitionBy: [],
      table,
    })
    if (rows.good < rows.read) await writeQuarantine(connection, table, 'in', join(folder, 'bad.parquet'))
    return { ids, reasons: rows.reasons, file: join(folder, part?.file ?? '') }
  })
}
const ask = (sql: string): Promise<Record<string, unknown>[]> => withDuckDb(1, (connection) => rowsOf(connection, sql))

describe('what only passes through a batch', () => {
  it('keeps its type and value in parquet, and an infinity sets its row aside', async () => {
    const file = join(folder, 'in.parquet')
    await withDuckDb(1, (connection) =>
      connection.run(
        `COPY (SELECT * FROM (VALUES (9007199254740993::BIGINT, 1.5::DOUBLE, 12.10::DECIMAL(18, 2), TIMESTAMP_NS '2024-01-01 00:00:00.123456789'), (2, 'inf'::DOUBLE, 0.01, NULL), (3, 'nan'::DOUBLE, 0.01, NULL)) t(id, income, price, "at")) TO '${file}' (FORMAT parquet)`,
      ),
    )
    const table: LocalTable = { files: [file], format: 'parquet', schema, rows: 3 }
    const scored = await score(table, 'parquet', ['id', 'price', 'at', 'income'])
    expect(scored).toMatchObject({
      ids: ['9007199254740993'],
      reasons: { 'income: finite number': 1, 'income: required': 1 },
    })
    expect(
      await ask(
        `SELECT id::VARCHAR AS id, typeof(id) AS t, price::VARCHAR AS price, typeof(price) AS p, typeof("at") AS a, "at"::VARCHAR AS "at" FROM '${scored.file}'`,
      ),
    ).toEqual([
      {
        id: '9007199254740993',
        t: 'BIGINT',
        price: '12.10',
        p: 'DECIMAL(18,2)',
        a: 'TIMESTAMP_NS',
        at: '2024-01-01 00:00:00.123456789',
      },
    ])
    expect(await ask(`SELECT source_row, id::VARCHAR AS id FROM '${join(folder, 'bad.parquet')}' ORDER BY 1`)).toEqual([
      { source_row: 2, id: '2' },
      { source_row: 3, id: '3' },
    ])
  })

  it('is the same text from CSV to CSV', async () => {
    const file = join(folder, 'in.csv')
    writeFileSync(file, 'zip,id,income\n00501,0009007199254740993,1.50\n')
    const table: LocalTable = { files: [file], format: 'csv', schema, rows: 1 }
    const scored = await score(table, 'csv', ['zip', 'id', 'income'])
    expect(scored.ids).toEqual(['9007199254740993'])
    expect(readFileSync(scored.file, 'utf8').split('\n')[1]).toMatch(/^00501,0009007199254740993,1\.50,1(\.0)?$/)
  })
})

describe('keys of a batch', () => {
  it('repeat by value over files of other types, among rows that keep the contract', async () => {
    const write = (name: string, sql: string): Promise<unknown> =>
      withDuckDb(1, (connection) => connection.run(`COPY (${sql}) TO '${join(folder, name)}' (FORMAT parquet)`))
    await write(
      'k1.parquet',
      "SELECT * FROM (VALUES (7::BIGINT, 'nan'::DOUBLE), (8, 1.0), (9007199254740992, 1.0)) t(id, income)",
    )
    await write('k2.parquet', 'SELECT * FROM (VALUES (7.0::DOUBLE, 1.0::DOUBLE), (8.0, 1.0)) t(id, income)')
    const table: LocalTable = {
      files: ['k1', 'k2'].map((name) => join(folder, `${name}.parquet`)),
      format: 'parquet',
      schema,
      rows: 5,
    }
    const found = join(folder, 'duplicates.parquet')
    expect(await withDuckDb(1, (connection) => writeDuplicates(connection, table, ['id'], found))).toBe(1)
    // 7 was bad in the first file: the one in the second is no repetition.
    expect(await ask(`SELECT file, row FROM '${found}'`)).toEqual([{ file: 1, row: 2 }])
  })
})
