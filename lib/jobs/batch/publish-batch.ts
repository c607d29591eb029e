import type { ArtifactRef } from '../../formats/artifact.ts'
import { batchId } from '../../formats/batch-policy.ts'
import type { BatchPlan, BatchRecord } from '../../formats/batch-records.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { FeatureCounts } from '../../formats/telemetry.ts'
import { publishBatchRecord, readBatch } from '../../store/batches.ts'
import { putJson } from '../../store/objects.ts'
import { fillFolder, outputFolder } from '../../store/outputs.ts'
import { publishWindow, readRoute } from '../../store/routes.ts'
import { type Signer, sign } from '../../store/signing.ts'
import type { Store } from '../../store/store.ts'
import type { Progress } from '../step-work.ts'
import { gatherShards } from './gather-shards.ts'
import type { ShardRecords } from './shard-step.ts'

export interface PublishOrder {
  readonly plan: ArtifactRef
  readonly key: string
  readonly redo: boolean
  readonly by: string
  readonly startedAt: string
}

/** What batches are published with. */
interface PublishDeps extends ShardRecords {
  /** Signs manifests; undefined leaves them unsigned. */
  readonly signer: Signer | undefined
  /** Folder below which batches may write; undefined where none may. */
  readonly outputs: string | undefined
}

/**
 * Puts what the shards made together in force: counts once more, fills the output folder, publishes the record
 * create-only, and tells the monitor. Done again after a crash it ends the same.
 * @throws SlipwayError BAD_ROWS, BATCH_EXISTS, and what filling the folder throws
 */
export async function publishBatch(
  deps: PublishDeps,
  plan: BatchPlan,
  order: PublishOrder,
  progress: Progress,
): Promise<BatchRecord> {
  const { store } = deps
  const { owner, name, slot: partition, model, policy } = plan
  const { manifest, counts } = await gatherShards(deps, plan, order.plan, (done) =>
    progress('reading records', done / 2),
  )
  const { quarantined, read } = manifest.rows
  if (quarantined > policy.maxBadRows * read) {
    const [worst] = Object.entries(manifest.reasons).sort((a, b) => b[1] - a[1])
    throw new SlipwayError(
      'BAD_ROWS',
      `${quarantined} of ${read} rows break the model's contract, ${Math.floor(policy.maxBadRows * read)} are allowed; most of them "${worst?.[0]}" (${worst?.[1]})`,
      {
        next: `look at them: slipway show ${manifest.quarantine[0]?.digest.slice(7, 19)}; nothing was published`,
      },
    )
  }
  const ref = await putJson(store, manifest)
  if (deps.signer !== undefined)
    await sign(store, deps.signer, {
      subject: 'batch',
      name: batchId(owner, name, partition),
      digest: ref.digest,
      claim: { rows: manifest.rows },
    })
  const folder = policy.to === null ? undefined : outputFolder(store, policy.to, deps.outputs)
  for (;;) {
    const last = await readBatch(store, owner, name, partition, order.redo)
    // An attempt before this one got so far, or another workflow did the same.
    const done = last?.manifest.digest === ref.digest && last.key === order.key ? last : undefined
    if (last !== undefined && done === undefined && !order.redo)
      throw new SlipwayError(
        'BATCH_EXISTS',
        `${batchId(owner, name, partition)} was published by somebody else meanwhile`,
        {
          next: 'take its place with --redo: the one before is kept',
        },
      )
    if (folder !== undefined)
      await fillFolder(folder, manifest, (share) => progress('writing the output', 0.5 + share / 2))
    const record: BatchRecord = done ?? {
      slipway: 'batch-record/1',
      owner,
      name,
      slot: partition,
      generation: (last?.generation ?? 0) + 1,
      key: order.key,
      manifest: ref,
      model,
      rows: manifest.rows,
      to: policy.to,
      supersedes: last?.manifest.digest ?? null,
      startedAt: order.startedAt,
      publishedAt: new Date().toISOString(),
      by: order.by,
    }
    if (done === undefined && !(await publishBatchRecord(store, record))) continue
    if (plan.endpoint !== null) await tellMonitor(store, plan, record, counts)
    return record
  }
}

/** One window under the batch's own name: its rows count in the next check of the endpoint like served ones, once. */
async function tellMonitor(
  store: Store,
  { owner, name, slot: partition, endpoint, model }: BatchPlan,
  record: BatchRecord,
  profile: Record<string, FeatureCounts>,
): Promise<void> {
  const route = await readRoute(store, endpoint as string)
  await publishWindow(store, {
    slipway: 'window/1',
    endpoint: endpoint as string,
    gateway: `batch-${owner}-${name}-${partition}`,
    seq: record.generation - 1,
    revision: route?.revision ?? 1,
    rollout: null,
    from: Date.parse(record.startedAt),
    to: Date.parse(record.publishedAt),
    champion: {
      digest: model.digest,
      version: model.version,
      requests: 0,
      rows: record.rows.scored,
      errors: {},
      slow: 0,
      latency: [],
      scores: [],
      users: null,
      profile,
    },
    candidate: null,
    pairs: null,
    capture: null,
    labels: null,
  })
}
