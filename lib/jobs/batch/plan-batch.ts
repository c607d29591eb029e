import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type BatchPolicy, batchId, fillIn, partitionAt } from '../../formats/batch-policy.ts'
import { BatchFile, type BatchPlan, type BatchRecord } from '../../formats/batch-records.ts'
import type { BatchPlanned, BatchRequest } from '../../formats/batch-request.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { ModelVersion } from '../../formats/route.ts'
import { localModel, type PackageSource } from '../../models/package.ts'
import { findInputs } from '../../sources/inputs.ts'
import type { Sources } from '../../sources/source.ts'
import { readBatch, readBatchDefinition } from '../../store/batches.ts'
import { digestOfJson } from '../../store/digest.ts'
import { getJson, putJson } from '../../store/objects.ts'
import { outputFolder, requireFree } from '../../store/outputs.ts'
import { readRoute } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import type { Progress } from '../step-work.ts'
import { cutInputs, findDuplicates } from './batch-inputs.ts'

/** What batches are planned with. */
interface BatchDeps extends PackageSource {
  /** Where their files are. */
  readonly from: Sources
  /** Folder below which they may write; undefined where none may. */
  readonly outputs: string | undefined
  /** Folder for files that are needed meanwhile. */
  readonly scratch: string
}

/**
 * Fixes everything a batch depends on: the model that is champion now, the files that are there now, the shards they
 * are cut into. Of parquet only footers are read. What was published already of the same is found.
 * @param time that the batch is for, where the request names no partition
 * @throws SlipwayError NOT_FOUND, BATCH_EXISTS, OUTPUT_OCCUPIED, and those of sources
 */
export async function planBatch(
  deps: BatchDeps,
  request: BatchRequest,
  time: Date,
  progress: Progress,
): Promise<BatchPlanned> {
  const { store } = deps
  const { owner, name } = request
  progress('looking for files', 0)
  const found = await definitionOf(store, request)
  const { model, endpoint } = found
  const partition = request.slot ?? partitionAt(found.policy, time)
  const policy = filledIn(found.policy, partition)
  const inputs = await inputsOf(deps, request, policy)
  const key = keyOf(model, inputs, policy)
  const published = await findPublished(store, request, { partition, key, model })
  if (published !== undefined)
    return { plan: published.manifest, key, slot: partition, model, shards: 0, rows: 0, published }
  if (policy.to !== null)
    await requireFree(outputFolder(store, policy.to, deps.outputs), { owner, name, slot: partition })
  progress('reading footers', 0.3)
  const { files, shards } = await cutInputs(store, policy, inputs)
  if (files.every((file) => file.rows === 0)) throw nothingIn(policy, 'has no rows')
  progress('looking for keys that occur twice', 0.6)
  const { facts } = await localModel(deps, model.digest)
  const duplicates = await inFolder(deps.scratch, (folder) =>
    findDuplicates(store, policy, files, facts.inputs, folder),
  )
  const plan = await putJson(store, {
    slipway: 'batch-plan/1',
    owner,
    name,
    slot: partition,
    model,
    endpoint,
    policy,
    inputs: files,
    shards,
    duplicates,
  } satisfies BatchPlan)
  const rows = files.reduce((sum, file) => sum + (file.rows ?? 0), 0)
  const elsewhere = policy.on === undefined ? {} : { transform: true as const }
  return { plan, key, slot: partition, model, shards: shards.length, rows, ...elsewhere, published: null }
}

const filledIn = (policy: BatchPolicy, partition: string): BatchPolicy => ({
  ...policy,
  from: fillIn(policy.from, partition),
  to: policy.to === null ? null : fillIn(policy.to, partition),
})

/** The files there are now, or those that the request brings along. */
async function inputsOf(
  { store, from }: BatchDeps,
  { adHoc }: BatchRequest,
  policy: BatchPolicy,
): Promise<BatchFile[]> {
  const given = adHoc?.files ?? null
  const inputs =
    given === null ? await findInputs(store, from, policy.from) : await getJson(store, given.digest, z.array(BatchFile))
  if (inputs.every(({ size }) => size === 0)) throw nothingIn(policy, 'holds no bytes')
  return inputs
}

const nothingIn = ({ from }: BatchPolicy, why: string): SlipwayError =>
  new SlipwayError('SOURCE_EMPTY', `"${from}" ${why}`, { next: 'check where it comes from' })

/** Idempotency key: hash of model, inputs and policy. */
function keyOf(model: ModelVersion, inputs: readonly BatchFile[], policy: BatchPolicy): string {
  return digestOfJson({
    model: model.digest,
    inputs: inputs.map(({ uri, etag, size, digest }) => digest ?? { uri, etag, size }),
    policy: { ...policy, cron: null, catchupMs: 0, overlap: 'wait' },
  }).slice('sha256:'.length)
}

/**
 * What was published of the same before; undefined where nothing was, or where it is to be done again.
 * @throws SlipwayError BATCH_EXISTS where something else was
 */
async function findPublished(
  store: Store,
  { owner, name, redo }: BatchRequest,
  { partition, key, model }: { readonly partition: string; readonly key: string; readonly model: ModelVersion },
): Promise<BatchRecord | undefined> {
  const last = await readBatch(store, owner, name, partition, redo)
  if (last === undefined || redo) return undefined
  if (last.key === key) return last
  const why =
    last.model.digest === model.digest
      ? 'of other files or by other rules'
      : `with version ${last.model.version}; the champion is version ${model.version}`
  throw new SlipwayError('BATCH_EXISTS', `${batchId(owner, name, partition)} was published already, ${why}`, {
    next: 'take its place with --redo: the one before is kept',
  })
}

/** Does something in a folder of its own, which is gone afterwards. */
async function inFolder<T>(scratch: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(scratch, 'batch-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a request asks for: of a definition, or all of it given along. The champion is looked up here, once. */
async function definitionOf(
  store: Store,
  { owner, name, adHoc }: BatchRequest,
): Promise<{ policy: BatchPolicy; model: ModelVersion; endpoint: string | null }> {
  if (adHoc !== null) return { policy: adHoc.policy, model: adHoc.model, endpoint: null }
  const definition = await readBatchDefinition(store, owner, name)
  if (definition === undefined)
    throw new SlipwayError('NOT_FOUND', `pipeline "${owner}" has no batch "${name}"`, {
      next: `add p.batch(live, '${name}', { … }) to it and run it`,
    })
  const route = await readRoute(store, definition.endpoint)
  if (route === undefined)
    throw new SlipwayError('NOT_FOUND', `endpoint "${definition.endpoint}" serves nothing yet`, {
      next: `npx slipway run ${owner} --wait`,
    })
  return { policy: definition.policy, model: route.champion, endpoint: definition.endpoint }
}
