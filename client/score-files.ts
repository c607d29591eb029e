import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { type BatchOptions, batchPolicyOf } from '../lib/definition/batch.ts'
import { schemeOf } from '../lib/formats/address.ts'
import { BatchManifest } from '../lib/formats/batch-records.ts'
import { findInputs } from '../lib/sources/inputs.ts'
import { digestOfJson } from '../lib/store/digest.ts'
import { getJson, putJson } from '../lib/store/objects.ts'
import { fillFolder, localFolder, type OutputFolder, requireFree } from '../lib/store/outputs.ts'
import type { Store } from '../lib/store/store.ts'
import { readableFrom } from '../workers/planned.ts'
import type { BatchResult } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { servedVersion } from './model-version.ts'
import { type BegunBatch, batchEnd, beginBatch } from './start-batch.ts'

/** Files that are scored, and how: as `p.batch` takes it, where no pipeline says so. */
export interface ScoreWanted
  extends Pick<
    BatchOptions,
    | 'from'
    | 'to'
    | 'write'
    | 'delimiter'
    | 'header'
    | 'onBadRow'
    | 'maxBadRows'
    | 'keys'
    | 'keep'
    | 'partitionBy'
    | 'explain'
  > {
  /** `flights@3`; by default the champion. */
  readonly model?: string
  /** Score them anew, though the very same was published before. */
  readonly redo?: boolean
}

/** Files that are being scored. */
export interface BegunScoring extends BegunBatch {
  /** Of this machine; undefined where a worker writes to S3. */
  readonly folder: OutputFolder | undefined
}

/**
 * Scores files with a version of a model, as `slipway batch score` does, and waits for it; no definition needed.
 * @param model whose champion scores, or an endpoint
 * @throws SlipwayError NOT_FOUND; what is wrong with the files; what the batch failed with
 */
export async function scoreFiles(context: ClientContext, model: string, wanted: ScoreWanted): Promise<BatchResult> {
  const begun = await beginScoring(context, model, wanted)
  return writtenOut(context.store, begun, await batchEnd(context, begun))
}

/** Has files be scored, or finds the same ones that are being scored. */
export async function beginScoring(
  context: ClientContext,
  model: string,
  { model: version = model, redo = false, ...options }: ScoreWanted,
): Promise<BegunScoring> {
  const { store } = context
  const { from, to } = options
  const variant = await servedVersion(store, version)
  const isHere = ['file', 'dvc'].includes(schemeOf(from))
  const folder = to.startsWith('s3://') ? undefined : localFolder(store, resolve(to))
  const policy = batchPolicyOf('ad-hoc', { ...options, to: folder === undefined ? to : null })
  const path = isFolder(from) && !from.endsWith('/') ? `${from}/` : from
  const sources = await readableFrom(process.cwd(), store)
  const files = isHere ? await putJson(store, await findInputs(store, sources, path)) : null
  const slot = digestOfJson({ model: variant.digest, files: files?.digest ?? from, policy }).slice(7, 23)
  const batch = { owner: variant.model, name: 'score', slot }
  if (folder !== undefined) await requireFree(folder, batch)
  const adHoc = { policy, model: variant, files }
  return { ...(await beginBatch(context, { ...batch, redo, by: userInfo().username, adHoc })), folder }
}

/** Writes what was scored into the folder of this machine, where it is to go. @returns with where that is */
export async function writtenOut(store: Store, { folder }: BegunScoring, result: BatchResult): Promise<BatchResult> {
  if (folder === undefined) return result
  await fillFolder(folder, await getJson(store, result.record.manifest.digest, BatchManifest))
  return { ...result, record: { ...result.record, to: folder.address } }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
