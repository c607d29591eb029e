import type { DuckDBConnection } from '@duckdb/node-api'
import { z } from 'zod'
import type { StepOf } from '../pipelines/plan.ts'
import type { ColumnRule } from '../pipelines/row-schema.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { type LocalTable, scan, typedSelect } from './table.ts'

type Rules = Pick<StepOf<'validate'>, 'maxBadRows' | 'completeness' | 'unique'>

/** What one rule found. Rows count from 1. */
export const RuleFinding = z.object({
  column: z.string(),
  rule: z.string(),
  rows: z.int(),
  firstRow: z.int().nullable(),
  /** The value there. */
  example: z.string().nullable(),
})
export const ContractReport = z.object({
  rows: z.int(),
  badRows: z.int(),
  findings: z.array(RuleFinding),
  /** Columns below their completeness, in words. */
  incomplete: z.array(z.string()),
  passed: z.boolean(),
  /** The verdict in one sentence. */
  verdict: z.string(),
})
export type ContractReport = z.infer<typeof ContractReport>

interface RowRule {
  readonly column: string
  readonly rule: string
  /** SQL that is true for a row that breaks the rule. */
  readonly broken: string
  /** Missing values of a column with a completeness of its own are not held against `maxBadRows`. */
  readonly counts: boolean
}

/** SQL that is true for a row that breaks any of some rules. */
export function anyOf(rules: readonly RowRule[]): string {
  return rules.map(({ broken }) => `(${broken}) IS TRUE`).join(' OR ') || 'false'
}

/** SQL for the reasons why a row breaks rules, in words; null for each it keeps. */
export function reasonsOf(rules: readonly RowRule[]): string[] {
  return rules.map(({ column, rule, broken }) => `CASE WHEN ${broken} THEN ${text(`${column}: ${rule}`)} END`)
}

/** The largest set of values that is checked by comparing; larger ones go through an ENUM, whose look-up is a hash. */
const smallSet = 8

export function rowRulesOf(rule: ColumnRule, format: LocalTable['format'], hasCompleteness: boolean): RowRule[] {
  const column = name(rule.name)
  const rules: RowRule[] = []
  const add = (what: string, broken: string, counts = true): void =>
    void rules.push({ column: rule.name, rule: what, broken, counts })
  if (format !== 'parquet') add(`type ${rule.type}`, `${column} IS NULL AND ${name(`raw:${rule.name}`)} IS NOT NULL`)
  if (!rule.nullable)
    add(
      'required',
      format === 'parquet' ? `${column} IS NULL` : `${name(`raw:${rule.name}`)} IS NULL`,
      !hasCompleteness,
    )
  const bound = (value: number): string =>
    rule.type === 'timestamp' ? `make_timestamp(${value * 1000})` : String(value)
  const when = (value: number): string | number => (rule.type === 'timestamp' ? new Date(value).toISOString() : value)
  if (rule.minimum !== undefined) add(`≥ ${when(rule.minimum)}`, `${column} < ${bound(rule.minimum)}`)
  if (rule.exclusiveMinimum !== undefined)
    add(`> ${when(rule.exclusiveMinimum)}`, `${column} <= ${bound(rule.exclusiveMinimum)}`)
  if (rule.maximum !== undefined) add(`≤ ${when(rule.maximum)}`, `${column} > ${bound(rule.maximum)}`)
  if (rule.exclusiveMaximum !== undefined)
    add(`< ${when(rule.exclusiveMaximum)}`, `${column} >= ${bound(rule.exclusiveMaximum)}`)
  if (rule.type === 'integer') add('whole number', `${column} <> floor(${column})`)
  if (rule.multipleOf !== undefined) add(`multiple of ${rule.multipleOf}`, `${column} % ${rule.multipleOf} <> 0`)
  if (rule.minLength !== undefined) add(`length ≥ ${rule.minLength}`, `length(${column}) < ${rule.minLength}`)
  if (rule.maxLength !== undefined) add(`length ≤ ${rule.maxLength}`, `length(${column}) > ${rule.maxLength}`)
  if (rule.pattern !== undefined) add(`pattern ${rule.pattern}`, `NOT regexp_matches(${column}, ${text(rule.pattern)})`)
  if (rule.enum !== undefined) {
    const values = rule.enum.map(text).join(', ')
    const isIn =
      rule.enum.length <= smallSet ? `${column} IN (${values})` : `TRY_CAST(${column} AS ENUM (${values})) IS NOT NULL`
    add(
      `one of ${rule.enum.slice(0, 8).join(', ')}${rule.enum.length > 8 ? ', …' : ''}`,
      `${column} IS NOT NULL AND NOT (${isIn})`,
    )
  }
  return rules
}

/**
 * Checks every row of a table against its schema and rules: one scan that counts, and, only when something is wrong, a
 * second one that shows it.
 */
export async function checkContract(
  connection: DuckDBConnection,
  table: LocalTable,
  rules: Rules,
): Promise<ContractReport> {
  const rowRules = table.schema.flatMap((rule) =>
    rowRulesOf(rule, table.format, rules.completeness[rule.name] !== undefined),
  )
  const typed = typedSelect(table, true)
  const counts = [
    'count(*) AS total',
    `count(*) FILTER (WHERE ${anyOf(rowRules)}) AS broken`,
    ...Object.keys(rules.completeness).map((column, i) => `count(${name(column)}) AS c${i}`),
  ]
  const [row = {}] = await rowsOf(connection, `SELECT ${counts.join(', ')} FROM (${typed})`)
  const rows = Number(row.total)

  // What each rule found is counted only where something was found: most tables are good.
  const details = [
    `count(*) FILTER (WHERE ${anyOf(rowRules.filter(({ counts: isCounted }) => isCounted))}) AS bad`,
    ...rowRules.map(({ broken }, i) => `count(*) FILTER (WHERE ${broken}) AS r${i}`),
  ]
  const [found = {}] =
    Number(row.broken) === 0 ? [] : await rowsOf(connection, `SELECT ${details.join(', ')} FROM (${typed})`)
  let badRows = Number(found.bad ?? 0)

  const findings: z.infer<typeof RuleFinding>[] = []
  const numbered = `SELECT *, row_number() OVER () AS "row:" FROM (${typed})`
  for (const [i, { column, rule, broken }] of rowRules.entries()) {
    const count = Number(found[`r${i}`] ?? 0)
    if (count === 0) continue
    const value = table.format === 'parquet' ? `${name(column)}::VARCHAR` : name(`raw:${column}`)
    const [first] = await rowsOf(
      connection,
      `SELECT "row:" AS row, ${value} AS value FROM (${numbered}) WHERE ${broken} LIMIT 1`,
    )
    findings.push({
      column,
      rule,
      rows: count,
      firstRow: Number(first?.row),
      example: first?.value === null ? null : plainNumber(String(first?.value)),
    })
  }
  for (const columns of rules.unique) {
    const key = columns.map(name).join(', ')
    const repeated = `SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY ${key} ORDER BY "row:") AS "times:" FROM (${numbered})) WHERE "times:" > 1`
    const [duplicate] = await rowsOf(connection, `SELECT count(*) AS rows, min("row:") AS first FROM (${repeated})`)
    const count = Number(duplicate?.rows)
    if (count === 0) continue
    const [first] = await rowsOf(
      connection,
      `SELECT concat_ws(', ', ${columns.map((column) => `${name(column)}::VARCHAR`).join(', ')}) AS value FROM (${repeated}) ORDER BY "row:" LIMIT 1`,
    )
    findings.push({
      column: columns.join(', '),
      rule: 'unique',
      rows: count,
      firstRow: Number(duplicate?.first),
      example: String(first?.value),
    })
    badRows += count
  }
  const incomplete = Object.entries(rules.completeness).flatMap(([column, least], i) => {
    const share = Number(row[`c${i}`]) / rows
    return share < least ? [`column "${column}": completeness ${Number(share.toPrecision(4))} < ${least}`] : []
  })
  const tooMany = badRows > rules.maxBadRows * rows
  return {
    rows,
    badRows,
    findings,
    incomplete,
    passed: !tooMany && incomplete.length === 0,
    verdict: verdictOf(rows, badRows, rules.maxBadRows, findings, incomplete),
  }
}

/** `999.0` as people wrote it: `999`. */
const plainNumber = (value: string): string => value.replace(/^(-?\d+)\.0$/, '$1')

function verdictOf(
  rows: number,
  badRows: number,
  maxBadRows: number,
  findings: ContractReport['findings'],
  incomplete: string[],
): string {
  if (incomplete.length > 0) return incomplete.join('; ')
  const [worst] = [...findings].sort((a, b) => b.rows - a.rows)
  if (worst === undefined) return `all ${rows} rows keep the contract`
  if (badRows === 0) {
    const missing = findings.map(({ column, rows: count }) => `"${column}" of ${count}`).join(', ')
    return `rows without a value set aside, as completeness allows: ${missing} of ${rows} rows`
  }
  const where = `column "${worst.column}", row ${worst.firstRow}: ${JSON.stringify(worst.example)} breaks "${worst.rule}"`
  if (badRows > maxBadRows * rows)
    return `${badRows} of ${rows} rows break the contract, ${Math.floor(maxBadRows * rows)} are allowed; ${where}`
  return `${badRows} of ${rows} rows set aside, up to ${Math.floor(maxBadRows * rows)} are allowed; ${where}`
}

/**
 * Writes the rows that keep the contract, and those that break it with their row numbers and reasons, each as parquet.
 * @returns how many rows were kept
 */
export async function separateRows(
  connection: DuckDBConnection,
  table: LocalTable,
  rules: Rules,
  keptFile: string,
  quarantineFile: string,
): Promise<number> {
  const rowRules = table.schema.flatMap((rule) => rowRulesOf(rule, table.format, false))
  const reasons = reasonsOf(rowRules)
  const duplicates = rules.unique.map(
    (columns) =>
      `CASE WHEN row_number() OVER (PARTITION BY ${columns.map(name).join(', ')} ORDER BY "row:") > 1 THEN ${text(`${columns.join(', ')}: unique`)} END`,
  )
  const columns = table.schema.map((rule) => name(rule.name)).join(', ')
  const raw =
    table.format === 'parquet'
      ? columns
      : table.schema.map((rule) => `${name(`raw:${rule.name}`)} AS ${name(rule.name)}`).join(', ')
  await connection.run(
    `CREATE TEMP TABLE judged AS SELECT *, concat_ws('; ', ${[...reasons, ...duplicates].join(', ')}) AS "reasons:" FROM (SELECT *, row_number() OVER () AS "row:" FROM (${typedSelect(table, true)}))`,
  )
  await connection.run(
    `COPY (SELECT "row:" AS source_row, "reasons:" AS reasons, ${raw} FROM judged WHERE "reasons:" <> '' ORDER BY "row:") TO ${text(quarantineFile)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  await connection.run(
    `COPY (SELECT ${columns} FROM judged WHERE "reasons:" = '' ORDER BY "row:") TO ${text(keptFile)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  await connection.run('DROP TABLE judged')
  const [kept] = await rowsOf(
    connection,
    `SELECT count(*) AS rows FROM ${scan({ files: [keptFile], format: 'parquet' })}`,
  )
  return Number(kept?.rows)
}
