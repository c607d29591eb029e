import type { DuckDBConnection } from '@duckdb/node-api'
import { name, rowsOf, text } from '../data/duckdb.ts'
import { countsSql, datesSql } from './conversions.ts'
import { type Carrier, type Counts, type OwnType, readingOf } from './reading.ts'
import { isMissingWord } from './words.ts'

/** A column of the relation `looked`. */
export interface LookedColumn {
  readonly name: string
  readonly carrier: Carrier
  readonly own: OwnType | undefined
  /** SQL of its text in the relation. */
  readonly cell: string
}

/** Columns that one statement counts. */
const columnsAtOnce = 50

/** Words in columns of numbers or dates that stand for nothing, as they are written. */
export async function missingWordsOf(
  connection: DuckDBConnection,
  columns: readonly LookedColumn[],
): Promise<string[]> {
  const found = new Set<string>()
  for (const { cell } of columns) {
    const rows = await rowsOf(
      connection,
      `SELECT ${cell} AS v, count(*) AS n FROM looked WHERE ${cell} IS NOT NULL AND length(${cell}) <= 12 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200`,
    )
    const words = rows.map(({ v }) => String(v)).filter(isMissingWord)
    for (const blank of words.filter((word) => word.trim() === '')) found.add(blank)
    if (words.length === 0) continue
    const list = words.map(text).join(', ')
    const others = countsSql(`(CASE WHEN ${cell} IN (${list}) THEN NULL ELSE ${cell} END)`)
    const dates = datesSql(`(CASE WHEN ${cell} IN (${list}) THEN NULL ELSE ${cell} END)`)
    const [counted] = await rowsOf(
      connection,
      `SELECT ${Object.entries({ ...others, ...dates })
        .map(([alias, sql]) => `${sql} AS ${name(alias)}`)
        .join(', ')} FROM looked`,
    )
    const counts = { ...countsFrom(counted ?? {}, ''), nested: 0 }
    const { kind } = readingOf(counts, undefined)
    // In a column of texts such a word may be one of them: "none" is a kind of garage.
    if (kind === 'number' || kind === 'time' || kind === 'boolean') for (const word of words) found.add(word)
  }
  return [...found].filter((word) => word.toLowerCase() !== 'nan')
}

/** What the cells of each column could be. */
export async function countColumns(connection: DuckDBConnection, columns: readonly LookedColumn[]): Promise<Counts[]> {
  const counts: Counts[] = []
  for (let at = 0; at < columns.length; at += columnsAtOnce) {
    const some = columns.slice(at, at + columnsAtOnce)
    const aggregates = some.flatMap(({ cell }) => [
      ...Object.entries(countsSql(cell)).map(([alias, sql]) => `${sql} AS ${name(`${cell} ${alias}`)}`),
      `count(*) FILTER (j${cell.slice(1)} IN ('OBJECT', 'ARRAY')) AS ${name(`${cell} nested`)}`,
    ])
    const [row] = await rowsOf(connection, `SELECT ${aggregates.join(', ')} FROM looked`)
    for (const column of some) {
      const found = countsFrom(row ?? {}, `${column.cell} `)
      const mayBeDate = column.own === undefined || column.own === 'text'
      counts.push(
        mayBeDate && found.numbers < found.present / 2 && found.times < found.present / 2
          ? { ...found, dates: await countDates(connection, column.cell) }
          : found,
      )
    }
  }
  return counts
}

async function countDates(connection: DuckDBConnection, cell: string): Promise<Record<string, number>> {
  const [row] = await rowsOf(
    connection,
    `SELECT ${Object.entries(datesSql(cell))
      .map(([format, sql]) => `${sql} AS ${name(format)}`)
      .join(', ')} FROM looked`,
  )
  return Object.fromEntries(Object.entries(row ?? {}).map(([format, count]) => [format, Number(count)]))
}

function countsFrom(row: Record<string, unknown>, prefix: string): Counts {
  const of = (alias: string): number => Number(row[`${prefix}${alias}`] ?? 0)
  const dates = Object.entries(row).filter(([alias]) => prefix === '' && alias.startsWith('%'))
  return {
    present: of('present'),
    distinct: of('distinct'),
    numbers: of('numbers'),
    whole: of('whole'),
    padded: of('padded'),
    times: of('times'),
    truths: of('truths'),
    commas: of('commas'),
    dressed: of('dressed'),
    nested: of('nested'),
    dates: Object.fromEntries(dates.map(([format, count]) => [format, Number(count)])),
  }
}
