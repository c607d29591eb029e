import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { CancelledFailure } from '@temporalio/activity'
import { MockActivityEnvironment } from '@temporalio/testing'
import { describe, expect, it } from 'vitest'
import { runActivity, runIdempotent } from '../../activities/step.ts'

/** A promise and what ends it. */
function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open: (value) => open(value) }
}

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
    // A store that takes everything and in which nothing is found: the work begins.
    const missing = Object.assign(new Error('no such key'), { name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } })
    const send = async (command: unknown): Promise<object> => {
      if (command instanceof GetObjectCommand) throw missing
      return {}
    }
    const store = { bucket: 'b', client: { send } }
    const material = { step: 'train', version: 1, code: {}, host: {}, inputs: {}, params: {} }
    const result = environment.run(() =>
      runActivity('train', (context, progress) =>
        runIdempotent(
          { store, scratch } as never,
          { run: 'r', material } as never,
          context,
          progress,
          async ({ folder }) => {
            begun.open(folder)
            await release.opened
            throw new Error('the work ends, if with an error')
          },
        ).finally(() => ended.open()),
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
