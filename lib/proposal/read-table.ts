import type { DuckDBConnection } from '@duckdb/node-api'
import { rowsOf, text } from '../data/duckdb.ts'
import { openTable } from '../data/table.ts'
import type { FoundColumn } from '../data/table-file.ts'
import { textOf } from '../data/text-files.ts'
import { csvScanner, delimiters, fieldsOf } from '../formats/csv.ts'
import { SlipwayError } from '../formats/errors.ts'
import { compressionOf, delimiterOf, formatOf } from '../formats/table-format.ts'
import { parsed, valueSql } from './conversions.ts'
import { countColumns, type LookedColumn, missingWordsOf } from './count-cells.ts'
import { type ColumnProfile, mostValues, type Relation, type TableProfile } from './profile.ts'
import { type Counts, type OwnType, ownTypeOf, type Reading, readingOf } from './reading.ts'
import { relationsTo } from './relations.ts'
import { sniffCsv } from './sniff.ts'

/** Rows that are looked at: of larger files the first ones. */
const mostRows = 1_000_000
/** Bytes of a CSV file by which its dialect is told. */
const sniffed = 1 << 18
/** Different values of a column that are kept for made-up rows. */
const pooled = 50

/** A table that was looked at, and what can be asked of it afterwards. */
export interface LookedAt {
  readonly profile: TableProfile
  relationsTo(target: string): Promise<Relation[]>
}

/**
 * Looks at a file of this machine: what its columns hold, over all rows.
 * @param from what the definition is to call it; its format is told by this name
 * @throws SlipwayError SOURCE_UNREADABLE, SOURCE_EMPTY, USAGE where the name tells no format
 */
export async function readTable(connection: DuckDBConnection, path: string, from: string): Promise<LookedAt> {
  const format = formatOf(from)
  if (format === undefined)
    throw new SlipwayError('USAGE', `cannot tell from the name of ${from} what it is`, {
      next: 'a name that ends with .csv, .tsv, .parquet, .json, .jsonl or .ndjson, each also .gz or .zst',
    })
  const file = { path, name: from, compression: compressionOf(from) }
  const dialect = format === 'csv' ? await dialectOf(file, from) : { delimiter: ',' as const, header: true, names: [] }
  const { delimiter, header, names } = dialect
  const numbered = header ? [] : names.map((_, i) => ({ name: `column${i + 1}` }))
  const open = await openTable(connection, {
    files: [file],
    format,
    dialect: { delimiter, header },
    schema: numbered.map(({ name }) => ({ name, type: 'string' as const, nullable: true })),
  })
  const part = open.parts[0]
  if (part === undefined || part.rows === 0)
    throw new SlipwayError('SOURCE_EMPTY', `${from} has no rows`, { next: 'a file with rows, some dozens at least' })
  const twice = header ? [...new Set(names.filter((each, i) => names.indexOf(each) !== i && each.trim() !== ''))] : []
  const nameless = header ? names.filter((each) => each.trim() === '').length : 0
  const usable = [...part.columns].filter(([column]) => column.trim() !== '' && !twice.includes(column))
  const columns = usable.map(
    ([column, found], i): LookedColumn => ({
      name: column,
      carrier: found.carrier,
      own: found.carrier === 'typed' ? ownTypeOf(found.type) : undefined,
      cell: `c${i}`,
    }),
  )
  const texts = usable.map(([, found], i) => `${textSql(found)} AS c${i}, ${jsonTypeSql(found)} AS j${i}`)
  await connection.run(
    `CREATE TEMP TABLE looked AS SELECT ${['"problem:" IS NOT NULL AS broken', ...texts].join(', ')} FROM ${part.from} LIMIT ${mostRows}`,
  )
  const na = format === 'csv' ? await missingWordsOf(connection, columns) : []
  if (na.length > 0)
    await connection.run(
      `UPDATE looked SET ${columns.map(({ cell }) => `${cell} = CASE WHEN ${cell} IN (${na.map(text).join(', ')}) THEN NULL ELSE ${cell} END`).join(', ')}`,
    )
  const profiles: ColumnProfile[] = []
  for (const [i, counts] of (await countColumns(connection, columns)).entries())
    profiles.push(await profileOf(connection, columns[i] as LookedColumn, counts))
  const [count] = await rowsOf(connection, 'SELECT count(*) AS rows, count(*) FILTER (broken) AS broken FROM looked')
  const profile = {
    from,
    format,
    delimiter,
    header,
    rows: part.rows,
    looked: Number(count?.rows),
    broken: Number(count?.broken),
    na,
    columns: profiles,
    twice,
    nameless,
  }
  return { profile, relationsTo: (target) => relationsTo(connection, columns, profiles, target) }
}

/** How a CSV file is written, and the fields of its first record. @throws SlipwayError SOURCE_EMPTY */
async function dialectOf(file: Parameters<typeof textOf>[0], from: string) {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of textOf(file, () => 1)) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= sniffed) break
  }
  const beginning = Buffer.concat(chunks)
  if (beginning.toString('utf8').trim() === '')
    throw new SlipwayError('SOURCE_EMPTY', `${from} is empty`, { next: 'a file with rows, some dozens at least' })
  const found = sniffCsv(beginning, length < sniffed)
  const delimiter = delimiterOf(from) === '\t' ? delimiters.tab : found.delimiter
  let first: string[] | undefined
  const scanner = csvScanner(
    delimiter,
    ({ bytes }) => {
      first ??= fieldsOf(Buffer.from(bytes ?? []).toString('utf8'), delimiter)
    },
    true,
  )
  scanner.push(beginning)
  scanner.end()
  return { delimiter, header: found.header, names: first ?? [] }
}

/** A cell as text, null where nothing is in it. */
function textSql({ sql, carrier, type }: FoundColumn): string {
  if (carrier === 'cell') return `nullif(${sql}, '')`
  if (carrier === 'json') return `nullif(${sql}->>'$', '')`
  if (/^TIMESTAMP/.test(type) || type === 'DATE') return `strftime(${sql}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%g')`
  if (type === 'FLOAT' || type === 'DOUBLE') return `CASE WHEN isnan(${sql}) THEN NULL ELSE ${sql}::VARCHAR END`
  return `nullif(${sql}::VARCHAR, '')`
}

const jsonTypeSql = ({ sql, carrier }: FoundColumn): string =>
  carrier === 'json' ? `json_type(${sql})` : 'NULL::VARCHAR'

/** JSON's own types of a column that hold all its values, as one. */
async function jsonType(connection: DuckDBConnection, cell: string): Promise<OwnType> {
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT j${cell.slice(1)} AS type FROM looked WHERE ${cell} IS NOT NULL`,
  )
  const types = rows.map(({ type }) => String(type))
  if (types.every((type) => /INT$/.test(type))) return 'whole'
  if (types.every((type) => /INT$|^DOUBLE$/.test(type))) return 'number'
  if (types.every((type) => type === 'BOOLEAN')) return 'boolean'
  return types.every((type) => type === 'VARCHAR') ? 'text' : 'nested'
}

/** A reading with the formats that some value is in. */
async function withFormats(connection: DuckDBConnection, cell: string, reading: Reading): Promise<Reading> {
  if (reading.kind !== 'time' || reading.formats === undefined) return reading
  const counted = reading.formats.map((format, i) => `count(${parsed(cell, [format])}) AS f${i}`)
  const [row] = await rowsOf(connection, `SELECT ${counted.join(', ')} FROM looked`)
  return { ...reading, formats: reading.formats.filter((_, i) => Number(row?.[`f${i}`]) > 0) }
}

async function profileOf(connection: DuckDBConnection, column: LookedColumn, counts: Counts): Promise<ColumnProfile> {
  const { name: called, carrier, cell } = column
  const own = carrier === 'json' && counts.present > 0 ? await jsonType(connection, cell) : column.own
  const reading = await withFormats(connection, cell, readingOf(counts, own))
  const value = valueSql(cell, reading)
  const isNumeric = reading.kind === 'number' || reading.kind === 'time'
  const measured =
    reading.kind === 'time' ? `epoch_ms(${value})` : reading.kind === 'number' ? value : `length(${cell})`
  const [row] = await rowsOf(
    connection,
    `SELECT count(${value}) AS read, min(${measured}) AS low, max(${measured}) AS high FROM looked WHERE ${cell} IS NOT NULL`,
  )
  const ofDay =
    reading.kind === 'time'
      ? await rowsOf(connection, `SELECT count(*) AS n FROM looked WHERE ${measured} % 86400000 <> 0`)
      : []
  const values =
    counts.distinct > 0 && counts.distinct <= mostValues
      ? await rowsOf(
          connection,
          `SELECT ${cell} AS v, count(*) AS n FROM looked WHERE ${cell} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`,
        )
      : []
  return {
    name: called,
    carrier,
    reading,
    present: counts.present,
    stray: counts.present - Number(row?.read ?? 0),
    distinct: counts.distinct,
    min: isNumeric && row?.low !== null ? Number(row?.low) : undefined,
    max: isNumeric && row?.high !== null ? Number(row?.high) : undefined,
    values: values.map(({ v, n }) => [String(v), Number(n)] as const),
    ...(await poolOf(connection, cell, value, reading)),
    longest: isNumeric ? 0 : Number(row?.high ?? 0),
    hasTimeOfDay: Number(ofDay[0]?.n ?? 0) > 0,
  }
}

/** Some of a column's different values; of times those at equal steps through the rows, in their order. */
async function poolOf(
  connection: DuckDBConnection,
  cell: string,
  value: string,
  { kind }: Reading,
): Promise<Pick<ColumnProfile, 'pool' | 'times'>> {
  if (kind === 'nothing' || kind === 'nested') return { pool: [], times: [] }
  if (kind !== 'time') {
    const rows = await rowsOf(
      connection,
      `SELECT v FROM (SELECT DISTINCT ${cell} AS v FROM looked WHERE (${value}) IS NOT NULL) ORDER BY hash(v), v LIMIT ${pooled}`,
    )
    return { pool: rows.map(({ v }) => String(v)), times: [] }
  }
  const rows = await rowsOf(
    connection,
    `SELECT v, epoch_ms(t) AS ms FROM (SELECT ${cell} AS v, ${value} AS t, row_number() OVER (ORDER BY ${value}, ${cell}) - 1 AS i, count(*) OVER () AS n FROM looked WHERE (${value}) IS NOT NULL)
      WHERE n <= ${pooled} OR i = 0 OR i * ${pooled - 1} // greatest(n - 1, 1) <> (i - 1) * ${pooled - 1} // greatest(n - 1, 1) ORDER BY i`,
  )
  return { pool: rows.map(({ v }) => String(v)), times: rows.map(({ ms }) => Number(ms)) }
}
