import { join } from 'node:path'
import { z } from 'zod'
import type { WrittenPart } from '../lib/data/write-parts.ts'
import { type ArtifactRef, type Digest, mediaTypes } from '../lib/formats/artifact.ts'
import type { BatchPolicy } from '../lib/formats/batch-policy.ts'
import {
  type BatchFile,
  type BatchManifest,
  type BatchPlan,
  type Part,
  ShardFacts,
} from '../lib/formats/batch-records.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { HostVersions, StepMaterial } from '../lib/formats/step-key.ts'
import { FeatureCounts } from '../lib/formats/telemetry.ts'
import type { ScoredShard } from '../lib/jobs/score-shard.ts'
import { localModel } from '../lib/models/package.ts'
import { knownDigest } from '../lib/sources/inputs.ts'
import { addFeatureCounts } from '../lib/stats/profile-counter.ts'
import { merkleRoot } from '../lib/store/merkle.ts'
import { getJson, putFile, putJson } from '../lib/store/objects.ts'
import { findStepRecord, stepKeyOf } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'
import type { ActivityDeps } from './step.ts'

/** Raised when what a shard's activity makes of the same rows changes. */
const shardVersion = 3
/** Records read at once. */
const readAtOnce = 32
/** What a shard counted, as it is stored. */
const CountsByFeature = z.record(z.string(), FeatureCounts)

/** What a shard's result depends on. */
export function materialOf(host: HostVersions, plan: BatchPlan, number: number, input: Digest): StepMaterial {
  const { policy, duplicates } = plan
  const shard = plan.shards[number] as BatchPlan['shards'][number]
  const file = plan.inputs[shard.file] as BatchFile
  const { format, delimiter, header, write, onBadRow, keep, partitionBy, keys } = policy
  return {
    step: 'score',
    version: shardVersion,
    code: {},
    host: {
      'onnxruntime-node': host['onnxruntime-node'] ?? 'unknown',
      '@duckdb/node-api': host['@duckdb/node-api'] ?? 'unknown',
      v8: host.v8 ?? 'unknown',
    },
    inputs: { model: plan.model.digest, input, ...(duplicates === null ? {} : { duplicates: duplicates.digest }) },
    params: {
      format,
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(header === undefined ? {} : { header }),
      write,
      onBadRow,
      keep,
      partitionBy,
      ...(duplicates === null ? {} : { keys, file: shard.file }),
      compression: file.compression,
      partition: file.partition,
      from: shard.from,
      to: shard.to,
      // Parts are named after their place in the output, quarantined rows after where they came from.
      shard: number,
      uri: file.uri,
    },
  }
}

/** Stores what a shard's thread left in its folder, under names for the output. */
export async function storeShard(
  store: Store,
  scored: ScoredShard,
  { shard, policy, input }: { readonly shard: number; readonly policy: BatchPolicy; readonly input: Digest },
  folder: string,
) {
  const outputs: (ArtifactRef & { name: string })[] = []
  const keepFile = async (what: string, { file, rows, partition }: WrittenPart, mediaType: string): Promise<Part> => {
    const ref = await putFile(store, join(folder, file), mediaType)
    outputs.push({ name: `${what}-${outputs.length}`, ...ref })
    const last = `${what}-${String(shard).padStart(5, '0')}-${ref.digest.slice(7, 19)}.${file.split('.').at(-1)}`
    return { path: partition === '' ? last : `${partition}/${last}`, digest: ref.digest, size: ref.size, rows, shard }
  }
  const parts: Part[] = []
  const mediaType = policy.write === 'csv' ? mediaTypes.csv : mediaTypes.parquet
  for (const part of scored.parts) parts.push(await keepFile('part', part, mediaType))
  const quarantine =
    scored.quarantine === null ? null : await keepFile('quarantine', scored.quarantine, mediaTypes.parquet)
  const counts = await putJson(store, scored.counts)
  const facts: ShardFacts = {
    read: scored.read,
    scored: scored.scored,
    parts,
    quarantine,
    reasons: { ...scored.reasons },
    input,
    engine: scored.engine === 'compiled' ? 'kernel' : scored.engine,
  }
  return { outputs: [...outputs, { name: 'counts', ...counts }], facts }
}

/** All shards' records as a manifest, and what they counted together. */
export async function gatherShards(
  { store, trusted, host }: ActivityDeps,
  plan: BatchPlan,
  ref: ArtifactRef,
  onProgress: (done: number) => void,
) {
  const facts: ShardFacts[] = []
  const counts: Record<string, FeatureCounts> = {}
  const digests = await Promise.all(plan.inputs.map((file) => knownDigest(store, file)))
  for (let at = 0; at < plan.shards.length; at += readAtOnce) {
    const some = plan.shards.slice(at, at + readAtOnce).map(async ({ file }, i) => {
      const input = digests[file]
      const record =
        input === undefined ? undefined : await findStepRecord(store, stepKeyOf(materialOf(host, plan, at + i, input)))
      if (record === undefined) throw new Error(`shard ${at + i} of ${plan.shards.length} has no record`)
      const counted = record.outputs.find(({ name }) => name === 'counts')
      return {
        facts: ShardFacts.parse(record.facts),
        counts:
          plan.endpoint === null || counted === undefined ? {} : await getJson(store, counted.digest, CountsByFeature),
      }
    })
    for (const shard of await Promise.all(some)) {
      facts.push(shard.facts)
      for (const [feature, more] of Object.entries(shard.counts)) {
        const known = counts[feature]
        counts[feature] = known === undefined ? more : addFeatureCounts(known, more)
      }
    }
    onProgress(facts.length / plan.shards.length)
  }
  const sum = (of: (shard: ShardFacts) => number): number => facts.reduce((total, shard) => total + of(shard), 0)
  const parts = facts.flatMap((shard) => shard.parts)
  const quarantine = facts.flatMap((shard) => shard.quarantine ?? [])
  const rows = {
    read: sum(({ read }) => read),
    scored: sum(({ scored }) => scored),
    quarantined: quarantine.reduce((total, part) => total + part.rows, 0),
  }
  const promised = plan.inputs.every((file) => file.rows !== null)
    ? plan.inputs.reduce((total, file) => total + (file.rows ?? 0), 0)
    : rows.read
  const inParts = parts.reduce((total, part) => total + part.rows, 0)
  if (rows.read !== promised || rows.scored + rows.quarantined !== rows.read || inParts !== rows.scored)
    throw new Error(
      `the rows do not add up: ${promised} promised, ${rows.read} read, ${rows.scored} scored, ${rows.quarantined} set aside, ${inParts} in the parts: nothing is published`,
    )
  if (rows.read === 0)
    throw new SlipwayError('SOURCE_EMPTY', `"${plan.policy.from}" has no rows`, { next: 'check where it comes from' })
  const reasons: Record<string, number> = {}
  for (const shard of facts)
    for (const [reason, count] of Object.entries(shard.reasons)) reasons[reason] = (reasons[reason] ?? 0) + count
  const { facts: model } = await localModel({ store, trusted }, plan.model.digest)
  const manifest: BatchManifest = {
    slipway: 'batch/1',
    owner: plan.owner,
    name: plan.name,
    slot: plan.slot,
    model: plan.model,
    plan: ref,
    schema: model.inputs,
    inputs: plan.inputs.map(({ uri, size }, i) => ({ uri, size, digest: digests[i] as Digest })),
    rows,
    parts,
    quarantine,
    reasons,
    merkleRoot: merkleRoot([...parts, ...quarantine]),
  }
  return { manifest, counts }
}
