import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { CreateBucketCommand, DeleteBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rowsOf, withDuckDb } from '../../data/duckdb.ts'
import { type BatchFile, BatchManifest, type BatchRecord } from '../../pipelines/batch-records.ts'
import { readBatch } from '../../store/batches.ts'
import { fetchInput, findInputs } from '../../store/inputs.ts'
import { readLastReport } from '../../store/monitors.ts'
import { getJson, localFile } from '../../store/objects.ts'
import { listWindowGateways, readWindow } from '../../store/routes.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * Batch scoring with real servers and processes: tables in, tables with predictions out, whole or not at all, each row once.
 */
let place: Place

/** Loans to be scored: ids from `from` on. */
const applications = (from: number, rows: number, more = ''): string =>
  `SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day, 20000 + (i * 7919) % 60000 AS income, 18 + (i * 104729) % 60 AS age,
    ['car', 'home', 'travel', 'tools'][1 + (i * 31) % 4] AS purpose${more} FROM range(${from}, ${from + rows}) t(i)`

const definition = `import { auc, binary, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: TREES, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'credit', allAtOnce: true })
  p.monitor(live, { every: '1h', drift: psi.over(0.2), minRows: 100 })
  p.batch(live, 'nightly', { cron: '0 2 * * *', from: 'in/{date}/*.parquet', to: 'out/{date}/', keys: ['id'], maxBadRows: 0.01, catchup: '2d' })
  p.batch(live, 'strict', { from: 'in/{date}/*.parquet', to: 'strict/{date}/', onBadRow: 'fail' })
})
`
const writeDefinition = (trees: number): void =>
  writeLoans(place.project, { body: definition.replace('TREES', String(trees)) })

const at = (path: string): string => join(place.project.root, path)
const query = (sql: string) => withDuckDb(1, (connection) => rowsOf(connection, sql))
const batch = (...args: string[]) => place.run('batch', ...args)
async function published(
  ...args: string[]
): Promise<BatchRecord & { cached: boolean; cachedShards: number; shards: number; batch: string }> {
  const result = await batch(...args, '--json')
  expect(result, result.stderr).toMatchObject({ code: 0 })
  return JSON.parse(result.stdout)
}
const manifestOf = async (record: BatchRecord): Promise<BatchManifest> =>
  getJson(place.store.store, record.manifest.digest, BatchManifest)

beforeAll(async () => {
  place = await openPlace()
  await place.project.data('data/loans.parquet', loansSql())
  writeDefinition(20)
  const run = await place.run('run', 'loans', '--wait', '--json')
  expect(run, run.stderr).toMatchObject({ code: 0 })
})
afterAll(() => place?.close())

describe('a batch of a pipeline', () => {
  it('is scored with what the endpoint serves, each row once, and what the gateway would answer', async () => {
    await place.project.data('in/2024-02-01/a.parquet', applications(0, 3_000))
    await place.project.data('in/2024-02-01/b.parquet', applications(3_000, 2_000))
    const record = await published('loans', 'nightly', '--date', '2024-02-01')
    expect(record).toMatchObject({
      batch: 'loans/nightly/2024-02-01',
      generation: 1,
      cached: false,
      shards: 2,
      model: { model: 'loans', version: 1 },
      rows: { read: 5_000, scored: 5_000, quarantined: 0 },
    })
    const files = readdirSync(at('out/2024-02-01'))
    expect(files.filter((file) => !file.startsWith('part-')).sort()).toEqual(['_SUCCESS', '_manifest.json'])
    const [sums] = await query(
      `SELECT count(*) AS rows, count(DISTINCT id) AS ids, min(id) AS low, max(id) AS high FROM '${at('out/2024-02-01')}/*.parquet'`,
    )
    expect(sums).toEqual({ rows: 5_000, ids: 5_000, low: 0, high: 4_999 })

    const some = await query(`SELECT * FROM '${at('out/2024-02-01')}/*.parquet' WHERE id % 500 = 0 ORDER BY id`)
    place.project.write('rows.json', JSON.stringify(some.map(({ prediction: _, ...row }) => row)))
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
    )
    const answer = await place.run('predict', 'credit', '--data', 'rows.json', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout).predictions).toEqual(some.map(({ prediction }) => prediction))
  })

  it('is not scored again when nothing changed', async () => {
    expect(await published('loans', 'nightly', '--date', '2024-02-01')).toMatchObject({ cached: true, generation: 1 })
  })

  it('is heard of by the monitor of its endpoint, once', async () => {
    const ids = (await listWindowGateways(place.store.store, 'credit')).filter((id) => id.startsWith('batch-'))
    expect(ids).toEqual(['batch-loans-nightly-2024-02-01'])
    const window = await readWindow(place.store.store, 'credit', ids[0] as string, 0)
    expect(window?.champion).toMatchObject({ rows: 5_000, version: 1 })
    expect(Object.keys(window?.champion.profile ?? {})).toContain('score:')
    expect(await readWindow(place.store.store, 'credit', ids[0] as string, 1)).toBeUndefined()
    const check = await place.run('schedule', 'trigger', 'credit', 'monitor')
    expect(check, check.stderr).toMatchObject({ code: 0 })
    await eventually(async () => (await readLastReport(place.store.store, 'credit'))?.judged === true)
    const report = await readLastReport(place.store.store, 'credit')
    expect(report?.rows).toBeGreaterThanOrEqual(5_000)
    expect(report?.columns.find(({ name }) => name === 'income')?.measures.psi?.value).toBeLessThan(0.1)
  })

  it('verifies; a part that was changed is found', async () => {
    const good = await place.run('verify', 'loans/nightly/2024-02-01', '--json')
    expect(good, good.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(good.stdout).checks.map(({ check }: { check: string }) => check)).toEqual(
      expect.arrayContaining([
        'merkle root',
        'sums',
        'files',
        'output folder',
        'shard 0 scored anew',
        'shard 1 scored anew',
      ]),
    )
    const part = readdirSync(at('out/2024-02-01')).find((file) => file.startsWith('part-00001')) as string
    const bytes = readFileSync(at(`out/2024-02-01/${part}`))
    writeFileSync(at(`out/2024-02-01/${part}`), Buffer.concat([bytes, Buffer.from('x')]))
    const changed = await place.run('verify', at('out/2024-02-01'), '--json')
    expect(changed.code).toBe(16)
    expect(JSON.parse(changed.stdout).checks.filter(({ passed }: { passed: boolean }) => !passed)).toMatchObject([
      { check: 'output folder' },
    ])
    writeFileSync(at(`out/2024-02-01/${part}`), bytes)
  })

  it('of other files is refused, and takes its place with --redo; the one before is kept', async () => {
    const before = (await readBatch(place.store.store, 'loans', 'nightly', '2024-02-01')) as BatchRecord
    await place.project.data('in/2024-02-01/b.parquet', applications(3_000, 2_500))
    expectUserError(await batch('loans', 'nightly', '--date', '2024-02-01'), 2, 'BATCH_EXISTS')
    const record = await published('loans', 'nightly', '--date', '2024-02-01', '--redo')
    // The file that did not change is not scored again.
    expect(record).toMatchObject({
      generation: 2,
      cachedShards: 1,
      rows: { scored: 5_500 },
      supersedes: before.manifest.digest,
    })
    const parts = readdirSync(at('out/2024-02-01')).filter((file) => file.startsWith('part-'))
    expect(parts.sort()).toEqual((await manifestOf(record)).parts.map(({ path }) => path).sort())
    for (const { digest } of (await manifestOf(before)).parts)
      expect(existsSync(await localFile(place.store.store, digest))).toBe(true)
  })

  it('whose folder was lost gets it back with --redo, without scoring', async () => {
    rmSync(at('out/2024-02-01'), { recursive: true })
    const record = await published('loans', 'nightly', '--date', '2024-02-01', '--redo')
    expect(record).toMatchObject({ generation: 2, shards: 2, cachedShards: 2 })
    expect(existsSync(at('out/2024-02-01/_SUCCESS'))).toBe(true)
    const verified = await place.run('verify', record.batch)
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
  })

  it('keeps to the version it began with; after a promotion its day is scored anew only on demand', async () => {
    writeDefinition(25)
    const run = await place.run('run', 'loans', '--wait', '--json')
    expect(run, run.stderr).toMatchObject({ code: 0 })
    expect(expectUserError(await batch('loans', 'nightly', '--date', '2024-02-01'), 2, 'BATCH_EXISTS')).toContain(
      'version 1; the champion is version 2',
    )
    expect(await published('loans', 'nightly', '--date', '2024-02-01', '--redo')).toMatchObject({
      generation: 3,
      model: { version: 2 },
    })
  })
})

describe('a schedule', () => {
  it('shows as one, fires for the time it was meant for, and backfills', async () => {
    const { stdout } = await place.run('schedule', 'list', '--json')
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ id: 'loans/nightly', kind: 'batch', paused: false }),
    )
    for (const day of ['03', '04', '05'])
      await place.project.data(`in/2024-03-${day}/a.parquet`, applications(Number(day) * 100, 100))
    const result = await place.run(
      'schedule',
      'backfill',
      'loans',
      'nightly',
      '--from',
      '2024-03-03',
      '--to',
      '2024-03-05',
    )
    expect(result, result.stderr).toMatchObject({ code: 0 })
    for (const day of ['03', '04', '05']) {
      await eventually(
        async () => (await readBatch(place.store.store, 'loans', 'nightly', `2024-03-${day}`)) !== undefined,
        60_000,
      )
      expect(await readBatch(place.store.store, 'loans', 'nightly', `2024-03-${day}`)).toMatchObject({
        by: 'schedule',
        rows: { scored: 100 },
      })
    }
    const list = JSON.parse((await batch('list', '--json')).stdout)
    expect(list).toContainEqual(
      expect.objectContaining({ name: 'nightly', slots: ['2024-02-01', '2024-03-03', '2024-03-04', '2024-03-05'] }),
    )
  })
})

describe('bad rows', () => {
  const bad = `SELECT * REPLACE (CASE WHEN id = 7 THEN -5 WHEN id = 9 THEN NULL ELSE income END AS income) FROM (${applications(0, 1_000)})`

  it('are set aside with file, row and reason, and the rest is published', async () => {
    await place.project.data('in/2024-04-01/a.parquet', bad)
    await place.project.data('in/2024-04-01/b.parquet', applications(995, 100))
    const record = await published('loans', 'nightly', '--date', '2024-04-01')
    expect(record.rows).toEqual({ read: 1_100, scored: 1_093, quarantined: 7 })
    const manifest = await manifestOf(record)
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
    const message = expectUserError(await batch('loans', 'nightly', '--date', '2024-04-02'), 18, 'BAD_ROWS')
    expect(message).toContain('20 of 1000 rows')
    expect(existsSync(at('out/2024-04-02'))).toBe(false)
    expect(await readBatch(place.store.store, 'loans', 'nightly', '2024-04-02')).toBeUndefined()
  })

  it('or fail it at the first one, where that was asked for', async () => {
    expect(expectUserError(await batch('loans', 'strict', '--date', '2024-04-01'), 10, 'DATA_CONTRACT')).toContain(
      'in/2024-04-01/a.parquet, row 8',
    )
    expect(existsSync(at('strict/2024-04-01'))).toBe(false)
  })
})

describe('bad input', () => {
  const day = async (
    date: string,
    prepare: () => Promise<void> | void,
    exit: number,
    code: string,
  ): Promise<string> => {
    mkdirSync(at(`in/${date}`), { recursive: true })
    await prepare()
    const message = expectUserError(await batch('loans', 'strict', '--date', date), exit, code)
    expect(existsSync(at(`strict/${date}/_SUCCESS`))).toBe(false)
    expect(await readBatch(place.store.store, 'loans', 'strict', date)).toBeUndefined()
    return message
  }

  it('is told from each other, and nothing is published', async () => {
    await day('2024-05-01', () => {}, 10, 'SOURCE_MISSING')
    await day('2024-05-02', () => writeFileSync(at('in/2024-05-02/a.parquet'), ''), 10, 'SOURCE_EMPTY')
    await day('2024-05-03', () => place.project.data('in/2024-05-03/a.parquet', applications(0, 0)), 10, 'SOURCE_EMPTY')
    await day(
      '2024-05-04',
      async () => {
        await place.project.data('in/2024-05-04/a.parquet', applications(0, 500))
        truncateSync(at('in/2024-05-04/a.parquet'), 900)
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
        const file = at('in/2024-05-07/a.parquet')
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
    expect(readdirSync(at('strict/2024-05-08'))).toEqual(['mine.txt'])
  })

  it('keeps what was scored: after one file is mended only that one is scored', async () => {
    await place.project.data('in/2024-05-09/a.parquet', applications(0, 500))
    await place.project.data(
      'in/2024-05-09/b.parquet',
      `SELECT * REPLACE (-1 AS income) FROM (${applications(500, 500)})`,
    )
    expectUserError(await batch('loans', 'strict', '--date', '2024-05-09'), 10, 'DATA_CONTRACT')
    await place.project.data('in/2024-05-09/b.parquet', applications(500, 500))
    expect(await published('loans', 'strict', '--date', '2024-05-09')).toMatchObject({ shards: 2, cachedShards: 1 })
  })

  it('of the command names what is there', async () => {
    expect(expectUserError(await batch('loans', 'weekly'), 2, 'NOT_FOUND')).toContain('loans nightly')
    expectUserError(await batch('score', 'nothing', '--from', 'in', '--to', 'x'), 2, 'NOT_FOUND')
    expectUserError(await place.run('verify', 'loans/nightly/1999-01-01'), 2, 'NOT_FOUND')
    expectUserError(await batch('loans'), 2, 'USAGE')
  })
})

describe('batch score', () => {
  /** A bucket that is not the store's. */
  const lake = `lake-${randomBytes(6).toString('hex')}`
  afterAll(() => place.store.store.client.send(new DeleteBucketCommand({ Bucket: lake })))
  const scoreArgs = (...args: string[]) => ['score', 'loans', ...args]

  it('reads parquet, CSV and newline-delimited JSON, plain and packed, and writes parquet and CSV', async () => {
    await place.project.data('files/a.parquet', applications(0, 300))
    await withDuckDb(1, async (connection) => {
      for (const [name, options] of [
        ['a.csv', 'FORMAT csv, HEADER'],
        ['a.csv.gz', 'FORMAT csv, HEADER, COMPRESSION gzip'],
        ['a.ndjson', 'FORMAT json'],
        ['a.ndjson.zst', 'FORMAT json, COMPRESSION zstd'],
      ])
        await connection.run(`COPY (${applications(0, 300)}) TO '${at(`files/${name}`)}' (${options})`)
    })
    const answers: unknown[] = []
    for (const file of ['a.parquet', 'a.csv', 'a.csv.gz', 'a.ndjson', 'a.ndjson.zst']) {
      const record = await published(...scoreArgs('--from', `files/${file}`, '--to', `scored/${file}`))
      expect(record.rows.scored).toBe(300)
      answers.push(await query(`SELECT id, prediction FROM '${at(`scored/${file}`)}/*.parquet' ORDER BY id`))
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await published(...scoreArgs('--from', 'files/a.csv', '--to', 'scored/csv', '--write', 'csv', '--keep', 'id'))
    const csv = await query(`SELECT id, prediction FROM read_csv('${at('scored/csv')}/*.csv') ORDER BY id`)
    expect(csv.map(({ prediction }) => Math.fround(Number(prediction)))).toEqual(
      (answers[0] as { prediction: number }[]).map(({ prediction }) => prediction),
    )
  })

  it('reads and writes S3, with Hive partitions on both sides', async () => {
    const { client } = place.store.store
    await client.send(new CreateBucketCommand({ Bucket: lake }))
    for (const purpose of ['car', 'home']) {
      await place.project.data(
        'tmp.parquet',
        `SELECT * EXCLUDE (purpose) FROM (${applications(0, 400)}) WHERE purpose = '${purpose}'`,
      )
      await client.send(
        new PutObjectCommand({
          Bucket: lake,
          Key: `loans/purpose=${purpose}/x.parquet`,
          Body: readFileSync(at('tmp.parquet')),
        }),
      )
    }
    const record = await published(
      ...scoreArgs(
        '--from',
        `s3://${lake}/loans/`,
        '--to',
        `s3://${lake}/scored/`,
        '--partition-by',
        'purpose',
        '--keep',
        'id,purpose',
      ),
    )
    expect(record.rows).toEqual({ read: 200, scored: 200, quarantined: 0 })
    const { parts, inputs } = await manifestOf(record)
    expect(parts.map(({ path }) => path.split('/')[0])).toEqual(['purpose=car', 'purpose=home'])
    expect(inputs.map(({ uri }) => uri)).toEqual([
      `s3://${lake}/loans/purpose=car/x.parquet`,
      `s3://${lake}/loans/purpose=home/x.parquet`,
    ])
    const verified = await place.run('verify', record.batch, '--json')
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
    const files = await Promise.all(parts.map(({ digest }) => localFile(place.store.store, digest)))
    expect(
      await query(`SELECT count(*) AS rows FROM read_parquet([${files.map((file) => `'${file}'`).join(', ')}])`),
    ).toEqual([{ rows: 200 }])
    expectUserError(await batch(...scoreArgs('--from', 's3://nowhere/', '--to', 'out/nowhere')), 10, 'SOURCE_MISSING')
  })

  it('is not scored from a file that changed in S3 since it was found', async () => {
    const { client } = place.store.store
    const put = (text: string) => client.send(new PutObjectCommand({ Bucket: lake, Key: 'moving.csv', Body: text }))
    await put('id\n1\n')
    const options = { root: undefined, confined: true, scratch: place.project.root }
    const [file] = await findInputs(place.store.store, `s3://${lake}/moving.csv`, options)
    await put('id\n2\n')
    await expect(fetchInput(place.store.store, file as BatchFile)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  it('reads an address', async () => {
    const server = createServer((request, response) => {
      if (request.url !== '/a.csv') response.statusCode = 404
      response.end('id,day,income,age,purpose\n1,2024-01-01,30000,40,car\n')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      expect((await published(...scoreArgs('--from', `${address}/a.csv`, '--to', 'scored/http'))).rows.scored).toBe(1)
      expectUserError(
        await batch(...scoreArgs('--from', `${address}/b.csv`, '--to', 'scored/no')),
        10,
        'SOURCE_MISSING',
      )
    } finally {
      server.close()
    }
  })

  it('refuses to part the output by what is none of its columns', async () => {
    const args = scoreArgs('--from', 'files/a.parquet', '--to', 'scored/x', '--partition-by', 'city')
    expect(expectUserError(await batch(...args), 10, 'COLUMN_MISSING')).toContain('"city"')
  })

  it('takes an older version by its number', async () => {
    const record = await published(
      ...scoreArgs('--model', 'loans@1', '--from', 'files/a.parquet', '--to', 'scored/old'),
    )
    expect(record.model.version).toBe(1)
  })

  it('takes unseen categories for missing ones', async () => {
    writeFileSync(at('files/b.csv.gz'), gzipSync('id,day,income,age,purpose\n1,2024-01-01,30000,40,car\n'))
    expect((await published(...scoreArgs('--from', 'files/b.csv.gz', '--to', 'scored/b'))).rows.scored).toBe(1)
    rmSync(at('files'), { recursive: true })
  })
})

describe('killed at up to twenty moments', () => {
  it('two workers and the Temporal server leave the same table as undisturbed ones', async () => {
    const files = 24
    for (let i = 0; i < files; i++)
      await place.project.data(`in/2024-06-01/${String(i).padStart(2, '0')}.parquet`, applications(i * 20_000, 20_000))
    const workers = [place.worker, place.addWorker()]
    const storm = place.begin('batch', 'loans', 'nightly', '--date', '2024-06-01', '--json')
    let ended = false
    void storm.result.then(() => {
      ended = true
    })
    let random = 12_345
    const next = (below: number): number => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      return random % below
    }
    let kills = 0
    while (!ended && kills < 20) {
      await new Promise((resolve) => setTimeout(resolve, 150 + next(450)))
      const victim = kills % 7 === 6 ? 2 : next(2)
      if (victim < 2) workers[victim]?.kill()
      else {
        await place.killTemporal()
        await place.startTemporal()
      }
      kills++
    }
    const result = await storm.result
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const disturbed = JSON.parse(result.stdout) as BatchRecord
    console.error(`killed ${kills} times`)
    expect(kills).toBeGreaterThan(3)
    expect(disturbed).toMatchObject({ generation: 1, rows: { read: 480_000, scored: 480_000, quarantined: 0 } })
    // The same rows under a name of their own, with nobody killed and nothing to be found from before: other columns are kept.
    const calm = await published('score', 'loans', '--from', 'in/2024-06-01/*.parquet', '--to', 'calm', '--keep', 'id')
    expect(calm.cachedShards).toBe(0)
    const [difference] = await query(`
      WITH a AS (SELECT id, prediction FROM '${at('out/2024-06-01')}/*.parquet'), b AS (SELECT id, prediction FROM '${at('calm')}/*.parquet')
      SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b)) AS more, (SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)) AS less, (SELECT count(*) FROM a) AS rows`)
    expect(difference).toEqual({ more: 0, less: 0, rows: 480_000 })
    const verified = await place.run('verify', 'loans/nightly/2024-06-01', '--json')
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
  })
})
