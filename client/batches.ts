import { batchId } from '../lib/formats/batch-policy.ts'
import { BatchManifest, type BatchRecord } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import {
  listBatchDefinitions,
  listPartitions,
  readBatchDefinition,
  readBatch as readRecord,
} from '../lib/store/batches.ts'
import { passOver } from '../lib/store/broken.ts'
import { getJson } from '../lib/store/objects.ts'
import type { StoreContext } from './context.ts'

/** A batch that is defined, and the days of it that are published. */
export interface BatchDefinitionDocument {
  readonly owner: string
  readonly name: string
  /** When it is scored, UTC; null where somebody asks for it. */
  readonly cron: string | null
  readonly from: string
  readonly to: string | null
  /** Its published days or hours, oldest first. */
  readonly slots: readonly string[]
  readonly last: BatchRecord | null
}

/** All batches that are defined, as `slipway batch list --json` prints them. */
export async function readBatches({ store, say }: StoreContext): Promise<BatchDefinitionDocument[]> {
  const found = await Promise.all(
    (await listBatchDefinitions(store)).map(async ({ owner, name }) => {
      const definition = await passOver(readBatchDefinition(store, owner, name), say)
      if (definition === undefined) return []
      const { cron, from, to } = definition.policy
      const slots = await listPartitions(store, owner, name)
      const newest = slots.at(-1)
      const last = newest === undefined ? undefined : await passOver(readRecord(store, owner, name, newest), say)
      return [{ owner, name, cron, from, to, slots, last: last ?? null }]
    }),
  )
  return found.flat()
}

/** A published batch with its shards, inputs and parts. */
export interface BatchDocument {
  readonly batch: string
  readonly record: BatchRecord
  readonly manifest: BatchManifest
}

/**
 * A published batch.
 * @param partition its day or hour: `2001-06-01`
 * @throws SlipwayError NOT_FOUND
 */
export async function readBatch(
  { store }: StoreContext,
  owner: string,
  name: string,
  partition: string,
): Promise<BatchDocument> {
  const record = await readRecord(store, owner, name, partition)
  const batch = batchId(owner, name, partition)
  if (record === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no published batch "${batch}"`, { next: 'see `slipway batch list`' })
  return { batch, record, manifest: await getJson(store, record.manifest.digest, BatchManifest) }
}
