import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { DuckDBConnection } from '@duckdb/node-api'
import { withKeptDuckDb } from '../../data/duckdb.ts'
import { explanationColumn } from '../../data/explained-column.ts'
import { goodRows, openShard, type ShardRows, type ShardSource } from '../../data/shard.ts'
import {
  answerColumnNames,
  firstBadRow,
  type WrittenPart,
  writeParts,
  writeQuarantine,
} from '../../data/write-parts.ts'
import { widthOf } from '../../formats/answers.ts'
import type { BatchPolicy } from '../../formats/batch-policy.ts'
import { newDecisions, putDecisions } from '../../formats/decisions.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { FeatureCounts } from '../../formats/telemetry.ts'
import type { Engine } from '../../models/compiled-model.ts'
import { type LoadedModel, type LocalModel, loadModel, newAnswers } from '../../models/model.ts'
import type { Profile } from '../../stats/profile.ts'
import { profileCounter } from '../../stats/profile-counter.ts'
import { type ScoredChunk, scoreChunks, type TableModel } from '../score-table.ts'
import { explainShard } from './explain-shard.ts'
import { answering, readAnswers } from './transformed-rows.ts'

export interface ScoreShardOrder {
  readonly model: LocalModel
  readonly source: ShardSource
  readonly policy: Pick<BatchPolicy, 'keep' | 'write' | 'partitionBy' | 'onBadRow' | 'explain'>
  /** Where the output goes; must exist. */
  readonly folder: string
  /**
   * The answers to its good rows, a file of lines, where they were made elsewhere (`transformed-rows.ts`); null where
   * there are none.
   */
  readonly answers?: string | null
}

export interface ScoredShard {
  readonly read: number
  readonly scored: number
  /** Undefined where it was scored elsewhere. */
  readonly engine: Engine['name'] | undefined
  readonly parts: readonly WrittenPart[]
  readonly quarantine: WrittenPart | null
  readonly reasons: Readonly<Record<string, number>>
  /** Features and predictions in the bins of the model's baseline. */
  readonly counts: Readonly<Record<string, FeatureCounts>>
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
 * The columns of the input that go into the output.
 * @throws SlipwayError COLUMN_MISSING, COLUMN_TYPE where the output cannot be as it is wanted
 */
export function requireColumns(
  policy: Pick<BatchPolicy, 'keep' | 'partitionBy' | 'explain'>,
  local: LocalModel,
): readonly string[] {
  const columns = policy.keep ?? local.facts.inputs.map(({ name }) => name)
  const stray = policy.partitionBy.find((column) => !columns.includes(column))
  if (stray !== undefined)
    throw new SlipwayError('COLUMN_MISSING', `the output is to be parted by "${stray}", which is none of its columns`, {
      column: stray,
      next: `choose among ${columns.join(', ')}, or add it with keep`,
    })
  const masked = policy.partitionBy.find((column) =>
    local.facts.inputs.some((input) => input.name === column && input.masked === true),
  )
  if (masked !== undefined)
    throw new SlipwayError('DEFINITION_INVALID', `the output is to be parted by "${masked}", which is masked`, {
      column: masked,
      next: 'part it by another column: values of this one would be names of folders',
    })
  const answers = answerColumnNames(local.facts)
  const taken = answers.find((answer) => columns.some((column) => column.toLowerCase() === answer.toLowerCase()))
  if (taken !== undefined)
    throw new SlipwayError(
      'COLUMN_TYPE',
      `the input has a column "${taken}", where the output has the model's answer`,
      {
        next: 'leave it out with keep, or rename it',
      },
    )
  if (policy.explain === true && columns.includes(explanationColumn))
    throw new SlipwayError(
      'COLUMN_TYPE',
      `the input has a column "${explanationColumn}", where the output has why the answer is what it is`,
      {
        next: 'leave it out with keep, or rename it',
      },
    )
  return columns
}

/** @throws SlipwayError DATA_CONTRACT about the first bad row of a shard that was opened */
export async function refuseBadRow(
  connection: DuckDBConnection,
  { from }: Pick<ShardSource, 'from'>,
  { read, good }: Pick<ShardRows, 'read' | 'good'>,
): Promise<never> {
  const { row, reasons } = await firstBadRow(connection)
  throw new SlipwayError(
    'DATA_CONTRACT',
    `${from}, row ${row} breaks "${reasons}" (${read - good} rows of ${read} do)`,
    { next: "mend the file, or set such rows aside with onBadRow: 'quarantine'" },
  )
}

/**
 * Scores a shard: reads it once, sets rows aside that break the model's contract, runs features and model over the rest
 * chunk by chunk, and writes the rows with their predictions. Memory grows with the shard, not with the input.
 * @throws SlipwayError as `openShard`, DATA_CONTRACT where bad rows are to fail the batch, FEATURES_…, ANSWER_INVALID
 */
export async function scoreShard(
  { model: local, source, policy, folder, answers }: ScoreShardOrder,
  onProgress: (what: string, done: number) => void,
): Promise<ScoredShard> {
  const columns = requireColumns(policy, local)
  const model = await modelOf(local)
  const counter = profileCounter(JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile, local.facts)
  return withKeptDuckDb(join(dirname(folder), `spill-${threadId}`), async (connection) => {
    onProgress('reading', 0)
    const rows = await openShard(connection, source)
    const bad = rows.read - rows.good
    if (bad > 0 && policy.onBadRow === 'fail') await refuseBadRow(connection, source, rows)
    const predictions = newAnswers(local.facts, rows.good)
    const { decision } = local.facts
    const decisions = decision && newDecisions(decision.kind, rows.good)
    const take = ({ at, rows: more, scored: [own] }: ScoredChunk<readonly [TableModel]>): void => {
      counter.add(own.features, own.predictions, own.decisions)
      if (decisions !== undefined && own.decisions !== undefined) putDecisions(decisions, own.decisions, at)
      predictions.set(own.predictions, at * widthOf(local.facts))
      onProgress(`scored ${at + more} of ${rows.good} rows`, (at + more) / rows.good)
    }
    const scorer = answers === undefined ? model : answering(model, await readAnswers(answers, local.facts, rows.good))
    const firstRow = (source.table.range?.from ?? 0) + 1
    const scored =
      rows.good === 0 ? 0 : await scoreChunks([scorer], goodRows(connection, rows, model.facts.inputs), take, firstRow)
    const explained =
      policy.explain !== true || rows.good === 0
        ? undefined
        : await explainShard(connection, { local, model, rows }, (done) => onProgress('explaining', done))
    const parts =
      rows.good === 0
        ? []
        : await writeParts(connection, predictions, {
            folder,
            columns,
            named: local.facts,
            decisions,
            format: policy.write,
            partitionBy: policy.partitionBy,
            table: source.table,
            explained,
          })
    if (bad > 0) await writeQuarantine(connection, source.table, source.from, join(folder, 'quarantine.parquet'))
    return {
      read: rows.read,
      scored,
      engine: answers === undefined ? model.engine.name : undefined,
      parts,
      quarantine: bad === 0 ? null : { file: 'quarantine.parquet', partition: '', rows: bad },
      reasons: rows.reasons,
      counts: counter.take(),
    }
  })
}
