import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { CreateBucketCommand, DeleteBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { BatchFile, BatchRecord } from '../../lib/formats/batch-records.ts'
import { fetchInput, findInputs } from '../../lib/sources/inputs.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { deleteDocument, listKeys } from '../../lib/store/documents.ts'
import { localFile } from '../../lib/store/objects.ts'
import { applications, type BatchPlace, openBatchPlace, query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'

/*
 * Batches of any files, and batches whose workers and servers are killed.
 */
let place: BatchPlace

beforeAll(async () => {
  place = await openBatchPlace()
})
afterAll(() => place?.close())

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
        await connection.run(`COPY (${applications(0, 300)}) TO '${place.at(`files/${name}`)}' (${options})`)
    })
    const answers: unknown[] = []
    for (const file of ['a.parquet', 'a.csv', 'a.csv.gz', 'a.ndjson', 'a.ndjson.zst']) {
      const record = await place.published(...scoreArgs('--from', `files/${file}`, '--to', `scored/${file}`))
      expect(record.rows.scored).toBe(300)
      answers.push(await query(`SELECT id, prediction FROM '${place.at(`scored/${file}`)}/*.parquet' ORDER BY id`))
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await place.published(...scoreArgs('--from', 'files/a.csv', '--to', 'scored/csv', '--write', 'csv', '--keep', 'id'))
    const csv = await query(`SELECT id, prediction FROM read_csv('${place.at('scored/csv')}/*.csv') ORDER BY id`)
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
          Body: readFileSync(place.at('tmp.parquet')),
        }),
      )
    }
    const record = await place.published(
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
    const { parts, inputs } = await place.manifestOf(record)
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
    expectUserError(
      await place.batch(...scoreArgs('--from', 's3://nowhere/', '--to', 'out/nowhere')),
      10,
      'SOURCE_MISSING',
    )
  })

  it('is not scored from a file that changed in S3 since it was found', async () => {
    const { client } = place.store.store
    const put = (text: string) => client.send(new PutObjectCommand({ Bucket: lake, Key: 'moving.csv', Body: text }))
    await put('id\n1\n')
    const sources = openSources(place.store.store, { root: undefined, confined: true })
    const [file] = await findInputs(place.store.store, sources, `s3://${lake}/moving.csv`)
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
      expect(
        (await place.published(...scoreArgs('--from', `${address}/a.csv`, '--to', 'scored/http'))).rows.scored,
      ).toBe(1)
      expectUserError(
        await place.batch(...scoreArgs('--from', `${address}/b.csv`, '--to', 'scored/no')),
        10,
        'SOURCE_MISSING',
      )
    } finally {
      server.close()
    }
  })

  it('refuses to part the output by what is none of its columns', async () => {
    const args = scoreArgs('--from', 'files/a.parquet', '--to', 'scored/x', '--partition-by', 'city')
    expect(expectUserError(await place.batch(...args), 10, 'COLUMN_MISSING')).toContain('"city"')
  })

  it('takes unseen categories for missing ones', async () => {
    writeFileSync(place.at('files/b.csv.gz'), gzipSync('id,day,income,age,purpose\n1,2024-01-01,30000,40,car\n'))
    expect((await place.published(...scoreArgs('--from', 'files/b.csv.gz', '--to', 'scored/b'))).rows.scored).toBe(1)
    rmSync(place.at('files'), { recursive: true })
  })
})

describe('killed at up to twenty moments', () => {
  it('two workers and the Temporal server leave the same manifest as undisturbed ones', async () => {
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
    const verified = await place.run('verify', 'loans/nightly/2024-06-01', '--json')
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
    // Once more with nobody killed, as if nothing had been scored yet: no record of a shard, of the batch, no output.
    const { store } = place.store
    for (const prefix of ['steps/', 'batches/loans/nightly/2024-06-01/'])
      for (const key of await listKeys(store, prefix, Number.POSITIVE_INFINITY)) await deleteDocument(store, key)
    rmSync(place.at('out/2024-06-01'), { recursive: true })
    const calm = await place.published('loans', 'nightly', '--date', '2024-06-01')
    expect(calm).toMatchObject({ cached: false, cachedShards: 0, generation: 1 })
    expect(calm.manifest.digest).toBe(disturbed.manifest.digest)
  })
})
