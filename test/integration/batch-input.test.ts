import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBatch } from '../../lib/store/batches.ts'
import { localFile } from '../../lib/store/objects.ts'
import { applications, type BatchPlace, openBatchPlace, query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'

/*
 * What batches make of rows and files that are wrong.
 */
let place: BatchPlace

beforeAll(async () => {
  place = await openBatchPlace()
})
afterAll(() => place?.close())

describe('bad rows', () => {
  const bad = `SELECT * REPLACE (CASE WHEN id = 7 THEN -5 WHEN id = 9 THEN NULL ELSE income END AS income) FROM (${applications(0, 1_000)})`

  it('are set aside with file, row and reason, and the rest is published', async () => {
    await place.project.data('in/2024-04-01/a.parquet', bad)
    await place.project.data('in/2024-04-01/b.parquet', applications(995, 100))
    const record = await place.published('loans', 'nightly', '--date', '2024-04-01')
    expect(record.rows).toEqual({ read: 1_100, scored: 1_093, quarantined: 7 })
    const manifest = await place.manifestOf(record)
    expect(manifest.reasons).toEqual({ 'id: unique': 5, 'income: required': 1, 'income: ≥ 0': 1 })
    const files = await Promise.all(manifest.quarantine.map(({ digest }) => localFile(place.store.store, digest)))
    const rows = await query(
      `SELECT source_file, source_row, reasons, id FROM read_parquet([${files.map((file) => `'${file}'`).join(', ')}]) ORDER BY source_file, source_row`,
    )
    expect(rows.slice(0, 3)).toEqual([
      { source_file: 'in/2024-04-01/a.parquet', source_row: 8, reasons: 'income: ≥ 0', id: 7 },
      { source_file: 'in/2024-04-01/a.parquet', source_row: 10, reasons: 'income: required', id: 9 },
      { source_file: 'in/2024-04-01/b.parquet', source_row: 1, reasons: 'id: unique', id: 995 },
    ])
    const verified = await place.run('verify', record.batch)
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
  })

  it('end the batch with 18 when they are too many, and nothing is published', async () => {
    await place.project.data(
      'in/2024-04-02/a.parquet',
      `SELECT * REPLACE (CASE WHEN id < 20 THEN -5 ELSE income END AS income) FROM (${applications(0, 1_000)})`,
    )
    const message = expectUserError(await place.batch('loans', 'nightly', '--date', '2024-04-02'), 18, 'BAD_ROWS')
    expect(message).toContain('20 of 1000 rows')
    expect(existsSync(place.at('out/2024-04-02'))).toBe(false)
    expect(await readBatch(place.store.store, 'loans', 'nightly', '2024-04-02')).toBeUndefined()
  })

  it('or fail it at the first one, where that was asked for', async () => {
    expect(
      expectUserError(await place.batch('loans', 'strict', '--date', '2024-04-01'), 10, 'DATA_CONTRACT'),
    ).toContain('in/2024-04-01/a.parquet, row 8')
    expect(existsSync(place.at('strict/2024-04-01'))).toBe(false)
  })
})

describe('bad input', () => {
  const day = async (
    date: string,
    prepare: () => Promise<void> | void,
    exit: number,
    code: string,
  ): Promise<string> => {
    mkdirSync(place.at(`in/${date}`), { recursive: true })
    await prepare()
    const message = expectUserError(await place.batch('loans', 'strict', '--date', date), exit, code)
    expect(existsSync(place.at(`strict/${date}/_SUCCESS`))).toBe(false)
    expect(await readBatch(place.store.store, 'loans', 'strict', date)).toBeUndefined()
    return message
  }

  it('is told from each other, and nothing is published', async () => {
    await day('2024-05-01', () => {}, 10, 'SOURCE_MISSING')
    await day('2024-05-02', () => writeFileSync(place.at('in/2024-05-02/a.parquet'), ''), 10, 'SOURCE_EMPTY')
    await day('2024-05-03', () => place.project.data('in/2024-05-03/a.parquet', applications(0, 0)), 10, 'SOURCE_EMPTY')
    await day(
      '2024-05-04',
      async () => {
        await place.project.data('in/2024-05-04/a.parquet', applications(0, 500))
        truncateSync(place.at('in/2024-05-04/a.parquet'), 900)
      },
      10,
      'SOURCE_UNREADABLE',
    )
    const other = await day(
      '2024-05-05',
      async () => {
        await place.project.data('in/2024-05-05/a.parquet', applications(0, 500))
        await place.project.data('in/2024-05-05/b.parquet', `SELECT * EXCLUDE (age) FROM (${applications(0, 500)})`)
      },
      10,
      'COLUMN_MISSING',
    )
    expect(other).toContain('in/2024-05-05/b.parquet has no column "age"')
    await day(
      '2024-05-06',
      () =>
        place.project.data(
          'in/2024-05-06/a.parquet',
          `SELECT * REPLACE (income::VARCHAR AS income) FROM (${applications(0, 10)})`,
        ),
      10,
      'COLUMN_TYPE',
    )
    await day(
      '2024-05-07',
      async () => {
        await place.project.data('in/2024-05-07/a.parquet', applications(0, 20_000))
        const file = place.at('in/2024-05-07/a.parquet')
        const bytes = readFileSync(file)
        bytes.fill(0xff, 2_000, 6_000)
        writeFileSync(file, bytes)
      },
      10,
      'SOURCE_UNREADABLE',
    )
  })

  it('leaves a folder alone that holds something else', async () => {
    await day(
      '2024-05-08',
      async () => {
        await place.project.data('in/2024-05-08/a.parquet', applications(0, 10))
        place.project.write('strict/2024-05-08/mine.txt', 'mine')
      },
      2,
      'OUTPUT_OCCUPIED',
    )
    expect(readdirSync(place.at('strict/2024-05-08'))).toEqual(['mine.txt'])
  })

  it('keeps what was scored: after one file is mended only that one is scored', async () => {
    await place.project.data('in/2024-05-09/a.parquet', applications(0, 500))
    await place.project.data(
      'in/2024-05-09/b.parquet',
      `SELECT * REPLACE (-1 AS income) FROM (${applications(500, 500)})`,
    )
    expectUserError(await place.batch('loans', 'strict', '--date', '2024-05-09'), 10, 'DATA_CONTRACT')
    await place.project.data('in/2024-05-09/b.parquet', applications(500, 500))
    expect(await place.published('loans', 'strict', '--date', '2024-05-09')).toMatchObject({
      shards: 2,
      cachedShards: 1,
    })
  })

  it('of the command names what is there', async () => {
    expect(expectUserError(await place.batch('loans', 'weekly'), 2, 'NOT_FOUND')).toContain('loans nightly')
    expectUserError(await place.batch('score', 'nothing', '--from', 'in', '--to', 'x'), 2, 'NOT_FOUND')
    expectUserError(await place.run('verify', 'loans/nightly/1999-01-01'), 2, 'NOT_FOUND')
    expectUserError(await place.batch('loans'), 2, 'USAGE')
  })
})
