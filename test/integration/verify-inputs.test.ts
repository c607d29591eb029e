import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../lib/formats/plan.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { blobKey, getBundle } from '../../lib/store/objects.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { openPlace, type Place } from '../support/place.ts'
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * What a version is made again from has to be in the store and whole, wherever it came from; what is not is named.
 */
let place: Place
let postgres: TestPostgres | undefined
let missing = ''

beforeAll(async () => {
  const credentials = { PGPASSWORD: 'none is asked for', PGSSLMODE: 'disable' }
  Object.assign(process.env, credentials)
  place = await openPlace(credentials)
  postgres = await startPostgres().catch((error: Error) => {
    missing = `PostgreSQL cannot be had: ${error.message.split('\n')[0]}`
    return undefined
  })
  writeLoans(place.project)
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(async () => {
  await postgres?.stop()
  await place?.close()
})

const run = async (...args: string[]): Promise<RunRecord> => {
  const { code, stdout, stderr } = await place.run('run', 'loans', ...args, '--wait', '--json')
  expect(code, stderr + stdout).toBe(0)
  return JSON.parse(stdout)
}

/** Takes an object away or changes it. @returns what puts it back */
async function damage(digest: string, to?: string): Promise<() => Promise<void>> {
  const { client, bucket } = place.store.store
  const object = { Bucket: bucket, Key: blobKey(digest) }
  const { Body, ContentType, Metadata } = await client.send(new GetObjectCommand(object))
  const was = (await Body?.transformToByteArray()) as Uint8Array
  if (to === undefined) await client.send(new DeleteObjectCommand(object))
  else await client.send(new PutObjectCommand({ ...object, ContentType, Metadata, Body: to }))
  return async () => void (await client.send(new PutObjectCommand({ ...object, ContentType, Metadata, Body: was })))
}

describe('a version whose rows came from PostgreSQL', () => {
  it('is made again when the server is gone, elsewhere, without a record of a step', async (context) => {
    if (postgres === undefined) return context.skip(missing)
    await postgres.sql(
      'CREATE TABLE loans (id int PRIMARY KEY, day timestamp, income float8, age int, purpose text, defaulted int)',
    )
    await postgres.sql(`INSERT INTO loans SELECT i, timestamp '2024-01-01' + i * interval '1 hour', 20000 + (i * 7919::bigint) % 60000,
      18 + (i * 104729::bigint) % 60, (ARRAY['car', 'home', 'travel', 'tools'])[1 + (i * 31) % 4],
      CASE WHEN (i * 7919::bigint) % 60000 < 20000 + (i * 48271::bigint) % 20000 THEN 1 ELSE 0 END FROM generate_series(0, 3999) i`)
    writeLoans(place.project, { from: postgres.address('table=loans'), must: '[auc.atLeast(0.6)]' })
    const { model } = await run()
    await postgres.stop()
    await forgetSteps(place)
    const { code, stdout, stderr } = await elsewhere(place, 'verify', `loans@${model?.version}`)
    expect([code, stdout], stderr).toEqual([0, `identical ${model?.digest}\n`])
    expect(stderr).toMatch(/✓ loans +identical/)
  })
})

describe('a version of which the store has lost something', () => {
  let record: RunRecord
  let plan: Plan
  const verify = async (...args: string[]) => {
    await forgetSteps(place)
    const { code, stdout, stderr } = await elsewhere(place, 'verify', ...args)
    return { code, stdout, stderr }
  }

  beforeAll(async () => {
    writeLoans(place.project)
    record = await run()
    plan = JSON.parse((await place.run('export', record.runId)).stdout)
  })

  it.each([
    [
      'the bytes of its source',
      async () => {
        const table = record.steps[0]?.outputs.find(({ name }) => name === 'table')?.digest as string
        const { files } = await getBundle(place.store.store, table, 'table', 'snapshot')
        return Object.values(files)[0]?.digest as string
      },
    ],
    [
      'the code of its features',
      async () => {
        const train = plan.steps.find(({ kind }) => kind === 'train') as { features: { digest: string } }
        return train.features.digest
      },
    ],
    ['its plan', async () => record.plan.digest],
  ] as [string, () => Promise<string>][])('says what is gone or broken, and ends with 16: %s', async (_, find) => {
    const digest = await find()
    for (const to of [undefined, 'something else']) {
      const restore = await damage(digest, to)
      const { code, stdout, stderr } = await verify(`loans@${record.model?.version}`)
      await restore()
      expect({ code, stdout, stderr }).toMatchObject({ code: 16, stdout: '' })
      expect(stderr).toContain(digest.slice(7, 19))
      expect(stderr).not.toMatch(/\n\s+at /)
    }
  })

  it('comes out identical where only what it made is lost, the package itself too', async () => {
    const restore = await damage(record.model?.digest as string)
    const { code, stdout, stderr } = await verify(`loans@${record.model?.version}`)
    await restore()
    expect([code, stdout], stderr).toEqual([0, `identical ${record.model?.digest}\n`])
  })

  it('is told among all others, which are verified', async () => {
    const train = plan.steps.find(({ kind }) => kind === 'train') as { features: { digest: string } }
    writeLoans(place.project, {
      must: '[auc.atLeast(0.6)]',
      features:
        'export function features({ income, age }: { income: Float64Array; age: Float64Array }) { return { income, age } }\n',
    })
    const other = await run()
    const restore = await damage(train.features.digest)
    const { code, stdout } = await verify('loans', '--all', '--json')
    await restore()
    const document = JSON.parse(stdout)
    expect([code, document.passed, document.exitCode]).toEqual([16, false, 16])
    const outcomes = document.models.map(({ version, outcome }: { version: number; outcome: string }) => [
      version,
      outcome,
    ])
    expect(outcomes).toContainEqual([record.model?.version, 'not verified'])
    expect(outcomes).toContainEqual([other.model?.version, 'identical'])
  })
})
