import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withDuckDb } from '../data/duckdb.ts'
import {
  firstBadRow,
  goodRows,
  openShard,
  predictionColumn,
  type ShardSource,
  writeParts,
  writeQuarantine,
} from '../data/shard.ts'
import type { BatchPolicy } from '../pipelines/batch.ts'
import { rowCount } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { FeatureCounts } from '../pipelines/telemetry.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'
import { type LoadedModel, type LocalModel, loadModel } from './model.ts'

export interface ScoreShardOrder {
  readonly model: LocalModel
  readonly source: ShardSource
  readonly policy: Pick<BatchPolicy, 'keep' | 'write' | 'partitionBy' | 'onBadRow'>
  /** Where the output goes; must exist. */
  readonly folder: string
}

export interface ScoredShard {
  readonly read: number
  readonly scored: number
  /** Files relative to the folder. */
  readonly parts: readonly { readonly file: string; readonly rows: number }[]
  readonly quarantine: { readonly file: string; readonly rows: number } | null
  readonly reasons: Readonly<Record<string, number>>
  /** Features and predictions in the bins of the model's baseline. */
  readonly counts: Readonly<Record<string, FeatureCounts>>
}

/** Columns of the output, without the prediction. */
export function outputColumns(
  { keep }: Pick<BatchPolicy, 'keep'>,
  { facts }: Pick<LocalModel, 'facts'>,
): readonly string[] {
  return keep ?? facts.inputs.map(({ name }) => name)
}

/** Models of this thread by their ONNX file, which lies under its digest: shard after shard needs the same one. */
const sessions = new Map<string, Promise<LoadedModel>>()
const sessionsKept = 2

async function modelOf(local: LocalModel): Promise<LoadedModel> {
  const known = sessions.get(local.onnxFile)
  if (known !== undefined) return (await known).withFreshCode()
  if (sessions.size >= sessionsKept) {
    const [oldest] = sessions
    sessions.delete(oldest?.[0] as string)
    await (await oldest?.[1])?.release()
  }
  const loading = loadModel(local)
  sessions.set(local.onnxFile, loading)
  loading.catch(() => sessions.delete(local.onnxFile))
  return loading
}

/**
 * Scores a shard: reads it once, sets rows aside that break the model's contract, runs features and model over the rest chunk by
 * chunk, and writes the rows with their predictions. Memory grows with the shard, not with the input.
 * @throws SlipwayError as `openShard`, DATA_CONTRACT where bad rows are to fail the batch, FEATURES_…
 */
export async function scoreShard(
  { model: local, source, policy, folder }: ScoreShardOrder,
  onProgress: (what: string, done: number) => void,
): Promise<ScoredShard> {
  const columns = outputColumns(policy, local)
  if (columns.includes(predictionColumn))
    throw new SlipwayError(
      'COLUMN_TYPE',
      `the input has a column "${predictionColumn}", where the output has the model's answer`,
      {
        next: 'leave it out with keep, or rename it',
      },
    )
  const model = await modelOf(local)
  const counter = profileCounter(JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile)
  await mkdir(join(folder, 'spill'), { recursive: true })
  return withDuckDb(1, async (connection) => {
    await connection.run(`SET temp_directory = '${join(folder, 'spill').replaceAll("'", "''")}'`)
    await connection.run("SET memory_limit = '1GB'")
    onProgress('reading', 0)
    const rows = await openShard(connection, source)
    const bad = rows.read - rows.good
    if (bad > 0 && policy.onBadRow === 'fail') {
      const { row, reasons } = await firstBadRow(connection)
      throw new SlipwayError(
        'DATA_CONTRACT',
        `${source.from}, row ${row} breaks "${reasons}" (${bad} rows of ${rows.read} do)`,
        {
          next: "mend the file, or set such rows aside with onBadRow: 'quarantine'",
        },
      )
    }
    const predictions = new Float32Array(rows.good)
    let at = 0
    if (rows.good > 0) {
      for await (const chunk of goodRows(connection, rows, model.facts.inputs)) {
        const features = model.makeFeatures(chunk, (source.table.range?.from ?? 0) + at + 1)
        const scores = await model.scoreFeatures(features)
        counter.add({ ...features, 'score:': scores })
        predictions.set(scores, at)
        at += rowCount(chunk)
        onProgress(`scored ${at} of ${rows.good} rows`, at / rows.good)
      }
    }
    const parts =
      rows.good === 0
        ? []
        : await writeParts(connection, predictions, {
            folder,
            columns,
            format: policy.write,
            partitionBy: policy.partitionBy,
          })
    if (bad > 0) await writeQuarantine(connection, source.table, source.from, join(folder, 'quarantine.parquet'))
    return {
      read: rows.read,
      scored: at,
      parts,
      quarantine: bad === 0 ? null : { file: 'quarantine.parquet', rows: bad },
      reasons: rows.reasons,
      counts: counter.take(),
    }
  })
}
