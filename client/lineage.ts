import { shortDigest } from '../lib/formats/artifact.ts'
import { batchId } from '../lib/formats/batch-policy.ts'
import { BatchManifest, type BatchRecord } from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { readBatch } from '../lib/store/batches.ts'
import { getBytes, getJson } from '../lib/store/objects.ts'
import { listModels } from '../lib/store/registry.ts'
import { neighbours, type StepRecord } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'
import { type ModelOrigin, modelsBelow, originOfModel, readUses, stepsAbove, type Uses, versionOf } from './ancestry.ts'
import { findArtifact } from './artifact.ts'
import type { StoreContext } from './context.ts'
import { registeredVersion } from './model-version.ts'
import { findPrediction, type PredictionDocument } from './trace.ts'

/** A step that made something, with what it read and made, as digests by name. */
export interface LineageStep {
  readonly step: string
  readonly stepKey: string
  readonly run: string
  readonly inputs: Readonly<Record<string, string>>
  readonly code: Readonly<Record<string, string>>
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}

type NamedVersion = Readonly<Pick<ModelVersion, 'version' | 'digest'> & { name: string }>

/** What a model was made from, up to the commit, and what was made with it. */
export interface ModelLineage extends ModelOrigin, Uses {
  readonly model: NamedVersion
  readonly origin: Readonly<Record<string, string>> | null
  /** The steps above it, the nearest first. */
  readonly madeBy: readonly LineageStep[]
  readonly usedBy: readonly LineageStep[]
}

/** What read a snapshot, and the models that were made from it; one that was not registered has no name. */
export interface SnapshotLineage {
  readonly snapshot: string
  readonly madeBy: readonly LineageStep[]
  readonly models: readonly ({ readonly name: string | null; readonly version: number | null; digest: string } & Uses)[]
}

/** What a batch was scored from and by. */
export interface BatchLineage extends ModelOrigin {
  readonly batch: string
  readonly manifest: string
  /** False where a later generation took its place. */
  readonly inForce: boolean
  readonly rows: BatchManifest['rows']
  readonly inputs: BatchManifest['inputs']
  readonly model: NamedVersion
}

/** What a model, snapshot, batch or prediction was made from, and what was made of it. */
export type LineageDocument = ModelLineage | SnapshotLineage | BatchLineage | PredictionDocument

/**
 * What something was made from, and what was made of it, as `slipway lineage --json` prints it.
 * @param what a model (`flights@2`), the digest of a snapshot, model or manifest, a batch
 *   (`flights/nightly/2001-06-01`), a request
 * @throws SlipwayError NOT_FOUND
 */
export async function readLineage({ store }: StoreContext, what: string): Promise<LineageDocument> {
  const [owner = '', name = '', partition = '', ...rest] = what.split('/')
  const record = partition === '' || rest.length > 0 ? undefined : await readBatch(store, owner, name, partition)
  if (record !== undefined) return lineageOfBatch(store, record)
  const version = await registeredVersion(store, what)
  if (version !== undefined) return lineageOfModel(store, version)
  const hex = what.replace(/^sha256:/, '')
  const digest = /^[0-9a-f]{6,64}$/.test(hex) ? await findArtifact(store, hex) : undefined
  if (digest !== undefined) return lineageOfArtifact(store, digest)
  const prediction = await findPrediction(store, what)
  if (prediction !== undefined) return prediction
  throw new SlipwayError('NOT_FOUND', `there is no model, artifact, batch or prediction "${what}"`, {
    next: 'see `slipway models` and `slipway batch list`',
  })
}

/** Of a snapshot, a model or a batch's manifest. */
async function lineageOfArtifact(store: Store, digest: string): Promise<LineageDocument> {
  const content = parsed((await getBytes(store, digest)).toString('utf8'))
  if (content?.slipway === 'batch/1') {
    const { owner, name, slot: partition } = BatchManifest.parse(content)
    const record = await readBatch(store, owner, name, partition)
    if (record !== undefined) return lineageOfBatch(store, record, digest)
  }
  if (content?.slipway === 'bundle/1' && content.kind === 'snapshot') return lineageOfSnapshot(store, digest)
  if (content?.slipway === 'bundle/1' && content.kind === 'model') {
    const version = await versionOf(store, await listModels(store), digest)
    if (version !== undefined) return lineageOfModel(store, version)
  }
  throw new SlipwayError('USAGE', `${shortDigest(digest)} is no snapshot, registered model or manifest of a batch`, {
    next: `slipway show ${shortDigest(digest)}`,
  })
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function lineageOfModel(store: Store, version: ModelVersion): Promise<ModelLineage> {
  const above = await stepsAbove(store, version.digest)
  const below = (await neighbours(store, version.digest)).readBy
  return {
    model: { name: version.model, version: version.version, digest: version.digest },
    ...(await originOfModel(store, version, above)),
    madeBy: above.map(lineageStep),
    usedBy: below.map(lineageStep),
    ...(await (
      await readUses(store)
    )(version.digest)),
  }
}

async function lineageOfSnapshot(store: Store, snapshot: string): Promise<SnapshotLineage> {
  const { madeBy } = await neighbours(store, snapshot)
  const [names, uses, digests] = await Promise.all([listModels(store), readUses(store), modelsBelow(store, snapshot)])
  const models = []
  for (const digest of digests) {
    const version = await versionOf(store, names, digest)
    models.push({
      ...{ name: version?.model ?? null, version: version?.version ?? null, digest },
      ...(await uses(digest)),
    })
  }
  return { snapshot, madeBy: madeBy.map(lineageStep), models }
}

/** @param manifest that is asked about, where it is not the one in force */
async function lineageOfBatch(
  store: Store,
  record: BatchRecord,
  manifest: string = record.manifest.digest,
): Promise<BatchLineage> {
  const { model, inputs, rows } = await getJson(store, manifest, BatchManifest)
  const { origin: _, ...made } = await originOfModel(store, model, await stepsAbove(store, model.digest))
  return {
    batch: batchId(record.owner, record.name, record.slot),
    manifest,
    inForce: manifest === record.manifest.digest,
    rows,
    inputs,
    model: { name: model.model, version: model.version, digest: model.digest },
    ...made,
  }
}

const lineageStep = (step: StepRecord): LineageStep => ({
  step: step.material.step,
  stepKey: step.stepKey,
  run: step.run,
  inputs: step.material.inputs,
  code: step.material.code,
  outputs: step.outputs.map(({ name, digest }) => ({ name, digest })),
})
