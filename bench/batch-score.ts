import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJob } from '../activities/jobs.ts'
import type { Shard } from '../lib/formats/batch-records.ts'
import type { ScoredShard } from '../lib/jobs/batch/score-shard.ts'
import type { LocalModel } from '../lib/models/model.ts'

/*
 * Scores the shards of a file as a worker's scoring activities do, in a process of its own, so that its memory can be
 * told: batch-score.ts <order.json> <threads>. Prints seconds, rows, and peak megabytes.
 */
const [orderFile = '', threadsText = '2'] = process.argv.slice(2)
const { model, file, shards } = JSON.parse(readFileSync(orderFile, 'utf8')) as {
  model: LocalModel
  file: string
  shards: Shard[]
}
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-score-'))
const score = (shard: Shard, own: string): Promise<ScoredShard> =>
  runJob(
    'scoreShard',
    {
      model,
      policy: { keep: null, write: 'parquet', partitionBy: [], onBadRow: 'quarantine' },
      folder: own,
      source: {
        table: {
          files: [file],
          format: 'parquet',
          schema: model.facts.inputs,
          rows: 0,
          range: { from: shard.from, to: shard.to as number },
        },
        from: file,
        expected: (shard.to as number) - shard.from,
        keep: [],
        duplicates: undefined,
      },
    },
    () => {},
    new AbortController().signal,
  )
const waiting = [...shards]
let rows = 0
const lane = async (): Promise<void> => {
  for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
    const own = mkdtempSync(join(folder, 'shard-'))
    const { scored } = await score(shard, own)
    rows += scored
    rmSync(own, { recursive: true })
  }
}
const start = performance.now()
await Promise.all(Array.from({ length: Number(threadsText) }, lane))
const seconds = (performance.now() - start) / 1000
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ seconds, rows, megabytes: process.resourceUsage().maxRSS / 1024 }))
process.exit(0)
