import { z } from 'zod'
import { Digest, shortDigest } from './artifact.ts'
import { canonicalJson } from './canonical.ts'
import { SlipwayError } from './errors.ts'
import { type ColumnRule, isText, type RowSchema } from './row-schema.ts'
import { Name } from './step-id.ts'
import { PublishedView } from './view.ts'

/** Columns of a model's rows that a gateway looks up in a view by key, so that requests need not carry them. */
export const Lookup = z.object({
  view: Name,
  /** Columns of a request, each with the column of the view's key that it is equal to. */
  on: z.record(z.string(), z.string()),
  /** Columns of the model's rows, each with the column of the view that its values are in. */
  columns: z.record(z.string(), z.string()),
  /** A snapshot published longer ago than this counts as stale, ms; null never does. */
  staleAfterMs: z.number().positive().nullable(),
})
export type Lookup = z.infer<typeof Lookup>

/** What a view was when it was published: the rows that a revision of a route looks up in. */
export const Snapshot = PublishedView.pick({ revision: true, key: true, known: true, publishedAt: true }).extend({
  view: Name,
  /** Of the table bundle. */
  digest: Digest,
})
export type Snapshot = z.infer<typeof Snapshot>

/** The snapshot that the published state of a view is. */
export const snapshotOf = ({ name, revision, key, known, publishedAt, table }: PublishedView): Snapshot => ({
  view: name,
  revision,
  key,
  known,
  publishedAt,
  digest: table.digest,
})

/** What looks something up. */
interface Looking {
  readonly lookups?: readonly Lookup[] | undefined
}

/** Names of the views that some versions look up in, each once, sorted. */
export function viewsOf(versions: readonly (Looking | null | undefined)[]): string[] {
  const views = versions.flatMap((version) => version?.lookups?.map(({ view }) => view) ?? [])
  return [...new Set(views)].sort()
}

/** Whether two versions look up the same in the same way. */
export const looksUpTheSame = (one: Looking, other: Looking): boolean =>
  canonicalJson(one.lookups ?? []) === canonicalJson(other.lookups ?? [])

/** `; looks up flights, delay in history`: behind the words of a strategy. */
export const lookupsInWords = (lookups: readonly Lookup[] = []): string =>
  lookups.map(({ view, columns }) => `; looks up ${Object.keys(columns).join(', ')} in ${view}`).join('')

/** A snapshot with the schema of its table. */
export interface DescribedSnapshot extends Snapshot {
  readonly schema: RowSchema
}

/**
 * The columns of a request for a model that looks some of its columns up: the others, and behind them the keys that the
 * model does not take itself. A key may be missing where all that is looked up by it may be.
 * @param inputs the model's rows
 * @param snapshotOfView the snapshot of a view
 * @throws SlipwayError TABLE_SCHEMA where a snapshot has not what is looked up, or not in its type
 */
export function requestSchema(
  inputs: RowSchema,
  lookups: readonly Lookup[],
  snapshotOfView: (view: string) => DescribedSnapshot,
): RowSchema {
  const found = new Set<string>()
  const keys = new Map<string, ColumnRule>()
  for (const lookup of lookups) {
    const snapshot = snapshotOfView(lookup.view)
    requireKey(lookup, snapshot)
    let mayMiss = true
    for (const [column, of] of Object.entries(lookup.columns)) {
      const input = ruleNamed(inputs, column)
      if (input === undefined) throw misfit(snapshot, `the model has no column "${column}", which is looked up there`)
      requireAlike(snapshot, ruleNamed(snapshot.schema, of), input, of)
      found.add(column)
      mayMiss &&= input.nullable
    }
    for (const [column, of] of Object.entries(lookup.on)) {
      const key = ruleNamed(snapshot.schema, of)
      const input = ruleNamed(inputs, column) ?? keys.get(column)
      if (input !== undefined) requireAlike(snapshot, key, input, of)
      const { type } = key as ColumnRule
      keys.set(column, { name: column, type, nullable: (keys.get(column)?.nullable ?? true) && mayMiss })
    }
  }
  const asked = inputs.filter(({ name }) => !found.has(name))
  const added = [...keys.values()].filter(({ name }) => ruleNamed(inputs, name) === undefined)
  return [...asked, ...added]
}

const ruleNamed = (schema: RowSchema, name: string): ColumnRule | undefined => schema.find((rule) => rule.name === name)

/** @throws SlipwayError TABLE_SCHEMA unless a lookup says all columns of a view's key, and nothing else */
function requireKey(lookup: Lookup, snapshot: DescribedSnapshot): void {
  const said = Object.values(lookup.on).sort()
  if (canonicalJson(said) !== canonicalJson([...snapshot.key].sort()))
    throw misfit(snapshot, `its key is ${snapshot.key.join(', ')}, and it is looked up by ${said.join(', ')}`)
  const absent = snapshot.key.find((column) => ruleNamed(snapshot.schema, column) === undefined)
  if (absent !== undefined) throw misfit(snapshot, `it has no column "${absent}", its key`)
}

/** @throws SlipwayError TABLE_SCHEMA unless values of one column may stand in the other */
function requireAlike(snapshot: DescribedSnapshot, from: ColumnRule | undefined, to: ColumnRule, column: string): void {
  if (from === undefined) throw misfit(snapshot, `it has no column "${column}"`)
  if (areAlike(from, to)) return
  throw misfit(snapshot, `column "${column}" of the view and "${to.name}" are ${from.type} and ${to.type}`)
}

/**
 * Whether values of one column may stand in another: whole numbers are numbers, and every other type is itself alone.
 */
export function areAlike(one: Pick<ColumnRule, 'type'>, other: Pick<ColumnRule, 'type'>): boolean {
  const kindOf = ({ type }: Pick<ColumnRule, 'type'>): string => (type === 'integer' ? 'number' : type)
  return kindOf(one) === kindOf(other) && isText(one) === isText(other)
}

function misfit({ view, digest }: Snapshot, what: string): SlipwayError {
  return new SlipwayError('TABLE_SCHEMA', `snapshot ${shortDigest(digest)} of view "${view}" does not fit: ${what}`, {
    next: 'publish the view with these columns, or correct the lookup of p.deploy and run the pipeline',
  })
}
