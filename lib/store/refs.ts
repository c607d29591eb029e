import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import { brokenError, isBroken, passOver, shapeProblem } from './broken.ts'
import { digestOfJson } from './digest.ts'
import { listKeys, publishOnce, readDocument, repairDocument, writeDocument } from './documents.ts'
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

/**
 * A mutable name over immutable things, as it stands now.
 * @throws SlipwayError DOCUMENT_BROKEN naming the last good generation of its log: nobody goes back to that by himself
 */
export async function readRef<T>(
  store: Store,
  name: string,
  schema: z.ZodType<T>,
): Promise<(Ref & { readonly value: T }) | undefined> {
  const found = await findRef(store, name, schema)
  return found === undefined ? undefined : { ...found.ref, value: found.value as Ref['value'] & T }
}

/** A ref as it is stored, its value as what it is meant to be, and its ETag. */
async function findRef<T>(
  store: Store,
  name: string,
  schema: z.ZodType<T>,
): Promise<{ ref: Ref; value: T; etag: string } | undefined> {
  const key = refKey(name)
  try {
    const document = await readDocument(store, key, Ref)
    if (document === undefined) return undefined
    const { value: ref, etag } = document
    await requireNewest(store, name, ref)
    const value = schema.safeParse(ref.value)
    if (!value.success) throw brokenError(store, key, shapeProblem(value.error))
    return { ref, value: value.data, etag }
  } catch (error) {
    if (!isBroken(error)) throw error
    throw await withLastGood(store, name, error)
  }
}

/** What is wrong with a ref that its log is ahead of. */
const putBack = (ref: number, log: number): string =>
  `an older generation was put back: it is ${ref}, and its log has ${log}`

/**
 * Makes sure that a ref is the last of its log: an older generation, signed as it is, may have been put back. A writer
 * changes the ref first, so one that is behind its log for good was not left behind by a writer.
 * @throws SlipwayError DOCUMENT_BROKEN
 */
async function requireNewest(store: Store, name: string, { generation }: Ref): Promise<void> {
  if ((store.seals?.trusted.size ?? 0) === 0) return
  const next = async () => (await passOver(readDocument(store, logKey(name, generation + 1), Ref))) !== undefined
  if (!(await next())) return
  const again = await readDocument(store, refKey(name), Ref)
  if (again === undefined || again.value.generation > generation) return
  throw brokenError(store, refKey(name), putBack(generation, generation + 1))
}

/** Says of a broken ref how far its log goes. */
async function withLastGood(store: Store, name: string, error: SlipwayError): Promise<SlipwayError> {
  const last = await lastGood(store, name)
  const told =
    last === undefined
      ? 'its log is empty'
      : `the last good generation of its log is ${last.generation} (${last.reason})`
  return brokenError(
    store,
    refKey(name),
    `${error.facts.why}; ${told}`,
    last === undefined ? 'restore this object from a backup' : `npx slipway restore ${name}`,
  )
}

/** The newest generation in the log of a ref that can be read. */
async function lastGood(store: Store, name: string): Promise<Ref | undefined> {
  const keys = await listKeys(store, `log/${name}/`, Number.POSITIVE_INFINITY)
  for (const key of keys.sort().reverse()) {
    const document = await passOver(readDocument(store, key, Ref))
    if (document !== undefined) return document.value
  }
  return undefined
}

/**
 * Takes a broken ref, or one that is gone, back to the last good generation of its log. It gets a number that is
 * higher by two: the generation that was lost may have been one that never reached the log.
 * @param adopt the value under its new number
 * @throws SlipwayError USAGE when the ref is not broken, NOT_FOUND when it has no log
 */
export async function restoreRef(
  store: Store,
  name: string,
  by: string,
  adopt: (value: Ref['value'], generation: number) => Ref['value'] = (value) => value,
): Promise<{ from: number; generation: number; quarantined: string | null }> {
  const last = await lastGood(store, name)
  if (last === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no log of a ref "${name}" to restore it from`, {
      next: 'refs are routes/<endpoint>, models/<name>, views/<name>, monitors/<endpoint>, checks/<endpoint>, edge/<model>, batches/<owner>/<name>',
    })
  const generation = last.generation + 2
  const repaired = await repairDocument(
    store,
    refKey(name),
    Ref,
    async (why) => ({
      generation,
      previous: digestOfJson(last),
      reason: `restored from generation ${last.generation} by ${by}: ${why}`,
      value: adopt(last.value, generation),
    }),
    (ref) => (ref.generation < last.generation ? putBack(ref.generation, last.generation) : undefined),
  )
  if (repaired === undefined)
    throw new SlipwayError('USAGE', `${refKey(name)} is not broken: there is nothing to restore`)
  await publishOnce(store, logKey(name, generation), Ref, repaired.value)
  return { from: last.generation, generation, quarantined: repaired.quarantined }
}

/**
 * Changes a ref by compare-and-swap: `change` gets the current value (undefined at first) and returns the next one, or
 * the same object to leave it. Every generation also lands in an append-only log, the ref's history.
 * @throws SlipwayError REF_CONFLICT when other writers keep winning: refs have one owner, so look for a second one.
 */
export async function updateRef<T>(
  store: Store,
  name: string,
  schema: z.ZodType<T>,
  reason: string,
  change: (value: T | undefined) => T | Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const found = await findRef(store, name, schema)
    const current = found?.ref
    // A writer that died between the ref and its log entry left the entry to us.
    if (current !== undefined) await writeDocument(store, logKey(name, current.generation), current, undefined)
    const before = found?.value
    const value = await change(before)
    if (value === before) return value
    const next: Ref = {
      generation: (current?.generation ?? 0) + 1,
      previous: current === undefined ? null : digestOfJson(current),
      reason,
      value: value as Ref['value'],
    }
    // After a time-out the SDK's own retry may meet our own write: then the next round finds the value in place.
    if (await writeDocument(store, refKey(name), next, found?.etag)) {
      await publishOnce(store, logKey(name, next.generation), Ref, next)
      return value
    }
    await sleep(20 * 2 ** attempt)
  }
  throw new SlipwayError('REF_CONFLICT', `somebody else keeps changing ${refKey(name)}`, {
    next: 'make sure one Temporal namespace owns this bucket',
  })
}

/** One generation of a ref from its log; a broken one is passed over: only its reason is lost. */
export async function readRefLog(store: Store, name: string, generation: number): Promise<Ref | undefined> {
  return (await passOver(readDocument(store, logKey(name, generation), Ref)))?.value
}
