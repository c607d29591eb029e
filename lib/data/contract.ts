import type { DuckDBConnection } from '@duckdb/node-api'
import { z } from 'zod'
import type { StepOf } from '../formats/plan.ts'
import {
  addRepeated,
  brokenTable,
  type CheckedRelation,
  findBroken,
  problemIn,
  type RowRule,
  reasonsSql,
  relationToCheck,
} from './broken-rows.ts'
import { name, rowsOf, text } from './duckdb.ts'
import { maskedOption } from './masked-columns.ts'
import { type LocalTable, type OpenTable, openTable } from './table.ts'
import { fileColumn, nameOf, rowColumn, type TableFile } from './table-file.ts'

type Rules = Pick<StepOf<'validate'>, 'maxBadRows' | 'completeness' | 'unique'>

/** What one rule found. Rows count from 1 in their file. */
export const RuleFinding = z.object({
  column: z.string(),
  rule: z.string(),
  rows: z.int(),
  firstRow: z.int().nullable(),
  /** The file of the first row. */
  file: z.string().optional(),
  /** What is wrong with the row, where it is wrong as a whole. */
  problem: z.string().optional(),
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

/** What a check found, with values: they go into no document. */
export interface Checked extends ContractReport {
  readonly findings: (z.infer<typeof RuleFinding> & {
    /** The value in the first row; null where there is none, and where its column is masked. */
    readonly example: string | null
  })[]
  /** The verdict with that value. */
  readonly inFull: string
  /** The finding that the verdict names. */
  readonly worst: Pick<z.infer<typeof RuleFinding>, 'column' | 'firstRow' | 'file'> | undefined
}

/** A table that is being checked: what there is, and the rules by number. */
interface Judged {
  readonly open: OpenTable
  readonly relation: CheckedRelation
  readonly rules: readonly RowRule[]
}

async function judge(connection: DuckDBConnection, table: LocalTable, { unique }: Rules): Promise<Judged> {
  const open = await openTable(connection, table)
  const keys = [...new Set(unique.flat())]
  const relation = await relationToCheck(connection, open, keys)
  const rules = await findBroken(connection, relation)
  for (const columns of unique) await addRepeated(connection, relation, rules, columns)
  return { open, relation, rules }
}

/**
 * Checks every row of a table against its schema and rules; what is wrong is looked at closer only where something is.
 */
export async function checkContract(connection: DuckDBConnection, table: LocalTable, rules: Rules): Promise<Checked> {
  const judged = await judge(connection, table, rules)
  const { open, relation } = judged
  const rows = open.rows
  const findings = await findingsOf(connection, judged)
  const lacking = judged.rules.flatMap(({ column, rule }, number) =>
    rule === 'required' && rules.completeness[column] !== undefined ? [number] : [],
  )
  // Missing values of a column with a completeness of its own are not held against `maxBadRows`, and a row counts once.
  const [bad] = await rowsOf(
    connection,
    `SELECT count(DISTINCT (file, row)) AS rows FROM ${brokenTable}${lacking.length === 0 ? '' : ` WHERE rule NOT IN (${lacking.join(', ')})`}`,
  )
  const badRows = Number(bad?.rows)
  const complete = Object.entries(rules.completeness)
  const [present = {}] =
    complete.length === 0
      ? []
      : await rowsOf(
          connection,
          `SELECT ${complete.map(([column], i) => `count(${name(column)}) AS c${i}`).join(', ')} FROM ${relation.sql}`,
        )
  const incomplete = complete.flatMap(([column, least], i) => {
    const share = Number(present[`c${i}`]) / rows
    return share < least ? [`column "${column}": completeness ${Number(share.toPrecision(4))} < ${least}`] : []
  })
  await connection.run(`DROP TABLE ${brokenTable}`)
  const tooMany = badRows > rules.maxBadRows * rows
  const found = { rows, badRows, findings, incomplete, passed: !tooMany && incomplete.length === 0 }
  const [worst] = [...findings].sort((a, b) => b.rows - a.rows)
  const verdict = (place: string): string => verdictOf({ ...found, worst }, rules.maxBadRows, place)
  if (worst === undefined) return { ...found, worst, verdict: verdict(''), inFull: verdict('') }
  const where = placeOf(worst, open.files.length > 1)
  return { ...found, worst, verdict: verdict(where.plain), inFull: verdict(where.inFull) }
}

async function findingsOf(connection: DuckDBConnection, { open, rules }: Judged): Promise<Checked['findings']> {
  const masked = new Set(open.schema.flatMap(({ name, masked }) => (masked === true ? [name] : [])))
  const found = await rowsOf(
    connection,
    `SELECT rule, count(*) AS rows, arg_min(file, (file, row)) AS file, arg_min(row, (file, row)) AS row, arg_min(coalesce(value, ''), (file, row)) AS value FROM ${brokenTable} GROUP BY rule ORDER BY rule`,
  )
  return found.map(({ rule: number, rows, file, row, value }) => {
    const { column, rule } = rules[Number(number)] as RowRule
    return {
      column,
      rule,
      rows: Number(rows),
      firstRow: Number(row),
      file: nameOf(open.files[Number(file)] as TableFile),
      ...(column === '' && { problem: problemIn(String(value)) }),
      example: rule === 'required' || isMasked(column, masked) ? null : plainNumber(String(value)),
    }
  })
}

/** Whether values of a finding are of a masked column: a rule may name several, a row as a whole has all. */
const isMasked = (column: string, masked: ReadonlySet<string>): boolean =>
  column === '' ? masked.size > 0 : column.split(', ').some((name) => masked.has(name))

/** `999.0` as people wrote it: `999`. */
const plainNumber = (value: string): string => value.replace(/^(-?\d+)\.0$/, '$1')

/** Where a finding is, and which rule it is about: without the value, and with it. */
function placeOf(
  { column, rule, file, firstRow, problem, example }: Checked['findings'][number],
  hasFiles: boolean,
): { readonly plain: string; readonly inFull: string } {
  const place = `row ${firstRow}${hasFiles ? ` of ${file}` : ''}`
  if (column === '') return { plain: `${place}: ${problem}`, inFull: `${place}: ${example ?? problem}` }
  const plain = `column "${column}", ${place} breaks "${rule}"`
  return {
    plain,
    inFull: example === null ? plain : `column "${column}", ${place}: ${JSON.stringify(example)} breaks "${rule}"`,
  }
}

function verdictOf(
  { rows, badRows, findings, incomplete, worst }: Omit<ContractReport, 'verdict'> & Pick<Checked, 'worst'>,
  maxBadRows: number,
  where: string,
): string {
  if (incomplete.length > 0) return incomplete.join('; ')
  if (worst === undefined) return `all ${rows} rows keep the contract`
  if (badRows === 0) {
    const missing = findings.map(({ column, rows: count }) => `"${column}" of ${count}`).join(', ')
    return `rows without a value set aside, as completeness allows: ${missing} of ${rows} rows`
  }
  if (badRows > maxBadRows * rows)
    return `${badRows} of ${rows} rows break the contract, ${Math.floor(maxBadRows * rows)} are allowed; ${where}`
  return `${badRows} of ${rows} rows set aside, up to ${Math.floor(maxBadRows * rows)} are allowed; ${where}`
}

/**
 * Writes the rows that keep the contract, and those that break it with their file, row number and reasons, each as
 * parquet.
 * @returns how many rows were kept
 */
export async function separateRows(
  connection: DuckDBConnection,
  table: LocalTable,
  rules: Rules,
  keptFile: string,
  quarantineFile: string,
): Promise<number> {
  const judged = await judge(connection, table, rules)
  const { open, relation } = judged
  const columns = table.schema.map((rule) => name(rule.name)).join(', ')
  const raw = table.schema.map(({ name: column }) => `${name(`raw:${column}`)} AS ${name(column)}`)
  const files = open.files.map((file) => text(nameOf(file))).join(', ')
  await connection.run(`CREATE TEMP TABLE reasons AS ${reasonsSql(judged.rules)}`)
  await connection.run(
    `COPY (SELECT ([${files}])[t.${fileColumn} + 1] AS source_file, t.${rowColumn} AS source_row, r.reasons, ${raw.join(', ')} FROM ${relation.sql} t JOIN reasons r ON r.file = t.${fileColumn} AND r.row = t.${rowColumn} ORDER BY t.${fileColumn}, t.${rowColumn}) TO ${text(quarantineFile)} (FORMAT parquet, COMPRESSION zstd${maskedOption(table.schema)})`,
  )
  await connection.run(
    `COPY (SELECT ${columns} FROM ${relation.sql} t WHERE NOT EXISTS (SELECT 1 FROM reasons r WHERE r.file = t.${fileColumn} AND r.row = t.${rowColumn}) ORDER BY ${fileColumn}, ${rowColumn}) TO ${text(keptFile)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  await connection.run(`DROP TABLE ${brokenTable}; DROP TABLE reasons`)
  const [kept] = await rowsOf(connection, `SELECT count(*) AS rows FROM read_parquet(${text(keptFile)})`)
  return Number(kept?.rows)
}
