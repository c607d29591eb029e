import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { BOOLEAN, DOUBLE, type DuckDBConnection, DuckDBDataChunk, FLOAT, VARCHAR } from '@duckdb/node-api'
import { classesIn, columnOf, distinctNames, type Named, numbersIn } from '../formats/answers.ts'
import type { Numbers } from '../formats/columns.ts'
import {
  type DecisionFacts,
  type Decisions,
  decisionAt,
  decisionOutput,
  kindOfDecisions,
  sliceDecisions,
} from '../formats/decisions.ts'
import { classesOf } from '../stats/answer-profile.ts'
import { brokenTable, problemIn } from './broken-rows.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { explanationColumn } from './explained-column.ts'
import { maskedOption } from './masked-columns.ts'
import type { LocalTable } from './table.ts'
import { scanCsv } from './text-files.ts'

/**
 * Columns of the output with the model's answer: `prediction`, of a ranking `score`; of several classes `label`, the
 * likeliest, and `probability_a` a class; of several targets or quantiles `prediction_a` each; `answer` where a
 * function answers.
 */
export function answerColumnNames(named: NamedAnswers): readonly [string, ...string[]] {
  const { outputs, decision } = named
  const isOfNumbers = numbersIn(named) !== undefined
  const mark = isOfNumbers ? 'prediction' : 'probability'
  const decided = decision === undefined ? [] : [decisionOutput]
  if (outputs === undefined) return [named.task === 'ranking' ? 'score' : 'prediction', ...decided]
  const columns = distinctNames(outputs.map((output) => `${mark}_${output}`))
  return [...(isOfNumbers ? [] : ['label']), ...columns, ...decided] as [string, ...string[]]
}

/** What a model's answers are called. */
type NamedAnswers = Named & { readonly decision?: Pick<DecisionFacts, 'kind'> | undefined }

/** Rows of a data chunk, DuckDB's vector size. */
const vectorRows = 2_048

export interface PartsOrder {
  readonly folder: string
  readonly columns: readonly string[]
  /** What the answers are called. */
  readonly named: NamedAnswers
  /** What a function of the user's answers, [good rows]; undefined where none does. */
  readonly decisions?: Decisions | undefined
  readonly format: 'parquet' | 'csv'
  readonly partitionBy: readonly string[]
  /** What was read: of text, CSV is written as it was, and parquet by the columns' types. */
  readonly table: Pick<LocalTable, 'schema' | 'format'>
  /** SQL of explanations, from the table `explained`: see `explained-column.ts`. */
  readonly explained?: string | undefined
}

/** A file of the output. */
export interface WrittenPart {
  /** Relative to the folder it was written to. */
  readonly file: string
  /** Folders of the output it belongs into, `origin=ORD`; empty where it is not partitioned. */
  readonly partition: string
  readonly rows: number
}

/**
 * Writes the good rows with their predictions; one file, or one for every value of the partition's columns. All rows
 * are counted again in what was written.
 * @param predictions [good rows · width], in the shard's order
 */
export async function writeParts(
  connection: DuckDBConnection,
  predictions: Numbers,
  { folder, columns, named, decisions, format, partitionBy, table, explained }: PartsOrder,
): Promise<WrittenPart[]> {
  const answers = await loadAnswers(connection, predictions, named, decisions)
  // Rows of both tables lie in the order they were read in.
  const select = `SELECT ${columns.map((column) => `${outputSql(column, table, format)} AS ${name(column)}`).join(', ')}${answers.map((column) => `, p.${name(column)}`).join('')}${explainedSql(explained, format)} FROM shard s POSITIONAL JOIN predicted p${explained === undefined ? '' : ' POSITIONAL JOIN explained e'}`
  const options = [
    format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd',
    ...(partitionBy.length === 0 ? [] : [`PARTITION_BY (${partitionBy.map(name).join(', ')})`]),
  ]
  const single = `part.${format}`
  const target = partitionBy.length === 0 ? single : 'parts'
  await connection.run(`COPY (${select}) TO ${text(join(folder, target))} (${options.join(', ')})`)
  const files =
    partitionBy.length === 0
      ? [single]
      : (await readdir(join(folder, target), { recursive: true }))
          .filter((file) => file.endsWith(`.${format}`))
          .sort()
          .map((file) => join(target, file))
  const parts: WrittenPart[] = []
  for (const file of files) {
    const partition = partitionBy.length === 0 ? '' : relative(target, dirname(file))
    parts.push({ file, partition, rows: await countRows(connection, join(folder, file), format) })
  }
  const written = parts.reduce((sum, { rows }) => sum + rows, 0)
  const scored = predictions.length / (named.outputs?.length ?? 1)
  if (written !== scored) throw new Error(`${scored} rows were scored and ${written} written: nothing is published`)
  return parts
}

/** Puts the answers into the table `predicted`. @returns its columns */
async function loadAnswers(
  connection: DuckDBConnection,
  predictions: Numbers,
  named: NamedAnswers,
  decisions: Decisions | undefined,
): Promise<readonly string[]> {
  const { outputs } = named
  const type = predictions instanceof Float64Array ? DOUBLE : FLOAT
  const names = answerColumnNames(named)
  const classes = classesIn(named)
  const scores = [...(classes === undefined ? [] : [VARCHAR]), ...(outputs ?? ['']).map(() => type)]
  const types = decisions === undefined ? scores : [...scores, decisionTypes[kindOfDecisions(decisions)]]
  await connection.run(
    `CREATE TEMP TABLE predicted (${names.map((column, i) => `${name(column)} ${types[i]}`).join(', ')})`,
  )
  const width = outputs?.length ?? 1
  const rows = predictions.length / width
  const appender = await connection.createAppender('predicted')
  for (let at = 0; at < rows; at += vectorRows) {
    const answers = predictions.subarray(at * width, (at + vectorRows) * width)
    const chunk = DuckDBDataChunk.create(types, answers.length / width)
    const labels = classes === undefined ? 0 : 1
    if (classes !== undefined) chunk.setColumnValues(0, classesOf(answers, classes))
    for (let column = 0; column < width; column++) {
      const vector = chunk.getColumnVector(labels + column) as unknown as { items: Numbers; flush(): void }
      vector.items.set(columnOf(answers, column, width))
      vector.flush()
    }
    if (decisions !== undefined) chunk.setColumnValues(scores.length, decisionValues(decisions, at))
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
  return names
}

const decisionTypes = { number: DOUBLE, boolean: BOOLEAN, text: VARCHAR } as const

/** Decisions of a data chunk. */
function decisionValues(decisions: Decisions, at: number): (number | boolean | string)[] {
  const some = sliceDecisions(decisions, at, at + vectorRows)
  return Array.from({ length: some.length }, (_, row) => decisionAt(some, row))
}

/** The column of explanations; CSV has them as JSON. */
function explainedSql(explained: string | undefined, write: 'parquet' | 'csv'): string {
  if (explained === undefined) return ''
  return `, ${write === 'csv' ? `to_json(${explained})` : explained} AS ${explanationColumn}`
}

/** A column of the output as it was in the input. */
function outputSql(column: string, { schema, format }: PartsOrder['table'], write: 'parquet' | 'csv'): string {
  const rule = schema.find((each) => each.name === column)
  if (format === 'parquet' || rule === undefined) return `s.${name(column)}`
  if (write === 'csv') return `s.${name(`raw:${column}`)}`
  return rule.type === 'integer' ? `s.${name(column)}::BIGINT` : `s.${name(column)}`
}

/** Rows of a file of the output. */
export async function countRows(
  connection: DuckDBConnection,
  path: string,
  format: 'parquet' | 'csv',
): Promise<number> {
  if (format === 'csv')
    return (await scanCsv({ path, name: path, compression: 'none' }, { delimiter: ',', header: true })).rows
  const [row] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(path)})`)
  return Number(row?.rows)
}

/** Writes the rows that were set aside as they were read, with the file, their row number and the reasons. */
export async function writeQuarantine(
  connection: DuckDBConnection,
  table: Pick<LocalTable, 'schema' | 'format'>,
  from: string,
  file: string,
): Promise<void> {
  const columns = table.schema.map(({ name: column }) =>
    table.format === 'parquet' ? name(column) : `${name(`raw:${column}`)} AS ${name(column)}`,
  )
  await connection.run(
    `COPY (SELECT ${text(from)} AS source_file, "row:" AS source_row, "reasons:" AS reasons, ${columns.join(', ')} FROM bad ORDER BY "row:") TO ${text(file)} (FORMAT parquet, COMPRESSION zstd${maskedOption(table.schema)})`,
  )
}

/** Where a row that breaks the contract stands, for a message. @returns reasons without the row that is wrong whole */
export async function firstBadRow(connection: DuckDBConnection): Promise<{ row: number; reasons: string }> {
  const [first] = await rowsOf(
    connection,
    `SELECT "row:" AS row, "reasons:" AS reasons, EXISTS (SELECT 1 FROM ${brokenTable} b WHERE b.row = bad."row:" AND b.rule = 0) AS whole FROM bad ORDER BY "row:" LIMIT 1`,
  )
  const reasons = String(first?.reasons)
  return { row: Number(first?.row), reasons: first?.whole === true ? problemIn(reasons) : reasons }
}
