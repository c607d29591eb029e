import { type DuckDBConnection, DuckDBDataChunk, INTEGER, VARCHAR } from '@duckdb/node-api'
import { checkOf } from '../definition/contract/check.ts'
import { type Rule, rulesOf } from '../definition/contract/rules.ts'
import { brokenSql, isTextRule } from '../definition/contract/sql.ts'
import { ruleInWords } from '../definition/contract/words.ts'
import type { ColumnRule, RowSchema } from '../formats/row-schema.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { columnOf, relationOf } from './select.ts'
import type { OpenTable } from './table.ts'
import { fileColumn, problemColumn, rowColumn } from './table-file.ts'

/** Something that rows are checked for. */
export interface RowRule {
  /** Empty for what is wrong with a row as a whole. */
  readonly column: string
  readonly rule: string
}

/**
 * Name of the table of broken rows: `file`, `row`, `rule` (its number) and `value`, a row for each rule that a row
 * breaks.
 */
export const brokenTable = '"broken:"'
/** Columns that one statement checks. */
const columnsAtOnce = 200
/** Texts that one statement asks about. */
const vectorRows = 2_048

/** Rows to check: a relation with the schema's columns as values and as `raw:<name>`, and the places of `selectOf`. */
export interface CheckedRelation {
  readonly sql: string
  readonly schema: RowSchema
  /** Columns where there may be something that is no value of the type. */
  readonly mistyped: ReadonlySet<string>
  /** Whether a row may be wrong as a whole. */
  readonly mayHaveProblems: boolean
  /** The different texts of a column, where they are known already. */
  readonly texts?: ReadonlyMap<string, readonly string[] | undefined>
}

/** An open table as a relation to check. @param keys columns that are looked at for repetitions */
export async function relationToCheck(
  connection: DuckDBConnection,
  open: OpenTable,
  keys: readonly string[],
): Promise<CheckedRelation> {
  return {
    sql: await relationOf(connection, open, { raw: true, position: true, keys }),
    schema: open.schema,
    mistyped: mistypedIn(open),
    mayHaveProblems: open.format !== 'parquet',
  }
}

/** What of an open table may go wrong. */
export function mistypedIn({ schema, parts }: OpenTable): Set<string> {
  const found = schema.filter((rule) => parts.some((part) => columnOf(rule, part).mayMistype))
  return new Set(found.map((rule) => rule.name))
}

/**
 * Finds every row that breaks the contract, into the temporary table `brokenTable`; a row that is wrong as a whole is
 * told as that alone. Numbers, times and booleans are compared by DuckDB; texts are checked by JavaScript, each
 * different one once.
 * @returns the rules by number
 */
export async function findBroken(connection: DuckDBConnection, relation: CheckedRelation): Promise<RowRule[]> {
  await connection.run(`CREATE TEMP TABLE ${brokenTable} (file INTEGER, row BIGINT, rule INTEGER, value VARCHAR)`)
  const rules: RowRule[] = [{ column: '', rule: 'record' }]
  if (relation.mayHaveProblems) {
    await connection.run(
      `INSERT INTO ${brokenTable} SELECT ${fileColumn}, ${rowColumn}, 0, ${problemColumn} FROM ${relation.sql} WHERE ${problemColumn} IS NOT NULL`,
    )
  }
  for (let at = 0; at < relation.schema.length; at += columnsAtOnce)
    await checkColumns(connection, relation, relation.schema.slice(at, at + columnsAtOnce), rules)
  return rules
}

/** A check of one column: its number, and the SQL that is true where it is broken. */
interface Check {
  readonly number: number
  readonly column: string
  readonly broken: string
}

async function checkColumns(
  connection: DuckDBConnection,
  relation: CheckedRelation,
  columns: RowSchema,
  rules: RowRule[],
): Promise<void> {
  const checks: Check[] = []
  const add = (column: string, rule: string, broken: string | undefined): void => {
    const number = rules.push({ column, rule }) - 1
    if (broken !== undefined) checks.push({ number, column, broken })
  }
  for (const column of columns) {
    const value = name(column.name)
    const raw = name(`raw:${column.name}`)
    const mayMistype = relation.mistyped.has(column.name)
    add(column.name, `type ${column.type}`, mayMistype ? `${value} IS NULL AND ${raw} IS NOT NULL` : undefined)
    if (!column.nullable) add(column.name, 'required', `${mayMistype ? raw : value} IS NULL`)
    const texts: Rule[] = []
    for (const rule of rulesOf(column)) {
      if (isTextRule(rule, column)) texts.push(rule)
      else {
        const broken = brokenSql(rule, column, value)
        add(column.name, ruleInWords(rule, column.type), broken === 'false' ? undefined : broken)
      }
    }
    if (texts.length === 0) continue
    const first = rules.length
    const bad = await badTexts(connection, relation, column, texts)
    for (const [i, rule] of texts.entries())
      add(column.name, ruleInWords(rule, column.type), bad.has(i) ? isBadText(column, first, i) : undefined)
    if (bad.size > 0) await keepTexts(connection, column, first, bad)
  }
  if (checks.length === 0) return
  const isWhole = relation.mayHaveProblems ? `${problemColumn} IS NULL AND ` : ''
  const any = `${isWhole}(${checks.map(({ broken }) => `(${broken}) IS TRUE`).join(' OR ')})`
  const [count] = await rowsOf(connection, `SELECT count(*) FILTER (WHERE ${any}) AS rows FROM ${relation.sql}`)
  if (Number(count?.rows) === 0) return
  const found = checks.map(
    ({ number, column, broken }) =>
      `CASE WHEN ${broken} THEN {'rule': ${number}, 'value': ${name(`raw:${column}`)}::VARCHAR} END`,
  )
  await connection.run(
    `INSERT INTO ${brokenTable} SELECT file, row, found.rule, found.value FROM (SELECT ${fileColumn} AS file, ${rowColumn} AS row, unnest(list_filter([${found.join(', ')}], x -> x IS NOT NULL)) AS found FROM ${relation.sql} WHERE ${any})`,
  )
}

const textTable = (column: ColumnRule): string => name(`texts:${column.name}`)
const isBadText = (column: ColumnRule, first: number, number: number): string =>
  `${name(column.name)} IN (SELECT value FROM ${textTable(column)} WHERE rule = ${first + number})`

/** The different texts of a column that break each of some rules. */
async function badTexts(
  connection: DuckDBConnection,
  { sql, texts }: CheckedRelation,
  column: ColumnRule,
  rules: readonly Rule[],
): Promise<Map<number, string[]>> {
  const keeps = rules.map(checkOf)
  const bad = new Map<number, string[]>()
  const check = (value: string): void => {
    for (let i = 0; i < keeps.length; i++) {
      if (keeps[i]?.(value) === true) continue
      const known = bad.get(i)
      if (known === undefined) bad.set(i, [value])
      else known.push(value)
    }
  }
  const known = texts?.get(column.name)
  if (known !== undefined) {
    known.forEach(check)
    return bad
  }
  const value = name(column.name)
  const result = await connection.stream(`SELECT DISTINCT ${value}::VARCHAR FROM ${sql} WHERE ${value} IS NOT NULL`)
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    for (const found of chunk.getColumnValues(0)) check(found as string)
  }
  return bad
}

async function keepTexts(
  connection: DuckDBConnection,
  column: ColumnRule,
  first: number,
  bad: ReadonlyMap<number, readonly string[]>,
): Promise<void> {
  await connection.run(`CREATE TEMP TABLE ${textTable(column)} (rule INTEGER, value VARCHAR)`)
  const appender = await connection.createAppender(`texts:${column.name}`)
  for (const [number, values] of bad) {
    for (let at = 0; at < values.length; at += vectorRows) {
      const some = values.slice(at, at + vectorRows)
      const chunk = DuckDBDataChunk.create([INTEGER, VARCHAR], some.length)
      chunk.setColumns([some.map(() => first + number), some])
      appender.appendDataChunk(chunk)
    }
  }
  appender.closeSync()
}

/**
 * Adds rows whose keys occurred before, among the rows that keep everything else. Keys are compared as they lie in the
 * files, to the last digit; a key with a part that is missing is like no other.
 * @param columns the key's, which the relation has as `key:<name>`
 */
export async function addRepeated(
  connection: DuckDBConnection,
  { sql }: CheckedRelation,
  rules: RowRule[],
  columns: readonly string[],
): Promise<void> {
  const number = rules.push({ column: columns.join(', '), rule: 'unique' }) - 1
  const parts = columns.map((column, i) => `${name(`key:${column}`)} AS k${i}`)
  const named = columns.map((_, i) => `k${i}`)
  await connection.run(
    `INSERT INTO ${brokenTable} SELECT file, row, ${number}, concat_ws(', ', ${named.map((key) => `${key}::VARCHAR`).join(', ')}) FROM (
       SELECT *, row_number() OVER (PARTITION BY ${named.join(', ')} ORDER BY file, row) AS times FROM (
         SELECT ${fileColumn} AS file, ${rowColumn} AS row, ${parts.join(', ')} FROM ${sql}) k
       WHERE ${named.map((key) => `${key} IS NOT NULL`).join(' AND ')}
         AND NOT EXISTS (SELECT 1 FROM ${brokenTable} b WHERE b.file = k.file AND b.row = k.row))
     WHERE times > 1`,
  )
}

/** What is wrong with a row as a whole, without the row: it stands behind the first colon. */
export const problemIn = (problem: string): string => problem.split(': ', 1)[0] as string

/** SQL for the reasons why rows were set aside, in words: `file`, `row`, `reasons`. */
export function reasonsSql(rules: readonly RowRule[]): string {
  const list = rules.map(({ column, rule }) => text(column === '' ? rule : `${column}: ${rule}`)).join(', ')
  return `SELECT file, row, string_agg(CASE WHEN rule = 0 THEN value ELSE ([${list}])[rule + 1] END, '; ' ORDER BY rule) AS reasons FROM ${brokenTable} GROUP BY file, row`
}
