import { z } from 'zod'
import type { ArtifactRef, Digest } from '../../formats/artifact.ts'
import { type BatchManifest, type BatchPlan, ShardFacts } from '../../formats/batch-records.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { FeatureCounts } from '../../formats/telemetry.ts'
import { localModel } from '../../models/package.ts'
import { knownDigest } from '../../sources/inputs.ts'
import { addFeatureCounts } from '../../stats/profile-counter.ts'
import { merkleRoot } from '../../store/merkle.ts'
import { getJson } from '../../store/objects.ts'
import { findStepRecord, stepKeyOf } from '../../store/steps.ts'
import { materialOf, type ShardRecords } from './shard-step.ts'

/** Records read at once. */
const readAtOnce = 32
/** What a shard counted, as it is stored. */
const CountsByFeature = z.record(z.string(), FeatureCounts)

/** All shards' records as a manifest, and what they counted together. */
export async function gatherShards(
  { store, trusted, host }: ShardRecords,
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
