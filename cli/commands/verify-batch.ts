import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { StoreContext } from '../../client/context.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { batchId } from '../../lib/formats/batch-policy.ts'
import type { BatchRecord } from '../../lib/formats/batch-records.ts'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import { verifyBatch } from '../../lib/jobs/batch/verify-batch.ts'
import { readBatch } from '../../lib/store/batches.ts'
import { localFolder, manifestIn, type OutputFolder, outputFolder } from '../../lib/store/outputs.ts'
import type { Store } from '../../lib/store/store.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { progressView } from '../progress.ts'

/**
 * `verify flights/nightly/2001-06-01`, or the folder a batch was written to: whether it is what its manifest says, and
 * some of it scored anew.
 * @returns 16 when something does not match
 */
export async function verifyPublished(
  { store, settings }: StoreContext,
  what: string,
  options: JsonOption,
): Promise<number> {
  const { record, folder } = await find(store, settings.root, what)
  const view = progressView()
  const scratch = await mkdtemp(join(tmpdir(), 'slipway-verify-'))
  try {
    const results = await verifyBatch(
      { store, trusted: trustedKeysOf(settings) },
      record,
      folder,
      scratch,
      (doing, done) => view.working('verify', doing, done),
    )
    view.end()
    const passed = results.every((result) => result.passed)
    const id = batchId(record.owner, record.name, record.slot)
    if (options.json === true) printJson({ batch: id, manifest: record.manifest.digest, passed, checks: results })
    else {
      print(`${id}, generation ${record.generation}, manifest ${shortDigest(record.manifest.digest)}`)
      for (const { check, passed: isGood, evidence } of results)
        print(`  ${isGood ? colors.green('✓') : colors.red('✗')} ${check.padEnd(24)} ${evidence}`)
    }
    return passed ? exitCodes.done : exitCodes.verification
  } finally {
    view.end()
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
