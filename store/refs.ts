import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { SlipwayError } from '../pipelines/errors.ts'
import { digestOfJson } from './digest.ts'
import { publishOnce, readDocument, writeDocument } from './documents.ts'
import type { Store } from './store.ts'

export const Ref = z.object({
  /** Counts the changes, from 1. */
  generation: z.int().positive(),
  /** Digest of the document it replaced. */
  previous: z.string().nullable(),
  /** Who changed it last and why, in words. */
  reason: z.string(),
  value: z.json(),
})
export type Ref = z.infer<typeof Ref>

export const refKey = (name: string): string => `refs/${name}.json`
const logKey = (name: string, generation: number): string => `log/${name}/${String(generation).padStart(10, '0')}.json`

/** A mutable name over immutable things, as it stands now. */
export async function readRef(store: Store, name: string): Promise<Ref | undefined> {
  const document = await readDocument(store, refKey(name))
  return document === undefined ? undefined : Ref.parse(document.value)
}

/**
 * Changes a ref by compare-and-swap: `change` gets the current value (undefined at first) and returns the next one, or
 * the same object to leave it. Every generation also lands in an append-only log, the ref's history.
 * @throws SlipwayError REF_CONFLICT when other writers keep winning: refs have one owner, so look for a second one.
 */
export async function updateRef<T>(
  store: Store,
  name: string,
  reason: string,
  change: (value: T | undefined) => T,
): Promise<T> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const document = await readDocument(store, refKey(name))
    const current = document === undefined ? undefined : Ref.parse(document.value)
    // A writer that died between the ref and its log entry left the entry to us.
    if (current !== undefined) await writeDocument(store, logKey(name, current.generation), current, undefined)
    const before = current?.value as T | undefined
    const value = change(before)
    if (value === before) return value
    const next: Ref = {
      generation: (current?.generation ?? 0) + 1,
      previous: current === undefined ? null : digestOfJson(current),
      reason,
      value: value as Ref['value'],
    }
    // After a time-out the SDK's own retry may meet our own write: then the next round finds the value in place.
    if (await writeDocument(store, refKey(name), next, document?.etag)) {
      await publishOnce(store, logKey(name, next.generation), next)
      return value
    }
    await sleep(20 * 2 ** attempt)
  }
  throw new SlipwayError('REF_CONFLICT', `somebody else keeps changing ${refKey(name)}`, {
    next: 'make sure one Temporal namespace owns this bucket',
  })
}

/** One generation of a ref from its log. */
export async function readRefLog(store: Store, name: string, generation: number): Promise<Ref | undefined> {
  const document = await readDocument(store, logKey(name, generation))
  return document === undefined ? undefined : Ref.parse(document.value)
}
