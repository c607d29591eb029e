import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getBundle } from '../../lib/store/objects.ts'
import { type CliResult, expectUserError } from '../support/cli.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A run reads its sources where it is started, wherever they are: what it makes of the same bytes is the same.
 */
let place: Place
let server: Server
const days = ['2024-02-27', '2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02']
const at = (path: string): string => `${place.project.root}/${path}`
const dayFile = (day: string): Buffer => readFileSync(at(`data/${day}/x.parquet`))
const putObject = (key: string, body: Buffer) =>
  place.store.store.client.send(new PutObjectCommand({ Bucket: place.store.store.bucket, Key: key, Body: body }))

beforeAll(async () => {
  place = await openPlace()
  for (const [i, day] of days.entries())
    await place.project.data(
      `data/${day}/x.parquet`,
      `SELECT * FROM (${loansSql(4_000)}) WHERE id >= ${i * 800} AND id < ${(i + 1) * 800}`,
    )
  for (const day of days.slice(0, 4)) await putObject(`lake/${day}/x.parquet`, dayFile(day))
  server = createServer((request, response) => {
    const day = request.url?.slice(1, 11) ?? ''
    if (days.includes(day)) response.writeHead(200, { etag: `"${day}"` }).end(dayFile(day))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  server?.closeAllConnections()
  server?.close()
  await place?.close()
})

interface RunDocument {
  readonly status: string
  readonly steps: { name: string; cached: boolean; outputs: { name: string; digest: string }[] }[]
}

const define = (from: string, last?: string): void =>
  writeLoans(place.project, {
    from: last === undefined ? from : `${from}', last: '${last}`,
    must: '[size.atMost(1e6)]',
  })

async function run(...args: string[]): Promise<RunDocument> {
  const result = await place.run('run', 'loans', '--wait', '--json', ...args)
  expect(result.code, result.stderr).toBe(0)
  return JSON.parse(result.stdout)
}

/** What the files of a run's snapshot are called. */
async function filesOf({ steps }: RunDocument): Promise<(string | undefined)[]> {
  const digest = steps[0]?.outputs.find(({ name }) => name === 'table')?.digest ?? ''
  const { facts } = await getBundle(place.store.store, digest, 'snapshot')
  return (facts.files as { name?: string }[]).map(({ name }) => name)
}

const reused = ({ steps }: RunDocument): boolean[] => steps.map(({ cached }) => cached)

describe('a run', () => {
  let first: RunDocument

  it('reads the last days of a prefix in S3, and its snapshot says which files these were', async () => {
    const lake = `s3://${place.store.store.bucket}/lake`
    define(`${lake}/{date}/x.parquet`, '3d')
    const planned = await place.run('plan', 'loans')
    expectUserError(planned, 10, 'SOURCE_MISSING')
    first = await run('--as-of', '2024-03-01')
    expect(first.status).toBe('succeeded')
    expect(await filesOf(first)).toEqual(days.slice(1, 4).map((day) => `${lake}/${day}/x.parquet`))
  })

  it('makes nothing anew of the same bytes in the project, or behind an address', async () => {
    const { port } = server.address() as AddressInfo
    for (const from of ['data', `http://127.0.0.1:${port}`]) {
      define(`${from}/{date}/x.parquet`, '3d')
      expect(reused(await run('--as-of', '2024-03-01')), from).not.toContain(false)
    }
  })

  it('makes it anew when the days go on', async () => {
    define('data/{date}/x.parquet', '3d')
    const next = await run('--as-of', '2024-03-02')
    expect(await filesOf(next)).toEqual(days.slice(2).map((day) => `data/${day}/x.parquet`))
    expect(reused(next)[0]).toBe(false)
  })

  it('reads what DVC tracks by its pointer, and what --from names instead', async () => {
    const bytes = dayFile('2024-02-27')
    const md5 = createHash('md5').update(bytes).digest('hex')
    place.project.write('.dvc/config', '[core]\n    remote = lake\n[\'remote "lake"\']\n')
    place.project.write('.dvc/config.local', `['remote "lake"']\n    url = s3://${place.store.store.bucket}/dvc\n`)
    place.project.write('data/loans.parquet.dvc', `outs:\n- md5: ${md5}\n  hash: md5\n  path: loans.parquet\n`)
    await putObject(`dvc/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`, bytes)
    define('data/loans.parquet.dvc')
    const tracked = await run()
    expect(await filesOf(tracked)).toEqual(['data/loans.parquet'])
    const address = `s3://${place.store.store.bucket}/lake/2024-02-27/x.parquet`
    expect(reused(await run('--from', address))).not.toContain(false)
  })

  it('is forecast without reading files of elsewhere twice: those that were never read are said to be', async () => {
    const planOf = async (): Promise<string> => {
      const result: CliResult = await place.run('plan', 'loans')
      expect(result.code, result.stderr).toBe(0)
      return result.stdout
    }
    await putObject('lake/new/a.parquet', dayFile('2024-02-27'))
    await putObject('lake/new/b.parquet', dayFile('2024-02-28'))
    define(`s3://${place.store.store.bucket}/lake/new/*.parquet`)
    const before = await planOf()
    expect(before).toContain('some of its files have never been read')
    expect(before).toContain('the first 256 rows were read')
    await run()
    expect(await planOf()).toMatch(/loans\s+be reused/)
  })

  it('of a source that is not there, or that nobody reads, is a mistake of the user', async () => {
    const fail = async (from: string): Promise<CliResult> => {
      define(from)
      return place.run('run', 'loans', '--wait')
    }
    const { bucket } = place.store.store
    expectUserError(await fail(`s3://${bucket}/nothing/*.parquet`), 10, 'SOURCE_MISSING')
    expectUserError(await fail('s3://no-such-bucket/x/*.parquet'), 10, 'SOURCE_MISSING')
    const { port } = server.address() as AddressInfo
    expectUserError(await fail(`http://127.0.0.1:${port}/none.parquet`), 10, 'SOURCE_MISSING')
    expect(expectUserError(await fail('gs://lake/x.parquet'), 2, 'DEFINITION_INVALID')).toContain('gs://')
    const secret = await fail(`https://me:hunter2@host/x.parquet`)
    expectUserError(secret, 2, 'DEFINITION_INVALID')
    expect(secret.stdout + secret.stderr).not.toContain('hunter2')
    await putObject('lake/empty.parquet', Buffer.alloc(0))
    expectUserError(await fail(`s3://${bucket}/lake/empty.parquet`), 10, 'SOURCE_EMPTY')
  })
})
