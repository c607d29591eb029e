import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { joinInTime } from '../../lib/data/join-in-time.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { noStore } from '../support/sources.ts'

/*
 * Feature views of a repo that the real Feast made, read by our source and joined in time by ours, against what Feast's
 * own file store answers. Feast leaves out entity rows all of whose features are too old or too new, and gives equal
 * ones once: they are told by driver and time.
 */
const rounds = 24
const root = mkdtempSync(join(tmpdir(), 'slipway-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Round {
  readonly view: string
  /** Minutes; 0 for none. */
  readonly ttl: number
  /** Whether rows are held back until they were created. */
  readonly known: boolean
  readonly joined: readonly (readonly [driver: number, time: number, score: number | null])[]
}

const column = (name: string, type: RowSchema[number]['type']) => ({ name, type, nullable: true })
const Asked: RowSchema = [column('driver', 'integer'), column('event_timestamp', 'timestamp')]
const View: RowSchema = [...Asked, column('created', 'timestamp'), column('score', 'number')]

async function countOf(files: readonly string[]): Promise<number> {
  const from = `read_parquet([${files.map(text).join(', ')}])`
  const [row] = await withDuckDb(1, (connection) => rowsOf(connection, `SELECT count(*) AS rows FROM ${from}`))
  return Number(row?.rows)
}
const tableOf = async (files: readonly string[], schema: RowSchema): Promise<LocalTable> => ({
  files,
  format: 'parquet',
  schema,
  rows: await countOf(files),
})

it('a feature view that we read and join is what Feast itself joins', { timeout: 900_000 }, async ({ skip }) => {
  const environment = await pythonEnvironmentOr(join(packageRoot, 'test/reference/feast-requirements.txt'))
  if ('missing' in environment) return skip(environment.missing)
  const script = join(packageRoot, 'test/reference/feast_joins.py')
  const env = { ...process.env, FEAST_USAGE: 'False' }
  await promisify(execFile)(join(environment.bin, 'python'), ['-W', 'ignore', script, root, String(rounds), '7'], {
    env,
  })
  const feast = openSources(noStore, { root, confined: true }).get('feast')
  let answered = 0
  for (const [i, { view, ttl, known, joined }] of (
    JSON.parse(readFileSync(join(root, 'rounds.json'), 'utf8')) as Round[]
  ).entries()) {
    const found = (await feast?.find(`feast://./${view}`, undefined)) ?? []
    const right = await tableOf(
      found.map((file) => feast?.localPath?.(file) as string),
      View,
    )
    const left = await tableOf([join(root, `asked-${i}.parquet`)], Asked)
    const file = join(root, `joined-${i}.parquet`)
    const asOf = {
      at: 'event_timestamp',
      event: 'event_timestamp',
      known: known ? 'created' : null,
      ...(ttl > 0 && { within: ttl * 60_000 }),
    }
    await withDuckDb(2, (connection) =>
      joinInTime(connection, left, right, { on: ['driver'], asOf, prefix: 'view_' }, { file }),
    )
    const rows = await withDuckDb(1, (connection) =>
      rowsOf(
        connection,
        `SELECT driver::INTEGER AS driver, epoch_ms(event_timestamp) AS time, view_score AS score
          FROM read_parquet(${text(file)})`,
      ),
    )
    expect(rows.length).toBe(left.rows)
    const theirs = new Map(joined.map(([driver, time, score]) => [`${driver} ${time}`, score]))
    for (const { driver, time, score } of rows) {
      const key = `${driver} ${time}`
      expect(score, `${view}, ttl ${ttl}, known ${known}: driver and time ${key}`).toBe(theirs.get(key) ?? null)
      if (score !== null) answered++
    }
  }
  expect(answered).toBeGreaterThan(300)
})
