import type { DuckDBConnection } from '@duckdb/node-api'
import { classesIn, type Named, numbersIn } from '../formats/answers.ts'
import type { Arms, Both } from '../formats/evidence.ts'
import { isServedScore, servedClass } from '../formats/telemetry.ts'
import { name, rowsOf, text, timestamp } from './duckdb.ts'
import { keyIs } from './keys.ts'

/*
 * Tables of what was served. Besides the input columns they have `slipway_request`, `slipway_row`, `slipway_time`,
 * `slipway_role`, `slipway_version` and `slipway_score`; labelled ones `slipway_label` and `slipway_known` (when it
 * became known) as well. Of several classes also `slipway_class`, and a column `slipway_score:a` a class; their labels
 * are text. Of several targets a column `slipway_score:a` a target, and labels are lists; of quantiles
 * `slipway_quantile:0.1`.
 */

const files = (paths: readonly string[]): string => `[${paths.map(text).join(', ')}]`
export const parquet = (paths: readonly string[]): string => `read_parquet(${files(paths)}, union_by_name = true)`

/** What a label is: a number, one of each of several targets, or the name of a class. */
export type LabelKind = 'number' | 'numbers' | 'class'

export const labelKindOf = (named: Named): LabelKind => {
  if (classesIn(named) !== undefined) return 'class'
  return numbersIn(named) !== undefined && named.task === 'regression' ? 'numbers' : 'number'
}

/** Type of labels in DuckDB. */
const labelTypes: Readonly<Record<LabelKind, string>> = { number: 'DOUBLE', numbers: 'DOUBLE[]', class: 'VARCHAR' }

/** A FROM clause of `Label`s in JSON lines. */
const labelsIn = (paths: readonly string[], kind: LabelKind): string =>
  `read_json(${files(paths)}, format = 'newline_delimited', columns = {'request': 'VARCHAR', 'row': 'INTEGER', 'key': 'VARCHAR', 'label': '${labelTypes[kind]}', 'at': 'DOUBLE'}, ignore_errors = true)`

export async function columnsIn(connection: DuckDBConnection, from: string): Promise<ReadonlySet<string>> {
  return new Set((await rowsOf(connection, `DESCRIBE SELECT * FROM ${from}`)).map((row) => String(row.column_name)))
}

/** Rows a group holds: of a table sorted by request, a look for one request reads one group. */
const groupRows = 20_000

async function copy(connection: DuckDBConnection, query: string, file: string): Promise<number> {
  await connection.run(
    `COPY (${query}) TO ${text(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${groupRows})`,
  )
  const [row] = await rowsOf(connection, `SELECT count(*) AS n FROM ${parquet([file])}`)
  return Number(row?.n)
}

/**
 * Puts captured rows of many windows into one table, sorted by request. A request sent twice is kept once.
 * @returns rows
 */
export function gatherServed(connection: DuckDBConnection, captures: readonly string[], file: string): Promise<number> {
  return copy(
    connection,
    `SELECT * FROM ${parquet(captures)} WHERE slipway_role <> 'shadow' QUALIFY row_number() OVER (PARTITION BY slipway_request, slipway_row ORDER BY slipway_time) = 1 ORDER BY slipway_request, slipway_row`,
    file,
  )
}

export interface LabelJoin {
  /** JSON lines of `Label`s that came. */
  readonly labels: readonly string[]
  /** What waited for its row: parquet. */
  readonly waiting: string | undefined
  readonly served: readonly string[]
  /** What was labelled before. */
  readonly labelled: readonly string[]
  /** Column by which labels may name their row. */
  readonly key: string | null
  /** Now, ms since 1970: labels from later wait. */
  readonly now: number
  /** Labels that became known before this, ms, do not wait any longer. */
  readonly waitSince: number
  /** What they are: numbers, unless it is said. */
  readonly kind?: LabelKind | undefined
}

export interface LabelCounts {
  readonly received: number
  readonly matched: number
  readonly waiting: number
  readonly dropped: number
}

/**
 * Joins labels to the rows they are about. A label sent twice counts once; of several for one row the one that became
 * known last counts; one that says what is known already is left out; one whose row is not there waits for it a while.
 */
export async function joinLabels(
  connection: DuckDBConnection,
  { labels, waiting, served, labelled, key, now, waitSince, kind = 'number' }: LabelJoin,
  labelledFile: string,
  waitingFile: string,
): Promise<LabelCounts> {
  const come = labels.length === 0 ? '' : `SELECT * FROM ${labelsIn(labels, kind)}`
  const kept = waiting === undefined ? '' : `SELECT * FROM ${parquet([waiting])}`
  const none = `SELECT NULL::VARCHAR AS request, NULL::INTEGER AS "row", NULL::VARCHAR AS "key", NULL::${labelTypes[kind]} AS label, NULL::DOUBLE AS "at" WHERE false`
  await connection.run(
    `CREATE TEMP TABLE told AS SELECT *, row_number() OVER () AS id FROM (SELECT * FROM (${[come, kept, none].filter((part) => part !== '').join(' UNION ALL ')}) WHERE label IS NOT NULL QUALIFY row_number() OVER (PARTITION BY request, "row", "key" ORDER BY "at" DESC, label) = 1)`,
  )
  const [received] = await rowsOf(connection, come === '' ? 'SELECT 0 AS n' : `SELECT count(*) AS n FROM (${come})`)
  let matched = 0
  if (served.length > 0) {
    await connection.run(`CREATE TEMP VIEW served AS SELECT * FROM ${parquet(served)}`)
    const by = (on: string): string =>
      `SELECT s.*, t.label AS slipway_label, t."at" AS slipway_known, t.id AS "told:" FROM served s JOIN told t ON ${on} WHERE t."at" <= ${now}`
    const byRequest = by('t.request = s.slipway_request AND t."row" = s.slipway_row')
    const byKey = key === null ? '' : ` UNION ALL ${by(await keyIs(connection, 'served', 's', key, 't."key"'))}`
    await connection.run(`CREATE TEMP TABLE hits AS ${byRequest}${byKey}`)
    const newest =
      'QUALIFY row_number() OVER (PARTITION BY slipway_request, slipway_row ORDER BY slipway_known DESC, slipway_label) = 1'
    // What is known already, or was known later, says nothing new; a label that went there and back does.
    const known =
      labelled.length === 0
        ? ''
        : ` LEFT JOIN (SELECT slipway_request, slipway_row, slipway_label, slipway_known FROM ${parquet(labelled)} SEMI JOIN hits USING (slipway_request, slipway_row) ${newest}) k
          ON f.slipway_request = k.slipway_request AND f.slipway_row = k.slipway_row
          WHERE (f.slipway_label = k.slipway_label OR f.slipway_known < k.slipway_known) IS NOT TRUE`
    matched = await copy(
      connection,
      `SELECT f.* EXCLUDE ("told:") FROM (SELECT * FROM hits ${newest}) f${known} ORDER BY f.slipway_request, f.slipway_row`,
      labelledFile,
    )
  }
  const unmatched = `SELECT request, "row", "key", label, "at" FROM told${served.length > 0 ? ' WHERE id NOT IN (SELECT "told:" FROM hits)' : ''}`
  const stillWaiting = await copy(connection, `SELECT * FROM (${unmatched}) WHERE "at" >= ${waitSince}`, waitingFile)
  const [rest] = await rowsOf(connection, `SELECT count(*) AS n FROM (${unmatched})`)
  for (const each of ['VIEW IF EXISTS served', 'TABLE IF EXISTS hits', 'TABLE told'])
    await connection.run(`DROP ${each}`)
  return {
    received: Number(received?.n),
    matched,
    waiting: stillWaiting,
    dropped: Number(rest?.n) - stillWaiting,
  }
}

/** Answers of a rollout whose labels are due. */
export interface MistakeCount {
  /** Captured rows of one weight. */
  readonly captures: readonly string[]
  /** JSON lines of `Label`s. */
  readonly labels: readonly string[]
  /** Version of the candidate; all others are the champion's. */
  readonly candidate: number
  readonly offBy: number
  /** Labels count that were known when an answer was so old, ms. */
  readonly afterMs: number
  readonly key: string | null
}

/**
 * Counts labelled answers to the first rows of requests, and how many of them were wrong: by version where requests
 * were split (of users: their first requests only), and by request where both versions answered it. Of several classes
 * any other is wrong, of several targets one that is off by more.
 */
export async function countLabelErrors(
  connection: DuckDBConnection,
  { captures, labels, candidate, offBy, afterMs, key }: MistakeCount,
  mode: 'split' | 'pairs',
): Promise<{ arms: Arms; pairs: { n: number; only: Both } | null }> {
  const answers = parquet(captures)
  const { kind, isWrong } = wrongIn([...(await columnsIn(connection, answers))], offBy)
  const told = labelsIn(labels, kind)
  const by = (on: string): string => `SELECT a.*, l.label, l."at" FROM ${answers} a JOIN ${told} l ON ${on}`
  const byRequest = by('l.request = a.slipway_request AND l."row" = 0')
  const byKey = by(await keyIs(connection, answers, 'a', key, 'l."key"'))
  const judged = `SELECT slipway_request AS request, slipway_version = ${candidate} AS "isCandidate", ${isWrong} AS wrong
    FROM (${byRequest} UNION ALL ${byKey})
    WHERE slipway_row = 0 AND label IS NOT NULL AND "at" <= epoch_ms(slipway_time) + ${afterMs}${mode === 'split' ? ' AND slipway_first' : ''}
    QUALIFY row_number() OVER (PARTITION BY slipway_request, slipway_version ORDER BY "at" DESC, label) = 1`
  const count = (what: string, as: string): string => `(count(*) FILTER (${what}))::INTEGER AS ${as}`
  if (mode === 'split') {
    const [row] = await rowsOf(
      connection,
      `SELECT ${[
        count('NOT "isCandidate"', '"nA"'),
        count('NOT "isCandidate" AND wrong', '"kA"'),
        count('"isCandidate"', '"nB"'),
        count('"isCandidate" AND wrong', '"kB"'),
      ]} FROM (${judged})`,
    )
    return { arms: row as unknown as Arms, pairs: null }
  }
  const [row] = await rowsOf(
    connection,
    `WITH judged AS (${judged}) SELECT count(*)::INTEGER AS n, ${[
      count('a.wrong', '"kA"'),
      count('b.wrong', '"kB"'),
      count('a.wrong AND NOT b.wrong', 'champion'),
      count('b.wrong AND NOT a.wrong', 'candidate'),
    ]} FROM judged a JOIN judged b ON a.request = b.request AND NOT a."isCandidate" AND b."isCandidate"`,
  )
  const { n, kA, kB, champion, candidate: own } = row as Record<'n' | 'kA' | 'kB' | 'champion' | 'candidate', number>
  return { arms: { nA: n, kA, nB: n, kB }, pairs: { n, only: { champion, candidate: own } } }
}

/** When an answer is wrong. @param columns of the answers */
function wrongIn(columns: readonly string[], offBy: number): { readonly kind: LabelKind; readonly isWrong: string } {
  if (columns.includes(servedClass)) return { kind: 'class', isWrong: `${servedClass} IS DISTINCT FROM label` }
  const targets = columns.filter(isServedScore)
  if (targets.length === 0) return { kind: 'number', isWrong: `abs(slipway_score - label) > ${offBy}` }
  const differences = targets.map((column, i) => `abs(${name(column)} - label[${i + 1}])`)
  return { kind: 'numbers', isWrong: `greatest(${differences.join(', ')}) > ${offBy}` }
}

/** The labelled rows that a version answered, in the order of `readLabelled`, as one table. @returns rows */
export function labelledOf(
  connection: DuckDBConnection,
  paths: readonly string[],
  version: number,
  file: string,
): Promise<number> {
  return copy(
    connection,
    `SELECT * FROM ${parquet(paths)} WHERE slipway_version = ${version} ORDER BY slipway_request, slipway_row`,
    file,
  )
}

/** The largest value of a time column, ISO; undefined where there is none. */
export async function newestOf(
  connection: DuckDBConnection,
  paths: readonly string[],
  column: string,
): Promise<string | undefined> {
  const [row] = await rowsOf(
    connection,
    `SELECT epoch_ms(max(${name(column)}))::DOUBLE AS newest FROM ${parquet(paths)}`,
  )
  return row?.newest === null || row?.newest === undefined ? undefined : new Date(Number(row.newest)).toISOString()
}

/**
 * The latest label of every row of some labelled tables, as one table.
 * @param recent rows older than this by `time` are left out
 * @param targets columns for the labels of several targets, and which of them
 */
export function latestLabels(
  connection: DuckDBConnection,
  paths: readonly string[],
  file: string,
  recent: { readonly time: string; readonly from: string } | undefined,
  targets: readonly { readonly column: string; readonly place: number }[] = [],
): Promise<number> {
  const labels = targets.map(({ column, place }) => `, slipway_label[${place + 1}] AS ${name(column)}`).join('')
  const where = recent === undefined ? '' : ` WHERE ${name(recent.time)} >= ${timestamp(Date.parse(recent.from))}`
  return copy(
    connection,
    `SELECT *${labels} FROM ${parquet(paths)}${where} QUALIFY row_number() OVER (PARTITION BY slipway_request, slipway_row ORDER BY slipway_known DESC) = 1 ORDER BY slipway_request, slipway_row`,
    file,
  )
}

/** The rows of one request in served or labelled tables, as they were kept. */
export function findRequest(
  connection: DuckDBConnection,
  paths: readonly string[],
  request: string,
): Promise<Record<string, unknown>[]> {
  if (paths.length === 0) return Promise.resolve([])
  return rowsOf(
    connection,
    `SELECT * FROM ${parquet(paths)} WHERE slipway_request = ${text(request)} ORDER BY slipway_row`,
  )
}
