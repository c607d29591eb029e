import { dialectOf } from '../../data/local-table.ts'
import type { BatchFile, BatchPlan } from '../../formats/batch-records.ts'
import { localModel, type PackageSource } from '../../models/package.ts'
import { localFile } from '../../store/objects.ts'
import type { ScoreShardOrder } from './score-shard.ts'

/**
 * A shard of a plan with everything it needs on this machine.
 * @param path of the file it is cut from
 */
export async function shardOrder(
  source: PackageSource,
  plan: BatchPlan,
  number: number,
  path: string,
  folder: string,
): Promise<ScoreShardOrder> {
  const { store } = source
  const { policy, duplicates } = plan
  const shard = plan.shards[number] as BatchPlan['shards'][number]
  const file = plan.inputs[shard.file] as BatchFile
  const model = await localModel(source, plan.model.digest)
  const { from, to } = shard
  return {
    model,
    policy,
    folder,
    source: {
      table: {
        files: [{ path, name: file.uri, compression: file.compression, partition: file.partition }],
        format: policy.format,
        dialect: dialectOf(policy),
        schema: model.facts.inputs,
        rows: 0,
        ...(to === null ? {} : { range: { from, to } }),
      },
      from: file.uri,
      expected: to === null ? undefined : to - from,
      keep: policy.keep ?? [],
      duplicates:
        duplicates === null
          ? undefined
          : { path: await localFile(store, duplicates.digest), file: shard.file, keys: policy.keys },
    },
  }
}
