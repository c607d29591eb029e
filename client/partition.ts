import { WorkflowNotFoundError } from '@temporalio/client'
import { BatchManifest, BatchPlan, type BatchRecord } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { readBatch } from '../lib/store/batches.ts'
import { getJson } from '../lib/store/objects.ts'
import { type BatchProgress, batchProgressQuery, batchWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { inTime } from './in-time.ts'

/** A piece of a batch, as it was scored. */
export interface ShardDocument {
  readonly shard: number
  /** The file it is of, and its rows there: from (inclusive) to (exclusive; null: its end). */
  readonly input: string
  readonly from: number
  readonly to: number | null
  readonly scored: number
  readonly quarantined: number
  readonly files: readonly string[]
}

/** One partition of a batch: what is published of it, its shards, and where it stands while it is scored. */
export interface PartitionDocument {
  readonly owner: string
  readonly name: string
  readonly slot: string
  readonly record: BatchRecord | null
  readonly shards: readonly ShardDocument[]
  /** Why rows were set aside, and how many. */
  readonly reasons: Readonly<Record<string, number>>
  /** Null where it is not being scored, or nobody answers. */
  readonly progress: BatchProgress | null
}

/** One partition of a batch: `batch show`. @throws SlipwayError NOT_FOUND */
export async function readPartition(
  { store, temporal }: ClientContext,
  owner: string,
  name: string,
  slot: string,
): Promise<PartitionDocument> {
  let unanswered: unknown
  const [record, progress] = await Promise.all([
    readBatch(store, owner, name, slot),
    temporal()
      .then(async ({ client }) => {
        const handle = client.workflow.getHandle(batchWorkflowId(owner, name, slot))
        const { status } = await handle.describe()
        return status.name === 'RUNNING' ? inTime(handle.query(batchProgressQuery), 2_000) : null
      })
      .catch((error: unknown) => {
        unanswered = error instanceof WorkflowNotFoundError ? undefined : error
        return null
      }),
  ])
  // What Temporal does not say may be there all the same.
  if (record === undefined && unanswered !== undefined) throw unanswered
  if (record === undefined && progress === null)
    throw new SlipwayError('NOT_FOUND', `there is no batch ${owner}/${name}/${slot}`, {
      next: 'see `slipway batch list`',
    })
  const of = { owner, name, slot, record: record ?? null, progress }
  if (record === undefined) return { ...of, shards: [], reasons: {} }
  const manifest = await getJson(store, record.manifest.digest, BatchManifest)
  const plan = await getJson(store, manifest.plan.digest, BatchPlan)
  const rowsOf = (parts: BatchManifest['parts'], shard: number): number =>
    parts.reduce((sum, part) => sum + (part.shard === shard ? part.rows : 0), 0)
  const shards = plan.shards.map(
    ({ file, from, to }, shard): ShardDocument => ({
      shard,
      input: plan.inputs[file]?.uri ?? '',
      from,
      to,
      scored: rowsOf(manifest.parts, shard),
      quarantined: rowsOf(manifest.quarantine, shard),
      files: manifest.parts.flatMap((part) => (part.shard === shard ? part.path : [])),
    }),
  )
  return { ...of, shards, reasons: manifest.reasons }
}
