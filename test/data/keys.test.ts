import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { writeDuplicates } from '../../lib/data/duplicates.ts'
import { sameKey } from '../../lib/data/keys.ts'
import { type LabelRow, readLabels } from '../../lib/data/labels.ts'
import { countLabelErrors, joinLabels } from '../../lib/data/served.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const path = (ending: string): string => join(folder, `${++count}.${ending}`)
async function parquet(select: string): Promise<string> {
  const file = path('parquet')
  await withDuckDb(1, (connection) => connection.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`))
  return file
}

describe('the key of a label is a captured value', () => {
  const uuid = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'
  const verdicts: [type: string, captured: string, key: string, same: boolean][] = [
    ['DOUBLE', '3000', '3000', true],
    ['DOUBLE', '3000', '3000.0', true],
    ['DOUBLE', '3000', '3e3', true],
    ['DOUBLE', '3000', '3001', false],
    ['DOUBLE', '3000', '03000', false],
    ['DOUBLE', '3000', ' 3000', false],
    ['DOUBLE', '3000', '3_000', false],
    ['DOUBLE', '3000', '0xBB8', false],
    ['DOUBLE', '0', '-0', true],
    ['DOUBLE', '-7', '-7.00', true],
    ['DOUBLE', '0.1', '0.1', true],
    ['DOUBLE', '0.1', '0.10', true],
    ['DOUBLE', "'NaN'", 'NaN', false],
    ['DOUBLE', '9007199254740991', '9007199254740991', true],
    ['DOUBLE', '9007199254740992', '9007199254740993', false],
    ['BIGINT', '3000', '3000.0', true],
    ['BIGINT', '3000', '3000.5', false],
    ['BIGINT', '7214871093440000001', '7214871093440000001', true],
    ['BIGINT', '7214871093440000001', '7214871093440000000', false],
    ['UBIGINT', '18446744073709551615', '18446744073709551615', true],
    ['DECIMAL(12,2)', '12.50', '12.5', true],
    ['DECIMAL(12,2)', '3000.00', '3000', true],
    ['VARCHAR', "'3000'", '3000', true],
    ['VARCHAR', "'3000'", '3000.0', false],
    ['VARCHAR', "'003000'", '3000', false],
    ['VARCHAR', "'003000'", '003000', true],
    ['VARCHAR', "'7214871093440000001'", '7214871093440000001', true],
    ['VARCHAR', "'7214871093440000001'", '7214871093440000000', false],
    ['UUID', `'${uuid}'`, uuid, true],
    ['TIMESTAMP', "'2001-04-01 08:00:00'", '2001-04-01T10:00:00+02:00', true],
    ['TIMESTAMP', "'2001-04-01 08:00:00'", '2001-04-01 08:00:00', true],
    ['TIMESTAMP', "'2001-04-01 08:00:00'", 'soon', false],
  ]
  it.each(verdicts)('%s %s and "%s": %s', async (type, captured, key, same) => {
    await withDuckDb(1, async (connection) => {
      const [row] = await rowsOf(
        connection,
        `SELECT coalesce(${sameKey(type, 'v', 'k')}, false) AS same FROM (SELECT ${captured}::${type} AS v, '${key}' AS k)`,
      )
      expect(row?.same).toBe(same)
    })
  })
})

describe('labels of a file', () => {
  const read = (file: string, format: 'parquet' | 'csv' = 'parquet'): Promise<LabelRow[]> =>
    withDuckDb(1, async (connection) => {
      const all: LabelRow[] = []
      for await (const labels of readLabels(connection, { files: [file], format })) all.push(...labels)
      return all
    })
  const keyTypes: [type: string, value: string, key: string][] = [
    ['INTEGER', '3000', '3000'],
    ['BIGINT', '7214871093440000001', '7214871093440000001'],
    ['DOUBLE', '3000', '3000'],
    ['VARCHAR', "'003000'", '003000'],
    ['UUID', "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'", 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['DECIMAL(10,1)', '12.0', '12'],
  ]
  it.each(keyTypes)('have keys of type %s', async (type, value, key) => {
    expect(await read(await parquet(`SELECT ${value}::${type} AS key, 1 AS label`))).toEqual([{ key, label: 1 }])
  })
  it('have requests of any such type, rows, labels true and false, and times with their offset', async () => {
    const file = path('csv')
    writeFileSync(
      file,
      'requestId,row,label,at\n12,1,true,2001-04-01T10:00:00+02:00\n12,,false,2001-04-01 08:00:00\n013,0,0.5,\n',
    )
    expect(await read(file, 'csv')).toEqual([
      { requestId: '12', row: 1, label: 1, at: Date.UTC(2001, 3, 1, 8) },
      { requestId: '12', label: 0, at: Date.UTC(2001, 3, 1, 8) },
      { requestId: '013', row: 0, label: 0.5 },
    ])
  })
  it('are refused with their row where they say nothing', async () => {
    const labels = (values: string) => parquet(`SELECT * FROM (VALUES ${values}) t(key, label)`)
    await expect(read(await labels("('a', 1.0), ('b', NULL)"))).rejects.toThrow(/row 2: label is missing/)
    await expect(read(await labels("('a', '1'), ('b', 'late')"))).rejects.toMatchObject({
      message: expect.stringContaining('row 2: label is no number'),
      facts: { inFull: expect.stringContaining('row 2: label is late') },
    })
    await expect(read(await labels('(7214871093440000000::DOUBLE, 1.0)'))).rejects.toMatchObject({
      message: expect.stringContaining('row 1: key is a whole number past 2^53'),
      facts: { inFull: expect.stringContaining('row 1: key is 7.21487') },
    })
    await expect(read(await parquet('SELECT 1 AS label'))).rejects.toMatchObject({ code: 'COLUMN_MISSING' })
    await expect(read(await parquet('SELECT 1 AS key'))).rejects.toMatchObject({ code: 'COLUMN_MISSING' })
    await expect(read(await parquet('SELECT 1 AS key, 1 AS label WHERE false'))).rejects.toMatchObject({
      code: 'SOURCE_EMPTY',
    })
  })
})

describe('the case of a number key: loans by their number', () => {
  const outcomes = join(packageRoot, 'test/cases/data/12-label-number-key/outcomes.parquet')
  /** What a gateway keeps of it: whole numbers as DOUBLE. */
  const served = () =>
    parquet(
      "SELECT 'r' || loan AS slipway_request, 0 AS slipway_row, TIMESTAMP '2001-04-01 10:00:00' AS slipway_time, 'champion' AS slipway_role, true AS slipway_first, 1 AS slipway_version, 0.2::DOUBLE AS slipway_score, loan::DOUBLE AS loan FROM range(3000, 3600) t(loan)",
    )
  const toldOf = async () => {
    const lines: string[] = []
    await withDuckDb(1, async (connection) => {
      for await (const labels of readLabels(connection, { files: [outcomes], format: 'parquet' }))
        for (const { key, label } of labels)
          lines.push(JSON.stringify({ request: null, row: 0, key, label, at: Date.UTC(2001, 3, 2) }))
    })
    const file = path('ndjson')
    writeFileSync(file, lines.join('\n'))
    return file
  }
  it('all of its 600 labels find their row', async () => {
    const order = {
      labels: [await toldOf()],
      waiting: undefined,
      served: [await served()],
      labelled: [],
      key: 'loan',
      now: Date.UTC(2001, 3, 3),
      waitSince: 0,
    }
    const counts = await withDuckDb(1, (connection) => joinLabels(connection, order, path('parquet'), path('parquet')))
    expect(counts).toEqual({ received: 600, matched: 600, waiting: 0, dropped: 0 })
  })
  it('and judge a rollout', async () => {
    const order = {
      captures: [await served()],
      labels: [await toldOf()],
      candidate: 2,
      offBy: 0.5,
      afterMs: 7 * 86_400_000,
      key: 'loan',
    }
    const { arms } = await withDuckDb(1, (connection) => countLabelErrors(connection, order, 'split'))
    expect(arms.nA).toBe(600)
  })
})

it('keys of a batch are equal by value across files: 2 and 2.0, but not 02; 30 and 300 are two, also as decimals', async () => {
  const files = [
    await parquet('SELECT unnest([1, 2, 7214871093440000001])::BIGINT AS id'),
    await parquet('SELECT unnest([2, 3.5])::DOUBLE AS id'),
    await parquet("SELECT unnest(['02', '3.5', '7214871093440000001']) AS id"),
    await parquet('SELECT unnest([30, 300, 2])::DECIMAL(18,0) AS id'),
  ]
  const found = path('parquet')
  await withDuckDb(1, async (connection) => {
    const table = { files, format: 'parquet' as const, schema: [], rows: 11 }
    expect(await writeDuplicates(connection, table, ['id'], found)).toBe(4)
    expect(await rowsOf(connection, `SELECT file, row FROM read_parquet('${found}') ORDER BY ALL`)).toEqual([
      { file: 1, row: 1 },
      { file: 2, row: 2 },
      { file: 2, row: 3 },
      { file: 3, row: 3 },
    ])
  })
})
