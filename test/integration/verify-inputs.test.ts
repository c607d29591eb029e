import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../lib/formats/plan.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { blobKey, getBundle } from '../../lib/store/objects.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * What a version is made again from has to be in the store and whole, wherever it came from; what is not is named.
 */
let place: Place

beforeAll(async () => {
  place = await openPlace()
  writeLoans(place.project)
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(async () => {
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
