import { SlipwayError } from '../formats/errors.ts'
import { type Role, rolesOf } from './column-roles.ts'
import { convertSql } from './conversions.ts'
import type { ColumnProfile, Relation, TableProfile } from './profile.ts'
import { chooseSplit, type ProposedSplit } from './split.ts'
import { type ModelInput, takenColumns } from './taken-columns.ts'
import { chooseTarget, type ProposedTarget } from './target.ts'
import { identifiers, inComment, keyOf, literal, slug } from './words.ts'

/** A column of the schema that is written. */
export interface ProposedColumn {
  readonly profile: ColumnProfile
  /** A variable for it. */
  readonly variable: string
  readonly role: 'target' | 'feature' | 'split' | 'unused'
  readonly nullable: boolean
  /** In zod: what the model's rows are. */
  readonly rule: string
  /** SQL that makes it of the text in the file, where it takes some. */
  readonly convert: string | undefined
  /** What was seen, for a comment. */
  readonly seen: string
}

/** A pipeline over a table, and in sentences what was guessed for it. */
export interface Proposal {
  /** Of pipeline, model and endpoint. */
  readonly name: string
  readonly source: string
  readonly table: TableProfile
  readonly columns: readonly ProposedColumn[]
  readonly target: ProposedTarget
  readonly split: ProposedSplit
  /** Columns that a finished model takes, and no others. */
  readonly taken: readonly string[] | undefined
  /** Share of bad rows up to which a run goes on. */
  readonly maxBadRows: number
  readonly guesses: readonly Guess[]
}

/** Something that was guessed: what about, and what it is and why. */
export interface Guess {
  readonly about: string
  readonly says: string
}

/** What somebody said instead of leaving it to be guessed. */
export interface Asked {
  readonly target?: string | undefined
  /** Of the pipeline. */
  readonly name?: string | undefined
  /** The inputs of a finished model. */
  readonly takes?: readonly ModelInput[] | undefined
}

/**
 * Makes a pipeline of what a table holds: schema, target, split, features.
 * @param relations of the columns to the target that `chooseTarget` finds
 * @throws SlipwayError USAGE where there is nothing to predict, or nothing to predict it from
 */
export function propose(
  table: TableProfile,
  relations: readonly Relation[],
  { target: asked, name: called, takes }: Asked = {},
): Proposal {
  const target = chooseTarget(table, asked)
  const split = chooseSplit(table, target)
  const taken = takes && takenColumns(takes, table, target)
  const roles = rolesOf(table, { target, split, taken }, relations)
  // Where no record names the columns they are all of them, in their order.
  const inSchema = table.columns.filter((column) => !table.header || isUsed(roles.get(column)))
  const variables = identifiers(inSchema.map(({ name }) => name))
  const columns = inSchema.map((profile, i): ProposedColumn => {
    const { role } = roles.get(profile) as Role
    const isTarget = role === 'target'
    const nullable = !isTarget && (profile.present < table.looked || profile.reading.kind === 'nothing')
    return {
      profile,
      variable: variables[i] as string,
      role: role === 'left out' ? 'unused' : role,
      nullable,
      rule: ruleOf(profile, table, target) + (nullable ? '.nullable()' : ''),
      convert: convertSql(quoted(profile.name), profile.reading),
      seen: seenOf(profile),
    }
  })
  if (!columns.some(({ role, profile }) => role === 'feature' || (role === 'split' && profile.reading.kind === 'time')))
    throw new SlipwayError('USAGE', `nothing in ${table.from} is left to predict ${target.column.name} from`, {
      next: `another --target; ${[...roles]
        .filter(([, { role }]) => role === 'left out')
        .slice(0, 3)
        .map(([column, { why }]) => `${column.name}: ${why}`)
        .join('; ')}`,
    })
  const name = called ?? slug(target.column.name) ?? 'model'
  const file = (table.from.split('/').at(-1) ?? '').replace(/\..*$/, '')
  const proposal = {
    name,
    source: slug(file) ?? 'rows',
    table,
    columns,
    target,
    split,
    taken,
    maxBadRows: badRowsOf(table, columns),
  }
  return { ...proposal, guesses: guessesOf(proposal, roles) }
}

const isUsed = (role: Role | undefined): boolean => role !== undefined && role.role !== 'left out'
const quoted = (column: string): string => `"${column.replaceAll('"', '""')}"`

/** The contract of a column in zod, without `nullable`. */
function ruleOf(profile: ColumnProfile, { looked }: TableProfile, target: ProposedTarget): string {
  const { reading, min, max, values, distinct, present } = profile
  if (reading.kind === 'boolean') return 'z.boolean()'
  if (reading.kind === 'time') return 'z.date()'
  if (reading.kind === 'number') {
    const isWhole = reading.whole && Math.abs(min ?? 0) <= 2 ** 53 && Math.abs(max ?? 0) <= 2 ** 53
    const limits = min === 0 && max === 1 && isWhole ? '.min(0).max(1)' : (min ?? -1) >= 0 ? '.min(0)' : ''
    return `${isWhole ? 'z.int()' : 'z.number()'}${limits}`
  }
  const isTarget = profile === target.column
  const isSettled = distinct <= 12 && present >= 50 && values.every(([, rows]) => rows >= Math.max(3, looked * 0.002))
  if (reading.kind === 'text' && values.length > 0 && profile.carrier !== 'typed' && (isTarget || isSettled))
    return `z.enum([${values
      .map(([text]) => literal(text))
      .sort()
      .join(', ')}])`
  return 'z.string()'
}

/** The share of rows that may be set aside: half as many again as break the contract now. */
function badRowsOf({ looked, broken }: TableProfile, columns: readonly ProposedColumn[]): number {
  const bad = columns.reduce(
    (sum, { profile, role }) => sum + profile.stray + (role === 'target' ? looked - profile.present : 0),
    broken,
  )
  return bad === 0 ? 0 : Math.min(0.9, Math.ceil(((bad * 1.5) / looked) * 1_000) / 1_000)
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const shown = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)))

/** What a column's values were, in some words. */
export function seenOf({ reading, min, max, values, distinct }: ColumnProfile): string {
  if (reading.kind === 'boolean') return 'yes or no'
  const range = min === undefined || max === undefined
  if (reading.kind === 'number' && !range) return `${shown(min)} to ${shown(max)}`
  if (reading.kind === 'time' && !range) return `${day(min)} to ${day(max)}`
  if (values.length > 0 && values.length <= 12)
    return inComment(values.map(([text]) => (text.length > 24 ? `${text.slice(0, 24)}…` : text)).join(', '))
  return `${distinct.toLocaleString('en')} different values`
}

const kindInWords = ({ reading }: ColumnProfile): string => {
  if (reading.kind === 'number') return reading.whole ? 'a whole number' : 'a number'
  return reading.kind === 'time' ? 'a time' : 'a text'
}

/** All that was guessed, in the order of the table. */
function guessesOf(
  { table, columns, target, split, maxBadRows }: Omit<Proposal, 'guesses'>,
  roles: ReadonlyMap<ColumnProfile, Role>,
): Guess[] {
  const { looked, rows, format, delimiter, header, na, twice, nameless } = table
  const count = (value: number): string => value.toLocaleString('en')
  const guesses: Guess[] = []
  const say = (about: string, says: string): void => void guesses.push({ about, says })
  const parted = format === 'csv' && delimiter !== ',' ? `, fields parted by ${JSON.stringify(delimiter)}` : ''
  const part = looked < rows ? `; the first ${count(looked)} were looked at` : ''
  say('table', `${table.from} has ${count(rows)} rows and ${table.columns.length} columns${parted}${part}`)
  if (!header) say('table', 'its first row holds values and no names, so columns are called by their places')
  if (na.length > 0) say('table', `${na.map((word) => JSON.stringify(word)).join(', ')} stands for a missing value`)
  for (const name of twice) say(name, 'left out: several columns are called so; rename one in the file')
  if (nameless > 0) say('table', `${nameless === 1 ? 'a column' : `${nameless} columns`} without a name left out`)
  const { column, task, why, positive } = target
  const taskInWords = {
    binary: `predicts yes or no${positive === undefined ? '' : `, yes being ${JSON.stringify(positive)}`}`,
    multiclass: `predicts one of ${target.classes.length} classes`,
    regression: 'predicts a number',
  }
  say('target', `${column.name}: ${why}. The model ${taskInWords[task]} (${seenOf(column)}); --target names another`)
  const lost = looked - column.present
  if (lost > 0)
    say('target', `${count(lost)} rows have no ${column.name} and are set aside: nothing is learnt from them`)
  say('split', split.why)
  for (const [profile, { role, why: reason }] of roles) {
    if (role === 'target') continue
    if (role === 'left out') {
      say(profile.name, `left out: ${reason}`)
      continue
    }
    const missing = looked - profile.present
    const gaps = missing === 0 ? '' : `, missing in ${count(missing)} rows`
    const stray = profile.stray === 0 ? '' : `; ${count(profile.stray)} rows have something else there`
    const { reading } = profile
    const turned =
      reading.kind === 'time' && reading.formats !== undefined
        ? `, written as ${profile.pool[0]}, which is ${reading.formats[0]}${reading.either === undefined ? '' : ` (or ${reading.either}: both would do, check it)`}`
        : reading.kind === 'number' && reading.convert !== undefined
          ? `, written as ${profile.pool[0]}`
          : ''
    const kind = reading.kind === 'boolean' ? '' : `${kindInWords(profile)}, `
    say(profile.name, `${kind}${seenOf(profile)}${turned}${gaps}${stray}`)
  }
  if (columns.some(({ convert }) => convert !== undefined))
    say('table', 'texts that are dates or numbers are turned into them by a step of SQL; requests give them as such')
  if (maxBadRows > 0)
    say(
      'rows',
      `up to ${Number((maxBadRows * 100).toFixed(1))} % of the rows may break the contract; they are set aside with their reasons`,
    )
  return guesses
}

/** `'Größe in m²': z.number()` */
export const fieldOf = ({ profile, rule }: ProposedColumn): string => `${keyOf(profile.name)}: ${rule}`
