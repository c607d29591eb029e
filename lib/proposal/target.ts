import { SlipwayError } from '../formats/errors.ts'
import { nearest } from './nearest-name.ts'
import type { ColumnProfile, TableProfile } from './profile.ts'
import { isIdentifier } from './roles.ts'
import { isNameOfClass, rankAsTarget } from './words.ts'

/** What is predicted, and how. */
export interface ProposedTarget {
  readonly column: ColumnProfile
  readonly task: 'binary' | 'multiclass' | 'regression'
  /** Of two values that are neither 0 and 1 nor truths: the one that is predicted. */
  readonly positive: string | undefined
  /** Of classes: their texts as the file has them, the most frequent first. */
  readonly classes: readonly string[]
  /** Share of the rows that are of the most frequent class. */
  readonly mostFrequent: number
  readonly why: string
}

/** Classes of a text, or of whole numbers that are names. */
const mostClasses = 20
/** Rows that a table with something to learn has, with a target each. */
export const fewestRows = 20

/**
 * The column to predict: the one that was asked for, one that is called as targets are, or the last that can be one.
 * @throws SlipwayError USAGE where there is none, or the one that was asked for is none
 */
export function chooseTarget(profile: TableProfile, asked?: string): ProposedTarget {
  const { columns, from, looked } = profile
  if (asked !== undefined) {
    const column = columns.find(({ name }) => name === asked)
    if (column === undefined) {
      const names = columns.map(({ name }) => name)
      const meant = nearest(asked, names)
      throw new SlipwayError('USAGE', `${from} has no column "${asked}" to predict; it has ${shortList(names)}`, {
        next: meant === undefined ? '--target with one of them' : `did you mean --target ${quoted(meant)}?`,
      })
    }
    const problem = problemAsTarget(column, profile)
    if (problem !== undefined)
      throw new SlipwayError('USAGE', `"${asked}" of ${from} cannot be predicted: ${problem}`, {
        next: '--target with another column',
      })
    return targetOf(column, 'it was asked for')
  }
  const possible = columns.filter(
    (column) => problemAsTarget(column, profile) === undefined && !isIdentifier(column, profile),
  )
  const named = possible
    .filter(({ name }) => rankAsTarget(name) < Number.POSITIVE_INFINITY)
    .sort((a, b) => rankAsTarget(a.name) - rankAsTarget(b.name))[0]
  if (named !== undefined) return targetOf(named, 'it is called as such columns are')
  const last = possible.at(-1)
  if (last !== undefined)
    return targetOf(last, last === columns.at(-1) ? 'it is the last column' : 'it is the last column that can be')
  throw new SlipwayError(
    'USAGE',
    looked < fewestRows
      ? `${from} has ${looked === 1 ? 'one row' : `${looked} rows`}, of which nothing can be learnt`
      : `no column of ${from} can be predicted: ${columns
          .map((column) => `${column.name}: ${problemAsTarget(column, profile) ?? 'an identifier'}`)
          .slice(0, 3)
          .join('; ')}`,
    { next: 'a file with a column of two values at least, and some dozens of rows' },
  )
}

export const quoted = (name: string): string => (/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`)
export const shortList = (names: readonly string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')

/** Why a column is no target. */
function problemAsTarget(column: ColumnProfile, { looked }: TableProfile): string | undefined {
  const { reading, distinct, present, values } = column
  if (reading.kind === 'nothing') return 'it has no value'
  if (reading.kind === 'nested') return 'it holds lists or objects, or something else that is no single value'
  if (reading.kind === 'time') return 'it holds times'
  if (distinct < 2) return `it is ${values[0]?.[0] ?? 'the same'} in every row`
  if (present < fewestRows) return `only ${present} of ${looked} rows have it, and a model needs ${fewestRows} at least`
  if (reading.kind === 'boolean') return truthsOf(column).size < 2 ? 'it says the same in every row' : undefined
  if (reading.kind === 'text' && distinct > mostClasses)
    return `it is a text with ${distinct} different values, and ${mostClasses} classes are the most`
  if (reading.kind === 'text' && distinct > present / 2) return 'it is a text that nearly every row has another one of'
  return undefined
}

/** Which truths there are among words such as yes, Y, no. */
const truthsOf = ({ values }: ColumnProfile): Set<boolean> =>
  new Set(values.map(([text]) => /^(true|t|yes|y|1|1\.0)$/i.test(text.trim())))

function targetOf(column: ColumnProfile, why: string): ProposedTarget {
  const { reading, distinct, values, present, name } = column
  const classes = values.map(([text]) => text)
  const mostFrequent = (values[0]?.[1] ?? 0) / present
  const of = (task: ProposedTarget['task'], positive?: string): ProposedTarget => ({
    column,
    task,
    positive,
    classes,
    mostFrequent,
    why,
  })
  const numbers = classes.map(Number)
  if (reading.kind === 'boolean') return of('binary')
  if (reading.kind === 'number' && distinct === 2 && numbers.every((value) => value === 0 || value === 1))
    return of('binary')
  const isPlain = reading.kind === 'text' || (reading.kind === 'number' && reading.convert === undefined)
  if (distinct === 2 && isPlain) return of('binary', positiveOf(values))
  if (reading.kind === 'text') return of('multiclass')
  const areNames = reading.kind === 'number' && reading.whole && column.stray === 0 && distinct <= mostClasses
  return areNames && isNameOfClass(name) && distinct <= present / 5 ? of('multiclass') : of('regression')
}

const positiveWords =
  /^(yes|y|true|t|ja|j|oui|si|1|bad|churned|left|malignant|spam|fraud|defaulted|>50k|positive|pos)$/i

/** Of two values the one that people mean by yes, or else the rarer one. */
function positiveOf(values: ColumnProfile['values']): string {
  const named = values.find(([text]) => positiveWords.test(text.trim()))
  return (named ?? values.at(-1))?.[0] as string
}
