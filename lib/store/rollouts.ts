import { z } from 'zod'
import { Digest } from '../formats/artifact.ts'
import { RolloutDecision, RolloutRecord } from '../formats/records.ts'
import { RolloutPolicy } from '../formats/rollout-policy.ts'
import { ModelVersion, RouteRollout } from '../formats/route.ts'
import { publishOnce, readDocument } from './documents.ts'
import type { Store } from './store.ts'

/** What a rollout begins with. */
export const RolloutStart = z.object({
  id: z.string(),
  endpoint: z.string(),
  run: z.string(),
  champion: ModelVersion,
  candidate: ModelVersion,
  policy: RolloutPolicy,
  startedAt: z.string(),
  /** The state it begins in, as `lib/stats/rollout.ts` has it. */
  state: z.json(),
})
export type RolloutStart = z.infer<typeof RolloutStart>

/** What came in between two looks, and what had been decided at the one before. */
export const EvidenceEntry = z.object({
  seq: z.int(),
  /** Milliseconds since 1970, by the worker that collected it. */
  at: z.number(),
  /** As `lib/stats/rollout.ts` has them. */
  blocks: z.array(z.json()),
  /** By gateway: the window to read next. */
  cursors: z.record(z.string(), z.int()),
  before: RolloutDecision.nullable(),
  /** Where labels count: captured answers of the rollout that came in, and labels of whatever answers. */
  answers: z
    .array(
      z.object({
        from: z.number(),
        to: z.number(),
        mode: RouteRollout.shape.mode,
        share: z.number(),
        capture: Digest,
      }),
    )
    .default([]),
  labels: z.array(Digest).default([]),
  /** What labels say of answers that came in at earlier looks, as `lib/stats/rollout.ts` has it, and the look to be judged next. */
  mistakes: z.array(z.json()).default([]),
  judged: z.int().default(0),
})
export type EvidenceEntry = z.infer<typeof EvidenceEntry>

const startKey = (id: string): string => `rollouts/${id}/start.json`
const endKey = (id: string): string => `rollouts/${id}/end.json`
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

async function read<T>(store: Store, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  return (await readDocument(store, key, schema))?.value
}

export const readRolloutStart = (store: Store, id: string): Promise<RolloutStart | undefined> =>
  read(store, startKey(id), RolloutStart)
export const readRolloutEnd = (store: Store, id: string): Promise<RolloutRecord | undefined> =>
  read(store, endKey(id), RolloutRecord)
export const readEvidence = (store: Store, id: string, seq: number): Promise<EvidenceEntry | undefined> =>
  read(store, evidenceKey(id, seq), EvidenceEntry)
