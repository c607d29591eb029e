import type { DuckDBConnection } from '@duckdb/node-api'
import type { AsOf } from '../formats/step-kinds/derived-steps.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { interruptible } from './interrupt.ts'
import { relationOf } from './select.ts'
import { type LocalTable, openTable } from './table.ts'
import { fileColumn, rowColumn } from './table-file.ts'

/** How rows of two tables belong together. */
export interface JoinRule {
  /** Columns that are equal in both. */
  readonly on: readonly string[]
  readonly asOf: AsOf
  /** What stands before the names of the right table's columns. */
  readonly prefix: string
}

/** What a join made. */
export interface Joined {
  /** As many as the left table has. */
  readonly rows: number
  /** Those for which there was a row of the right table. */
  readonly matched: number
}

/**
 * Writes a point-in-time join: every row of the left table, in its order, with the newest row of the right one that had
 * happened and was known by the left row's time; nulls where there was none.
 *
 * A right row can be seen from `greatest(event, known)` on. Of the rows seen so far the newest by its event counts, so
 * one that becomes known after a newer one changes nothing. What is left of a key has events that rise with the times
 * they are seen at, and one inequality finds the row: DuckDB's ASOF JOIN, which takes no second one. Rows of the same
 * event: the one that could be seen later counts, then the later one of the table. Equal times count as past. The order
 * is total, so that the bytes do not depend on the threads.
 * @param file where it is written, parquet
 * @param signal stops it
 */
export async function joinInTime(
  connection: DuckDBConnection,
  left: LocalTable,
  right: LocalTable,
  rule: JoinRule,
  { file, signal }: { readonly file: string; readonly signal?: AbortSignal },
): Promise<Joined> {
  return interruptible(connection, signal, async () => {
    const select = selectOf(await numbered(connection, left), await numbered(connection, right), { left, right }, rule)
    await connection.run(`COPY (${select}) TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`)
    const event = name(`${rule.prefix}${rule.asOf.event}`)
    const [made] = await rowsOf(
      connection,
      `SELECT count(*) AS rows, count(${event}) AS matched FROM read_parquet(${text(file)})`,
    )
    const [rows, matched] = [Number(made?.rows), Number(made?.matched)]
    if (rows !== left.rows) throw new Error(`${left.rows} rows were joined and ${rows} written: nothing is published`)
    return { rows, matched }
  })
}

/** @param asked the left table, @param given the right one, as SQL with the places of their rows */
function selectOf(
  asked: string,
  given: string,
  { left, right }: { readonly left: LocalTable; readonly right: LocalTable },
  { on, asOf, prefix }: JoinRule,
): string {
  const event = name(asOf.event)
  const known = name(asOf.known ?? asOf.event)
  const keys = on.map(name)
  const isWhole = [
    ...[event, known].map((time) => `isfinite(${time})`),
    ...keys.map((key) => `${key} IS NOT NULL`),
  ].join(' AND ')
  const seen = `SELECT *, greatest(${event}, ${known}) AS "seen:" FROM ${given} WHERE ${isWhole}`
  const partition = keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')} `
  const rising = `SELECT * FROM (${seen})
    WINDOW w AS (${partition}ORDER BY "seen:", ${event}, "place:")
    QUALIFY ${event} = max(${event}) OVER w AND lead("seen:") OVER w IS DISTINCT FROM "seen:"`
  const askedAt = `l.${name(asOf.at)}`
  // The newest is chosen first: where it is too old, all others are.
  const isYoung =
    asOf.within === undefined
      ? undefined
      : `r.${event} >= ${askedAt} - to_microseconds(${Math.round(asOf.within * 1_000)})`
  const rightColumn = (column: string): string =>
    isYoung === undefined ? `r.${name(column)}` : `CASE WHEN ${isYoung} THEN r.${name(column)} END`
  const columns = [
    ...left.schema.map((rule) => `l.${name(rule.name)}`),
    ...right.schema
      .filter((rule) => !on.includes(rule.name))
      .map((rule) => `${rightColumn(rule.name)} AS ${name(`${prefix}${rule.name}`)}`),
  ]
  // Left as it is, a missing time may find the newest row there is: findings/duckdb-asof-null-times.sh.
  const asks = `coalesce(${askedAt}, '-infinity'::TIMESTAMP)`
  const matches = [...keys.map((key) => `l.${key} = r.${key}`), `${asks} >= r."seen:"`]
  return `SELECT ${columns.join(', ')} FROM ${asked} l ASOF LEFT JOIN (${rising}) r ON ${matches.join(' AND ')}
    ORDER BY l."place:"`
}

/** A table by its schema, with the places of its rows as one number: to sort by two takes longer. */
async function numbered(connection: DuckDBConnection, table: LocalTable): Promise<string> {
  const relation = await relationOf(connection, await openTable(connection, table), { position: true })
  return `(SELECT *, ${fileColumn} * ${2 ** 40} + ${rowColumn} AS "place:" FROM ${relation})`
}
