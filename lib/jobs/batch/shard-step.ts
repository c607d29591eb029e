import { join } from 'node:path'
import type { WrittenPart } from '../../data/write-parts.ts'
import { type ArtifactRef, type Digest, mediaTypes } from '../../formats/artifact.ts'
import type { BatchPolicy } from '../../formats/batch-policy.ts'
import { type BatchFile, type BatchPlan, type Part, ShardFacts } from '../../formats/batch-records.ts'
import type { ShardOutcome } from '../../formats/batch-request.ts'
import type { HostVersions, StepMaterial } from '../../formats/step-key.ts'
import { transformInKey } from '../../formats/transform-policy.ts'
import type { PackageSource } from '../../models/package.ts'
import { fetchInput } from '../../sources/inputs.ts'
import { putFile, putJson } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import type { Once } from '../step-work.ts'
import type { ScoredShard } from './score-shard.ts'
import { shardOrder } from './shard-order.ts'

/** Raised when what a shard's activity makes of the same rows changes. */
const shardVersion = 3

/** Where records of shards are, and versions of this process, which are in their keys. */
export interface ShardRecords extends PackageSource {
  readonly host: HostVersions
}

/** Which of a plan's shards are scored, and for whom. */
interface ShardToScore {
  readonly plan: BatchPlan
  readonly shard: number
}

/**
 * Scores one shard, in a thread, once: what was made of the same rows by the same model is found by its key.
 * @param answersIn fetches the answers into a folder where they were made elsewhere; undefined for no rows
 */
export async function scoreOnce(
  deps: ShardRecords,
  { plan, shard }: ShardToScore,
  once: Once,
  takeTurn: <T>(work: () => Promise<T>) => Promise<T>,
  answersIn?: (folder: string) => Promise<string | undefined>,
): Promise<ShardOutcome> {
  const { store } = deps
  const file = plan.inputs[plan.shards[shard]?.file ?? 0] as BatchFile
  const { path, digest } = await fetchInput(store, file)
  const outcome = await once(materialOf(deps.host, plan, shard, digest), async ({ folder, job, progress }) => {
    const whole = await shardOrder(deps, plan, shard, path, folder)
    const order = answersIn === undefined ? whole : { ...whole, answers: (await answersIn(folder)) ?? null }
    progress('waiting for a thread', 0)
    const scored = await takeTurn(() => job('scoreShard', order))
    return storeShard(store, scored, { shard, policy: plan.policy, input: digest }, folder)
  })
  const { read, scored, quarantine } = ShardFacts.parse(outcome.facts)
  return { read, scored, quarantined: quarantine?.rows ?? 0, cached: outcome.cached }
}

/** What a shard's result depends on. */
export function materialOf(host: HostVersions, plan: BatchPlan, number: number, input: Digest): StepMaterial {
  const { policy, duplicates } = plan
  const shard = plan.shards[number] as BatchPlan['shards'][number]
  const file = plan.inputs[shard.file] as BatchFile
  const { format, delimiter, header, write, onBadRow, keep, partitionBy, keys, explain, on } = policy
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
      ...(explain === true && { explain }),
      ...(on !== undefined && { on: transformInKey(on) }),
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
    ...(scored.engine !== undefined && { engine: scored.engine === 'compiled' ? 'kernel' : scored.engine }),
  }
  return { outputs: [...outputs, { name: 'counts', ...counts }], facts }
}
