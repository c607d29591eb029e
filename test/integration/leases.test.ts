import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readDocument, writeDocument } from '../../lib/store/documents.ts'
import { leaseOrResult } from '../../lib/store/leases.ts'
import { startTestStore, type TestStore } from '../support/servers.ts'

let server: TestStore
beforeAll(async () => {
  server = await startTestStore()
})
afterAll(() => server.stop())

const never = new AbortController().signal

/** Some work as activities do it: under a lease, with a record that is there afterwards. */
function piece(work: string) {
  const done: string[] = []
  const waited = new Set<string>()
  let made: string | undefined
  const doIt = async (holder: string, during: () => Promise<unknown> = async () => {}, signal = never) => {
    const lease = await leaseOrResult(server.store, {
      work,
      holder,
      result: async () => made,
      onWait: (other) => waited.add(`${holder} for ${other}`),
      signal,
    })
    if ('result' in lease) return lease.result
    try {
      await during()
      done.push(holder)
      made = `made by ${holder}`
      return made
    } finally {
      await lease.release()
    }
  }
  return { doIt, done, waited, lease: () => readDocument(server.store, `leases/${work}.json`, z.unknown()) }
}

describe('a lease on a piece of work', () => {
  it('lets one of several do it, and gives the others what it made', async () => {
    const { doIt, done, waited, lease } = piece('shared')
    const untilOthersWait = async (): Promise<void> => {
      while (waited.size < 2) await sleep(20)
    }
    const results = await Promise.all(['a', 'b', 'c'].map((who) => doIt(who, untilOthersWait)))
    expect(done).toHaveLength(1)
    expect(new Set(results)).toEqual(new Set([`made by ${done[0]}`]))
    expect(waited.size).toBe(2)
    expect(await lease()).toBeUndefined()
  })

  it('is lost with who held it: another one goes on', async () => {
    const { doIt, done } = piece('killed')
    // What a killed process leaves behind.
    await writeDocument(server.store, 'leases/killed.json', { holder: 'killed', beat: 12 }, undefined)
    expect(await doIt('b')).toBe('made by b')
    expect(done).toEqual(['b'])
  })

  it('is kept by who is slow but alive', async () => {
    const { doIt, done } = piece('slow')
    const [slow, other] = await Promise.all([doIt('slow', () => sleep(8_000)), sleep(300).then(() => doIt('other'))])
    expect([slow, other, done]).toEqual(['made by slow', 'made by slow', ['slow']])
  })

  it('is given back by work that fails, and the next one does it', async () => {
    const { doIt } = piece('failing')
    const fails = doIt('a', async () => {
      await sleep(500)
      throw new Error('no')
    })
    const other = sleep(100).then(() => doIt('b'))
    await expect(fails).rejects.toThrow('no')
    expect(await other).toBe('made by b')
  })

  it('is taken over at once by a new attempt of the same holder, and waiting for it can be cancelled', async () => {
    const { doIt, waited } = piece('retried')
    await writeDocument(server.store, 'leases/retried.json', { holder: 'a', beat: 3 }, undefined)
    const cancel = new AbortController()
    const waiting = doIt('b', async () => {}, cancel.signal)
    while (waited.size === 0) await sleep(20)
    cancel.abort()
    await expect(waiting).rejects.toThrow(/abort/i)
    expect(await doIt('a')).toBe('made by a')
  })
})
