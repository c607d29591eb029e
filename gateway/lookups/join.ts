import { checkerOf, type Value } from '../../lib/definition/contract/check.ts'
import { ruleInWords } from '../../lib/definition/contract/words.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import type { Column } from '../../lib/formats/columns.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { type Lookup, requestSchema } from '../../lib/formats/lookup.ts'
import { type ColumnRule, isText } from '../../lib/formats/row-schema.ts'
import { invalid, rowReader } from '../../lib/models/rows.ts'
import { Packed } from '../bodies/packed.ts'
import type { ServedVersion } from '../protocols/protocol.ts'
import type { Input } from '../scoring.ts'
import { type KeyPart, keyPart, type PackedColumn, rowOfKey, valueAt } from './packed-table.ts'
import type { LookupReport } from './report.ts'
import type { LoadedSnapshot } from './snapshots.ts'

/** How the rows of a request become the rows of a version that looks something up. */
export interface Join {
  /** The version as requests see it: without what is looked up, with the keys. */
  readonly asked: ServedVersion
  /**
   * Whole rows of what was read by `asked`. Features need nothing looked up.
   * @throws SlipwayError REQUEST_INVALID for a request that carries what is looked up; KEY_UNKNOWN
   */
  join(input: Input, now?: number): Input
}

/** @throws SlipwayError TABLE_SCHEMA when the snapshots do not fit what is looked up */
export function createJoin(
  version: ServedVersion,
  lookups: readonly Lookup[],
  snapshots: ReadonlyMap<string, LoadedSnapshot>,
): Join {
  const { inputs } = version.facts
  const schema = requestSchema(inputs, lookups, (view) => snapshots.get(view) as LoadedSnapshot)
  const finders = lookups.map((lookup) => finderOf(inputs, lookup, snapshots.get(lookup.view) as LoadedSnapshot))
  const viewOf = new Map(lookups.flatMap(({ view, columns }) => Object.keys(columns).map((column) => [column, view])))
  const identity = lookups.map(({ view }) => `${view} ${snapshots.get(view)?.revision}`).join(' ')
  return {
    asked: { facts: { ...version.facts, inputs: schema }, reader: rowReader(schema) },
    join(input, now = Date.now()) {
      if (input.kind === 'features') return input
      const carried = input.ignored?.find((name) => viewOf.has(name))
      if (carried !== undefined)
        throw invalid(`${carried} is looked up in view "${viewOf.get(carried)}": leave it out of the request`)
      const found: Record<string, Column> = {}
      const given = input.columns instanceof Packed ? input.columns.unpacked() : input.columns
      const reports = finders.map((find) => find(given as Record<string, Column>, input.rows, found, now))
      const columns: Record<string, Column> = {}
      for (const { name } of inputs) columns[name] = found[name] ?? (given[name] as Column)
      return { ...input, columns, lookups: { reports, snapshots: identity } }
    },
  }
}

/** Finds what one lookup is about, for all rows of a request. @param into gets the columns */
type Finder = (
  asked: Readonly<Record<string, Column>>,
  rows: number,
  into: Record<string, Column>,
  now: number,
) => LookupReport

/** A column that is looked up, and where its values are. */
interface Filled {
  readonly rule: ColumnRule
  readonly from: PackedColumn
  readonly brokenRule: ReturnType<typeof checkerOf>
}

function finderOf(inputs: readonly ColumnRule[], lookup: Lookup, snapshot: LoadedSnapshot): Finder {
  const { view, digest, publishedAt, key, table } = snapshot
  const keyColumns = key.map((of) => Object.entries(lookup.on).find(([, named]) => named === of)?.[0] as string)
  const filled: Filled[] = Object.entries(lookup.columns).map(([column, of]) => {
    const rule = inputs.find(({ name }) => name === column) as ColumnRule
    return { rule, from: table.columns[of] as PackedColumn, brokenRule: checkerOf(rule) }
  })
  const required = filled.find(({ rule }) => !rule.nullable)?.rule.name
  const published = Date.parse(publishedAt)
  return (asked, rows, into, now) => {
    const places = new Int32Array(rows)
    const [unknown, missing]: [number[], number[]] = [[], []]
    const given = keyColumns.map((column) => asked[column] as Column)
    for (let row = 0; row < rows; row++) {
      const parts = partsAt(given, row)
      const place = parts === undefined ? -1 : rowOfKey(table, parts)
      places[row] = place
      if (place < 0) (parts === undefined ? missing : unknown).push(row)
    }
    if (required !== undefined) requireAll({ unknown, missing }, { keyColumns, given, view, digest, required })
    for (const { rule, from, brokenRule } of filled) into[rule.name] = columnOf(rule, from, brokenRule, places, view)
    const isStale = lookup.staleAfterMs !== null && now - published > lookup.staleAfterMs
    return { view, snapshot: digest, publishedAt, rows, isStale, unknown, missing }
  }
}

/** The key of a row; undefined where a part of it is missing. */
function partsAt(given: readonly Column[], row: number): KeyPart[] | undefined {
  const parts = new Array<KeyPart>(given.length)
  for (let k = 0; k < given.length; k++) {
    const part = keyPart((given[k] as Column)[row])
    if (part === undefined) return undefined
    parts[k] = part
  }
  return parts
}

/** Refuses rows for which there is nothing, where something must be. */
function requireAll(
  { unknown, missing }: Pick<LookupReport, 'unknown' | 'missing'>,
  of: {
    readonly keyColumns: readonly string[]
    readonly given: readonly Column[]
    readonly view: string
    readonly digest: string
    readonly required: string
  },
): void {
  const { keyColumns, given, view, digest, required } = of
  const [absent] = missing
  if (absent !== undefined)
    throw invalid(`row ${absent} has no ${keyColumns.join(' and ')}, by which ${required} is looked up`)
  const [row] = unknown
  if (row === undefined) return
  const key = keyColumns.map((column, k) => `${column} ${shown((given[k] as Column)[row])}`).join(', ')
  const others = unknown.length === 1 ? '' : `, nor of ${unknown.length - 1} other rows`
  throw new SlipwayError(
    'KEY_UNKNOWN',
    `row ${row}: snapshot ${shortDigest(digest)} of view "${view}" knows nothing of ${key}${others}, and ${required} may not be missing`,
    { view, rows: unknown.length, next: `publish view "${view}" with it, or let ${required} be missing` },
  )
}

const shown = (value: Column[number] | undefined): string =>
  typeof value === 'string' ? `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"` : String(value)

/** Values of a column, checked as those of a request are: a snapshot may hold what the model was never shown. */
function columnOf(
  rule: ColumnRule,
  from: PackedColumn,
  brokenRule: Filled['brokenRule'],
  places: Int32Array,
  view: string,
): Column {
  const rows = places.length
  const isByte = rule.type === 'boolean' && !rule.nullable
  const target = isText(rule) ? new Array<string | null>(rows) : isByte ? new Uint8Array(rows) : new Float64Array(rows)
  const absent = isText(rule) ? null : Number.NaN
  for (let row = 0; row < rows; row++) {
    const place = places[row] as number
    const value = place < 0 ? absent : valueAt(from, place)
    if (value === null || Number.isNaN(value)) {
      if (!rule.nullable) throw unfit(rule, row, view, 'is missing')
    } else {
      const broken = brokenRule(rule.type === 'boolean' ? value === 1 : (value as Value))
      if (broken !== undefined) throw unfit(rule, row, view, `breaks "${ruleInWords(broken, rule.type)}"`)
    }
    target[row] = value as never
  }
  return target
}

/** Not the client's fault: its row is told apart from those that can be answered. */
const unfit = ({ name }: ColumnRule, row: number, view: string, what: string): SlipwayError =>
  new SlipwayError('FEATURES_FAILED', `row ${row}: ${name}, which is looked up in view "${view}", ${what}`)
