import { SlipwayError } from '../formats/errors.ts'
import { areAlike, type Lookup } from '../formats/lookup.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { Name } from '../formats/step-id.ts'
import { type Duration, durationMs } from './duration.ts'
import type { AnyTable, View } from './handles.ts'

/** Columns that an endpoint looks up in a view: what `lookup` returns. */
export interface LookupOption<Found, Column extends string, Asked> {
  /** A view of this pipeline, or the name of one that another pipeline publishes. */
  readonly view: string | (AnyTable & { readonly key: readonly string[] })
  readonly on: Readonly<Record<string, string>>
  readonly columns: Readonly<Record<string, string>>
  readonly staleAfter: Duration | undefined
  /** For the type checker: the values that are found, the columns they are for, and the keys that requests carry. */
  readonly found?: () => Found
  readonly column?: Column
  readonly asked?: () => Asked
}

/** What may be looked up for a model of such rows: columns that it has, with the values they may hold. */
export type LookupInto<Row> = LookupOption<Partial<Row>, keyof Row & string, Partial<Row> & Record<string, unknown>>

/** A name for itself, several, or names with what they stand for. */
type Renaming<Name extends string> = Name | readonly Name[] | Readonly<Record<string, Name>>
/** The same as a record. */
type Renamed<Named> = Named extends string
  ? { readonly [Name in Named]: Name }
  : Named extends readonly (infer Name extends string)[]
    ? { readonly [Each in Name]: Each }
    : Named

type ValuesOf<Row, Named> = { [Name in keyof Named]: Named[Name] extends keyof Row ? Row[Named[Name]] : never }

interface LookupOptions<On, Columns> {
  /**
   * The columns of requests that the view's key is in: where they have other names there, `{ passenger: 'passenger_id'
   * }`.
   */
  readonly on: On
  /** The model's columns that are looked up; where the view calls them otherwise, `{ past_flights: 'flights' }`. */
  readonly columns: Columns
  /** A snapshot that was published longer ago still answers, and the answer says so. By default none is too old. */
  readonly staleAfter?: Duration
}

/**
 * Has an endpoint look columns up in a view by key when it is asked: requests carry the key and the model's other
 * columns. Where several rows of the view have a key, the one that became known last counts.
 */
export function lookup<
  Row,
  const Key extends string,
  const On extends Renaming<Key>,
  const Columns extends Renaming<keyof Row & string>,
>(
  view: View<Row, Key>,
  options: LookupOptions<On, Columns>,
): LookupOption<ValuesOf<Row, Renamed<Columns>>, keyof Renamed<Columns> & string, ValuesOf<Row, Renamed<On>>>
/** The same in a view that another pipeline publishes: what it holds is checked when the model is deployed. */
export function lookup<const On extends Renaming<string>, const Columns extends Renaming<string>>(
  view: string,
  options: LookupOptions<On, Columns>,
): LookupOption<never, keyof Renamed<Columns> & string, never>
export function lookup(
  view: LookupOption<never, string, never>['view'],
  { on, columns, staleAfter }: LookupOptions<Renaming<string>, Renaming<string>>,
): LookupOption<never, never, never> {
  return { view, on: renamed(on), columns: renamed(columns), staleAfter }
}

function renamed(named: Renaming<string>): Record<string, string> {
  const names = typeof named === 'string' ? [named] : named
  return Array.isArray(names)
    ? Object.fromEntries((names as string[]).map((name) => [name, name]))
    : { ...(names as Record<string, string>) }
}

/** What a deployment looks up, and the steps of its pipeline that publish the views. */
export interface Lookups {
  readonly lookups: Lookup[]
  readonly looksIn: string[]
}

/**
 * @param inputs the model's rows
 * @throws SlipwayError DEFINITION_INVALID for columns that there are not, or that hold something else
 */
export function lookupsOf(
  endpoint: string,
  inputs: RowSchema,
  options: readonly LookupOption<unknown, string, unknown>[],
): Lookups {
  const lookups: Lookup[] = []
  for (const option of options) {
    const name = typeof option.view === 'string' ? option.view : option.view.name
    const refuse = refuser(`endpoint "${endpoint}", lookup in view "${name}"`)
    if (!Name.safeParse(name).success) refuse('it is no name of a view', Name.safeParse(name).error?.issues[0]?.message)
    requireColumns(inputs, option, refuse)
    for (const column of [...Object.keys(option.columns), ...Object.keys(option.on)])
      if (lookups.some(({ columns }) => column in columns))
        refuse(`"${column}" is looked up already`, 'look every column up once, by columns that requests carry')
    lookups.push({
      view: name,
      on: { ...option.on },
      columns: { ...option.columns },
      staleAfterMs: option.staleAfter === undefined ? null : durationMs(option.staleAfter),
    })
  }
  const looksIn = options.flatMap(({ view }) => (typeof view === 'string' ? [] : [view.id]))
  return { lookups, looksIn: [...new Set(looksIn)] }
}

type Refuse = (what: string, next: string | undefined) => never

const refuser =
  (where: string): Refuse =>
  (what, next) => {
    throw new SlipwayError('DEFINITION_INVALID', `${where}: ${what}`, { next })
  }

function requireColumns(
  inputs: RowSchema,
  { view, on, columns }: LookupOption<unknown, string, unknown>,
  refuse: Refuse,
): void {
  const taken = inputs.map(({ name }) => name).join(', ')
  if (Object.keys(columns).length === 0) refuse('it looks nothing up', 'name a column, or leave the lookup out')
  for (const [column, of] of Object.entries(columns)) {
    const input = inputs.find(({ name }) => name === column)
    if (input === undefined) throw refuse(`the model takes no column "${column}"`, `it takes ${taken}`)
    if (column in on) refuse(`"${column}" is looked up by itself`, 'look up by columns that requests carry')
    if (typeof view === 'string') continue
    const rule = requireColumn(view, of, refuse)
    if (!areAlike(rule, input))
      refuse(`"${of}" is ${rule.type}, and "${column}" of the model ${input.type}`, 'make them one type')
    if (rule.nullable && !input.nullable)
      refuse(`"${of}" may be missing, and "${column}" of the model may not`, 'let one be as the other')
  }
  if (typeof view === 'string') return
  const { key } = view
  if (JSON.stringify(Object.values(on).sort()) !== JSON.stringify([...key].sort()))
    refuse(
      `the view's key is ${key.join(', ')}, and it is looked up by ${Object.values(on).join(', ')}`,
      'name all of it',
    )
  for (const [column, of] of Object.entries(on)) {
    const input = inputs.find(({ name }) => name === column)
    const rule = requireColumn(view, of, refuse)
    if (input !== undefined && !areAlike(rule, input))
      refuse(`key "${of}" is ${rule.type}, and "${column}" of the model ${input.type}`, 'make them one type')
  }
}

function requireColumn({ schema }: AnyTable, column: string, refuse: Refuse): RowSchema[number] {
  const rule = schema.find(({ name }) => name === column)
  return rule ?? refuse(`the view has no column "${column}"`, `it has ${schema.map(({ name }) => name).join(', ')}`)
}
