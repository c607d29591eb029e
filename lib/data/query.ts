import type { DuckDBConnection } from '@duckdb/node-api'
import { SlipwayError } from '../formats/errors.ts'
import { rowsOf, text } from './duckdb.ts'
import { orderedQuery } from './query-order.ts'

/*
 * What the SQL of a derived table may be: one SELECT over its own tables, whose answer depends on nothing else. It is
 * looked at as DuckDB's own parser reads it (`json_serialize_sql`), and what a function is, DuckDB's catalogue says.
 * Files and settings are out of its reach besides: the database that runs it is locked (`derive.ts`).
 */

/** A part of a query as DuckDB's parser gives it. */
export type Part = Readonly<Record<string, unknown>>

/** A query that may run. */
export interface Query {
  /** What messages call its table. */
  readonly name: string
  readonly sql: string
}

/** Functions over no table's rows but numbers, lists or JSON of the query's own. */
const tableFunctions = ['range', 'generate_series', 'unnest', 'json_each', 'json_tree']
/** Names that SQL reads the clock by, without brackets. */
const clockNames = ['current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp']
/** Functions that DuckDB's catalogue takes for constant, though they read the clock, the settings or chance. */
const misjudged = ['current_localtime', 'current_localtimestamp', 'current_setting', 'reservoir_quantile']
/** One that the catalogue calls volatile, for it never answers. */
const harmless = ['error']

const hint =
  'a derived table depends on its tables only: write what it needs as a constant, or bring it in as a table of its own'

/**
 * Looks at a query before anything of it runs.
 * @param tables the names it may read
 * @returns its SQL; where it ends with an ORDER BY, rows that this does not tell apart come in the order of their
 * values
 * @throws SlipwayError SQL_INVALID
 */
export async function readQuery(
  connection: DuckDBConnection,
  { name, sql: given }: Query,
  tables: readonly string[],
): Promise<{ readonly sql: string; readonly isOrdered: boolean }> {
  const sql = given.trim().replace(/;$/, '')
  const refuse: Refuse = (what, next = hint) => {
    throw new SlipwayError('SQL_INVALID', `the SQL of table "${name}" ${what}`, { next })
  }
  const statements = await parse(connection, sql, refuse)
  const [statement] = statements
  if (statement === undefined || statements.length > 1)
    return refuse(`is ${statements.length} statements`, 'write one SELECT; WITH names the steps before it')
  const parts = partsOf(statement)
  requireOwnTables(parts, tables, refuse)
  requireConstant(parts, refuse)
  await requirePureFunctions(connection, parts, refuse)
  return orderedQuery(connection, statement, sql)
}

type Refuse = (what: string, next?: string) => never

/** The statements of a text. */
async function parse(connection: DuckDBConnection, sql: string, refuse: Refuse): Promise<Part[]> {
  const [row] = await rowsOf(connection, `SELECT json_serialize_sql(${text(sql)}) AS parsed`)
  const parsed = JSON.parse(String(row?.parsed)) as {
    error: boolean
    error_type?: string
    error_message?: string
    statements?: Part[]
  }
  if (!parsed.error) return parsed.statements ?? []
  if (parsed.error_type === 'not implemented') {
    const [word = ''] = /[a-z]+/i.exec(sql) ?? []
    return refuse(
      `is no SELECT: ${word.toUpperCase()} writes, or sets something`,
      'write one SELECT, or WITH … SELECT: it is stored for you',
    )
  }
  return refuse(`cannot be read: ${String(parsed.error_message).split('\n')[0]}`, 'correct it there')
}

/** All parts of a query, the query itself among them. */
function partsOf(whole: unknown): Part[] {
  if (Array.isArray(whole)) return whole.flatMap(partsOf)
  if (typeof whole !== 'object' || whole === null) return []
  return [whole as Part, ...Object.values(whole).flatMap(partsOf)]
}

/** Everything it reads is a table of its own or a step of the query. */
function requireOwnTables(parts: readonly Part[], tables: readonly string[], refuse: Refuse): void {
  const steps = parts.flatMap((part) => ((part.cte_map as Part | undefined)?.map ?? []) as { key: string }[])
  const known = [...tables, ...steps.map(({ key }) => key)].map((each) => each.toLowerCase())
  for (const part of parts) {
    if (part.type === 'BASE_TABLE') {
      const { catalog_name, schema_name, table_name } = part as Record<string, string>
      const isPlain = catalog_name === '' && schema_name === ''
      if (!isPlain || !known.includes(String(table_name).toLowerCase())) {
        const named = [catalog_name, schema_name, table_name].filter((each) => each !== '').join('.')
        refuse(`reads "${named}", which is none of its tables`, `it has ${tables.join(', ')}: name others in from`)
      }
    }
    if (part.type === 'SHOW_REF') refuse('describes a table', 'write a SELECT of rows')
    const { function_name: called } = (part.function ?? {}) as { function_name?: string }
    if (part.type === 'TABLE_FUNCTION' && !tableFunctions.includes(String(called)))
      refuse(`reads ${called}(), which is none of its tables`, 'files are read by p.snapshot: name it in from')
  }
}

/** Nothing in it is left to chance, to the clock, or open. */
function requireConstant(parts: readonly Part[], refuse: Refuse): void {
  for (const part of parts) {
    if (part.class === 'PARAMETER') refuse('has a parameter, and nobody to give it', 'write the value')
    if ((part.sample ?? null) !== null)
      refuse('takes a sample, another one every time', `keep rows by a hash of a column: WHERE hash(id) % 10 = 0`)
    const { column_names: names } = part as { column_names?: string[] }
    const [only = ''] = names?.length === 1 ? names : []
    if (part.class === 'COLUMN_REF' && clockNames.includes(only.toLowerCase())) refuse(`reads the clock: ${only}`)
    const kinds = ((part.modifiers ?? []) as Part[]).map(({ type }) => type)
    if (kinds.some((kind) => String(kind).startsWith('LIMIT')) && !kinds.includes('ORDER_MODIFIER'))
      refuse('has a LIMIT without an ORDER BY: which rows are kept is chance', 'say by what they are chosen: ORDER BY')
  }
}

/** Its functions give the same answer to the same question; a macro is what it is written with. */
async function requirePureFunctions(
  connection: DuckDBConnection,
  parts: readonly Part[],
  refuse: Refuse,
): Promise<void> {
  const seen = new Set<string>(harmless)
  const look = async (parts: readonly Part[], refuse: Refuse): Promise<void> => {
    const called = functionsIn(parts)
    if (called.some(({ name, given }) => name === 'age' && given === 1)) refuse('reads the clock: age() of one time')
    const fresh = called.map(({ name }) => name).filter((name) => !seen.has(name))
    for (const name of fresh) seen.add(name)
    for (const { name, varies, macro } of await known(connection, fresh)) {
      if (varies || misjudged.includes(name)) refuse(`calls ${name}(), whose answer is not always the same`)
      if (macro === null) continue
      const inside = partsOf(await parse(connection, `SELECT ${macro}`, refuse))
      const refuseMacro: Refuse = (what, next) => refuse(`calls ${name}(), which ${what}`, next)
      requireConstant(inside, refuseMacro)
      await look(inside, refuseMacro)
    }
  }
  await look(parts, refuse)
}

/** What DuckDB's catalogue knows of functions; of one name there may be several. */
async function known(
  connection: DuckDBConnection,
  names: readonly string[],
): Promise<{ readonly name: string; readonly varies: boolean; readonly macro: string | null }[]> {
  if (names.length === 0) return []
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT function_name AS name, stability <> 'CONSISTENT' AS varies, macro_definition AS macro
      FROM duckdb_functions() WHERE function_name IN (${names.map(text).join(', ')}) ORDER BY ALL`,
  )
  return rows.map(({ name, varies, macro }) => ({
    name: String(name),
    varies: varies === true,
    macro: macro === null ? null : String(macro),
  }))
}

/** Functions that are called, with how many things they are given. */
function functionsIn(parts: readonly Part[]): { readonly name: string; readonly given: number }[] {
  return parts.flatMap(({ function_name: name, children }) =>
    typeof name === 'string' ? [{ name: name.toLowerCase(), given: ((children ?? []) as unknown[]).length }] : [],
  )
}
