import type { z } from 'zod'
import { EvidenceEntry, RolloutLease, RolloutStart } from '../formats/evidence.ts'
import { RolloutRecord } from '../formats/records.ts'
import { type Document, publishOnce, readDocument, readIfChanged, replaceDocument } from './documents.ts'
import type { Store } from './store.ts'

const startKey = (id: string): string => `rollouts/${id}/start.json`
const endKey = (id: string): string => `rollouts/${id}/end.json`
const leaseKey = (id: string): string => `rollouts/${id}/lease.json`
const evidenceKey = (id: string, seq: number): string => `rollouts/${id}/evidence/${String(seq).padStart(8, '0')}.json`

export async function publishRolloutStart(store: Store, start: RolloutStart): Promise<RolloutStart> {
  return (await publishOnce(store, startKey(start.id), RolloutStart, start)).value
}

/** Publishes evidence, once: whoever collects the same look again gets what was collected first. */
export async function publishEvidence(store: Store, id: string, entry: EvidenceEntry): Promise<EvidenceEntry> {
  return (await publishOnce(store, evidenceKey(id, entry.seq), EvidenceEntry, entry)).value
}

export async function publishRolloutEnd(store: Store, record: RolloutRecord): Promise<void> {
  await publishOnce(store, endKey(record.id), RolloutRecord, record)
}

/** Says that a rollout is watched. */
export const writeLease = (store: Store, lease: RolloutLease): Promise<void> =>
  replaceDocument(store, leaseKey(lease.rollout), lease)

/** What was said last of who watches a rollout; undefined when it still has the ETag given, or nothing was. */
export const readChangedLease = (
  store: Store,
  id: string,
  etag: string | undefined,
): Promise<Document<RolloutLease> | undefined> => readIfChanged(store, leaseKey(id), etag, RolloutLease)

async function read<T>(store: Store, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  return (await readDocument(store, key, schema))?.value
}

export const readRolloutStart = (store: Store, id: string): Promise<RolloutStart | undefined> =>
  read(store, startKey(id), RolloutStart)
export const readRolloutEnd = (store: Store, id: string): Promise<RolloutRecord | undefined> =>
  read(store, endKey(id), RolloutRecord)
export const readEvidence = (store: Store, id: string, seq: number): Promise<EvidenceEntry | undefined> =>
  read(store, evidenceKey(id, seq), EvidenceEntry)

/** All evidence of a rollout, in its order: the next look is asked for by name until there is none. */
export async function readLooks(store: Store, id: string): Promise<EvidenceEntry[]> {
  const looks: EvidenceEntry[] = []
  for (;;) {
    const next = await Promise.all(Array.from({ length: 16 }, (_, i) => readEvidence(store, id, looks.length + i)))
    const found = next.slice(0, next.indexOf(undefined) < 0 ? 16 : next.indexOf(undefined)) as EvidenceEntry[]
    looks.push(...found)
    if (found.length < 16) return looks
  }
}
