import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { type Document, deleteDocument, readDocument, writeDocument } from './documents.ts'
import type { Store } from './store.ts'

/** Says who does some work, and that it still goes on: `beat` moves every second. */
const Lease = z.object({ holder: z.string(), beat: z.int() })
type Held = Document<z.infer<typeof Lease>>

const leaseKey = (work: string): string => `leases/${work}.json`
/** Between two beats, and between two looks of who waits. Milliseconds. */
const beatMs = 1_000
const lookMs = 250
/** A lease whose beat has not moved for this long on the clock of who waits is nobody's. */
const deadMs = 5_000

interface Wanted<T> {
  /** Names the work. */
  readonly work: string
  /** Who asks. A lease of the same holder, from an attempt that was cut off, is taken over at once. */
  readonly holder: string
  /** What the work made, once it is there. */
  result(): Promise<T | undefined>
  /** Hears who has the lease while we wait. */
  onWait(holder: string): void
  readonly signal: AbortSignal
}

/**
 * Takes the lease of a piece of work, or waits while somebody else has it: its result is waited for instead of made
 * twice. Nothing rests on it: whoever is taken for dead and is not does the work a second time, and one of two equal
 * records wins.
 * @returns the result, or what gives the lease back
 */
export async function leaseOrResult<T>(
  store: Store,
  { work, holder, result, onWait, signal }: Wanted<T>,
): Promise<{ readonly result: T } | { release(): Promise<void> }> {
  const key = leaseKey(work)
  let seen: { readonly etag: string; readonly since: number } | undefined
  for (;;) {
    // Looked at before it is taken: of writers that meet, SeaweedFS lets the losers wait for a second now and then.
    const held = await readDocument(store, key, Lease).catch(nobodys)
    if (held === 'broken') return { release: async () => {} }
    if (held?.etag !== seen?.etag) seen = held && { etag: held.etag, since: performance.now() }
    const who = held?.value.holder
    const isDead = seen !== undefined && performance.now() - seen.since > deadMs
    if (who === undefined || who === holder || isDead) {
      const beat = nextBeat(held)
      if (await writeDocument(store, key, { holder, beat }, held?.etag)) {
        const release = keepAlive(store, key, holder, beat)
        // Whoever had it may have just given it back.
        const made = await result()
        if (made === undefined) return { release }
        await release()
        return { result: made }
      }
    } else {
      onWait(who)
      await sleep(lookMs, undefined, { signal })
    }
    const made = await result()
    if (made !== undefined) return { result: made }
  }
}

/** A lease that cannot be read keeps nobody from the work. */
function nobodys(error: unknown): 'broken' {
  if (error instanceof SlipwayError && error.retryable) throw error
  return 'broken'
}

const nextBeat = (held: Held | undefined): number => (held?.value.beat ?? 0) + 1

/** Moves the beat until the lease is given back or somebody took it. */
function keepAlive(store: Store, key: string, holder: string, first: number): () => Promise<void> {
  let beat = first
  let isOurs = true
  let beating = Promise.resolve()
  const move = async (): Promise<void> => {
    const held = await readDocument(store, key, Lease)
    isOurs = held?.value.holder === holder
    if (isOurs) isOurs = await writeDocument(store, key, { holder, beat: ++beat }, held?.etag)
  }
  const timer = setInterval(() => {
    // A store that is away for a while costs a beat; the work goes on.
    beating = beating.then(() => (isOurs ? move() : undefined)).catch(() => {})
  }, beatMs)
  return async () => {
    clearInterval(timer)
    await beating
    if (isOurs) await deleteDocument(store, key).catch(() => {})
  }
}
