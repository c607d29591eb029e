import { readPartition } from '../../client/partition.ts'
import { batchId } from '../../lib/formats/batch-policy.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `batch show flights nightly 2001-06-01`: what is published of a partition, its shards, and how far it is. */
export async function showBatch(owner: string, name: string, slot: string, options: JsonOption): Promise<number> {
  const found = await readPartition(openContext(), owner, name, slot)
  if (options.json === true) {
    printJson(found)
    return 0
  }
  const { record, progress, shards } = found
  const going = progress === null ? '' : `, ${progress.done} of ${progress.planned?.shards ?? '?'} shards are scored`
  print(
    `${colors.bold(batchId(owner, name, slot))}  ${record === null ? 'not published' : `published ${record.publishedAt}`}${going}`,
  )
  print(
    table(
      ['shard', 'of', 'rows', 'scored', 'set aside'],
      shards.map(({ shard, input, from, to, scored, quarantined }) => [
        String(shard),
        input,
        `${from} to ${to ?? 'the end'}`,
        String(scored),
        String(quarantined),
      ]),
    ),
  )
  return 0
}
