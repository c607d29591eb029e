import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { threadId } from 'node:worker_threads'
import { withKeptDuckDb } from '../../data/duckdb.ts'
import { goodRows, openShard } from '../../data/shard.ts'
import { type Column, rowCount } from '../../formats/columns.ts'
import { refuseBadRow, requireColumns, type ScoreShardOrder } from './score-shard.ts'
import { linesOf } from './transformed-rows.ts'

/** The file in the folder of a staged shard. */
export const stagedFile = 'rows.jsonl'

/**
 * Writes the good rows of a shard as lines to be scored elsewhere. What is set aside is found again by whoever collects
 * the answers: nothing of it is kept here.
 * @returns how many rows there are to be scored
 * @throws SlipwayError as `scoreShard`, before anything is scored anywhere
 */
export async function stageShard(
  { model, source, policy, folder }: ScoreShardOrder,
  onProgress: (what: string, done: number) => void,
): Promise<{ readonly rows: number }> {
  requireColumns(policy, model)
  return withKeptDuckDb(join(dirname(folder), `spill-${threadId}`), async (connection) => {
    onProgress('reading', 0)
    const rows = await openShard(connection, source)
    if (rows.good < rows.read && policy.onBadRow === 'fail') await refuseBadRow(connection, source, rows)
    if (rows.good === 0) return { rows: 0 }
    const { inputs } = model.facts
    let at = 0
    const lines = async function* (): AsyncGenerator<string> {
      for await (const columns of goodRows(connection, rows, inputs)) {
        yield linesOf(columns as Record<string, Column>, inputs, at)
        at += rowCount(columns)
        onProgress(`staged ${at} of ${rows.good} rows`, at / rows.good)
      }
    }
    await pipeline(Readable.from(lines()), createWriteStream(join(folder, stagedFile)))
    if (at !== rows.good) throw new Error(`${rows.good} rows were to be staged, and ${at} were`)
    return { rows: at }
  })
}
