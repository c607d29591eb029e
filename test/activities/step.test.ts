import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { CancelledFailure } from '@temporalio/activity'
import { ServiceError } from '@temporalio/client'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { describe, expect, it } from 'vitest'
import { runActivity, runIdempotent } from '../../activities/step.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { digestOf, hexOf } from '../../lib/store/digest.ts'
import { putBytes } from '../../lib/store/objects.ts'
import { stepKeyOf } from '../../lib/store/steps.ts'

/** A promise and what ends it. */
function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open: (value) => open(value) }
}

/** A store that takes everything and in which nothing is found, and what it is asked. */
function emptyStore() {
  const missing = Object.assign(new Error('no such key'), { name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } })
  const asked: string[] = []
  const send = async (command: { readonly input: { readonly Key?: string } }): Promise<object> => {
    asked.push(`${command.constructor.name.replace('ObjectCommand', '')} ${command.input.Key}`)
    if (command instanceof GetObjectCommand) throw missing
    return {}
  }
  return { store: { bucket: 'b', client: { send } } as never, asked }
}

describe('what a step asks the store', () => {
  const [input, output] = [digestOf('input'), digestOf('output')]
  const blob = `blobs/sha256/${hexOf(output).slice(0, 2)}/${hexOf(output)}`

  /** The requests of a step that stores one artifact, and the scratch folders it had then. */
  async function requestsOf(kind: string) {
    const { store, asked } = emptyStore()
    const scratch = mkdtempSync(join(tmpdir(), 'slipway-test-'))
    const material = { step: kind, version: 1, code: {}, host: {}, inputs: { table: input }, params: {} }
    const folders: string[] = []
    await new MockActivityEnvironment().run(() =>
      runActivity(kind, (context, progress) =>
        runIdempotent({ store, scratch } as never, { run: 'r', material }, context, progress, async () => {
          const stored = await putBytes(store, 'output', 'text/plain')
          folders.push(...readdirSync(scratch))
          return { outputs: [{ name: 'made', ...stored }], facts: {} }
        }),
      ),
    )
    return { asked, folders, key: stepKeyOf(material) }
  }

  it('is five times: its record, artifact, traces of lineage, and last of all the record', async () => {
    const { asked, folders, key } = await requestsOf('split')
    expect(asked).toEqual([
      `Get steps/${key}.json`,
      `Put ${blob}`,
      `Put lineage/${hexOf(input)}/read-by-${key}.json`,
      `Put lineage/${hexOf(output)}/made-by-${key}.json`,
      `Put steps/${key}.json`,
    ])
    expect(folders).toEqual([])
  })

  it('is nine times with a lease, which is given back after the record', async () => {
    const { asked, key } = await requestsOf('step')
    expect(asked).toEqual([
      `Get steps/${key}.json`,
      `Get leases/${key}.json`,
      `Put leases/${key}.json`,
      `Get steps/${key}.json`,
      `Put ${blob}`,
      `Put lineage/${hexOf(input)}/read-by-${key}.json`,
      `Put lineage/${hexOf(output)}/made-by-${key}.json`,
      `Put steps/${key}.json`,
      `Delete leases/${key}.json`,
    ])
  })
})

describe('a step that is cancelled', () => {
  it('ends at once though its work does not listen; the work ends by itself', async () => {
    const environment = new MockActivityEnvironment()
    const [begun, release] = [gate(), gate()]
    let hasEnded = false
    const result = environment.run(() =>
      runActivity('train', async () => {
        begun.open()
        await release.opened
        hasEnded = true
      }),
    )
    await begun.opened
    environment.cancel()
    await expect(result).rejects.toBeInstanceOf(CancelledFailure)
    expect(hasEnded).toBe(false)
    release.open()
    await release.opened
    expect(hasEnded).toBe(true)
  })

  it('has its scratch folder removed when the work ends', async () => {
    const environment = new MockActivityEnvironment()
    const scratch = mkdtempSync(join(tmpdir(), 'slipway-test-'))
    const [begun, release, ended] = [gate<string>(), gate(), gate()]
    const { store } = emptyStore()
    const material = { step: 'train', version: 1, code: {}, host: {}, inputs: {}, params: {} }
    const result = environment.run(() =>
      runActivity('train', (context, progress) =>
        runIdempotent({ store, scratch } as never, { run: 'r', material }, context, progress, async ({ folder }) => {
          begun.open(folder)
          await release.opened
          throw new Error('the work ends, if with an error')
        }).finally(() => ended.open()),
      ),
    )
    const folder = await begun.opened
    environment.cancel()
    await expect(result).rejects.toBeInstanceOf(CancelledFailure)
    expect(existsSync(folder)).toBe(true)
    release.open()
    await ended.opened
    expect(existsSync(folder)).toBe(false)
  })
})

describe('an attempt that fails', () => {
  /** What Temporal is told of it. */
  const told = (error: unknown, attempt = 1) =>
    new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR', () => {}) })
      .run(() =>
        runActivity('train', async () => {
          throw error
        }),
      )
      .catch((failure) => failure)
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

  it('on a machine that is full is tried again for as long as it takes, whatever it was taken for', async () => {
    for (const error of [full, new SlipwayError('TABLE_FAILED', full.message)])
      for (const attempt of [1, 1_000])
        expect(await told(error, attempt)).toMatchObject({ type: 'DISK_FULL', nonRetryable: false })
    const memory = new Error('Out of Memory Error: failed to allocate data')
    expect(await told(memory)).toMatchObject({ type: 'OUT_OF_MEMORY', nonRetryable: false })
    expect(await told(memory, 1_000)).toMatchObject({ type: 'OUT_OF_MEMORY', nonRetryable: true })
  })

  it('for Temporal did not answer is tried again for as long as it takes', async () => {
    for (const code of [4, 8, 14]) {
      const error = new ServiceError('Failed', { cause: Object.assign(new Error('no'), { code, details: 'gone' }) })
      expect(await told(error, 1_000)).toMatchObject({ type: 'TEMPORAL_UNREACHABLE', nonRetryable: false })
    }
  })

  it('for what nobody foresaw is tried a few times', async () => {
    expect(await told(new Error('what?'))).toMatchObject({ type: 'INTERNAL', nonRetryable: false })
    expect(await told(new Error('what?'), 1_000)).toMatchObject({ type: 'INTERNAL', nonRetryable: true })
  })
})
