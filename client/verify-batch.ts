import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { batchId } from '../lib/formats/batch-policy.ts'
import type { BatchRecord } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type Verification, verifyBatch } from '../lib/jobs/batch/verify-batch.ts'
import { readBatch } from '../lib/store/batches.ts'
import { localFolder, manifestIn, type OutputFolder, outputFolder } from '../lib/store/outputs.ts'
import type { Store } from '../lib/store/store.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'

/** Whether a published batch is what its manifest says, check by check. */
export interface VerifiedBatch {
  readonly batch: string
  readonly generation: number
  /** Its digest. */
  readonly manifest: string
  readonly passed: boolean
  readonly checks: readonly Verification[]
}

/**
 * Verifies a published batch, and scores some of it anew.
 * @param what `flights/nightly/2001-06-01`, or the folder it was written to
 * @param working is told what is done, and how far it is (0 to 1)
 * @throws SlipwayError NOT_FOUND
 */
export async function verifyPublished(
  { store, settings }: StoreContext,
  what: string,
  working: (doing: string, done: number) => void,
): Promise<VerifiedBatch> {
  const { record, folder } = await find(store, settings.root, what)
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-verify-'))
  try {
    const checks = await verifyBatch({ store, trusted: trustedKeysOf(settings) }, record, folder, scratch, working)
    const { owner, name, slot, generation, manifest } = record
    const passed = checks.every((check) => check.passed)
    return { batch: batchId(owner, name, slot), generation, manifest: manifest.digest, passed, checks }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function find(
  store: Store,
  root: string,
  what: string,
): Promise<{ record: BatchRecord; folder: OutputFolder | undefined }> {
  const here = localFolder(store, resolve(what))
  const manifest = await manifestIn(here)
  if (manifest) return { record: await requireBatch(store, manifest.owner, manifest.name, manifest.slot), folder: here }
  const [owner = '', name = '', partition = ''] = what.split('/')
  const record = await requireBatch(store, owner, name, partition)
  return { record, folder: record.to === null ? undefined : outputFolder(store, record.to, root) }
}

async function requireBatch(store: Store, owner: string, name: string, partition: string): Promise<BatchRecord> {
  const record = partition === '' ? undefined : await readBatch(store, owner, name, partition)
  if (record !== undefined) return record
  throw new SlipwayError(
    'NOT_FOUND',
    `there is no published batch "${[owner, name, partition].filter((part) => part !== '').join('/')}", and no model of that name`,
    {
      next: 'a batch as batch list names it (flights/nightly/2001-06-01), its folder, or a model: slipway models',
    },
  )
}
