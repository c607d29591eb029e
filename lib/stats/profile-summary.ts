import { brief, firstOf } from '../formats/brief.ts'
import type { ColumnRule, RowSchema } from '../formats/row-schema.ts'
import { show } from '../formats/show-number.ts'
import type { ColumnProfile, Profile } from './profile.ts'

/** The head of `profileRows`. */
export const profileHead = ['column', 'lowest', 'highest', 'missing', 'distinct'] as const

/**
 * What was read of every column, in words, a row each. Texts have no order; their most frequent value stands for lowest
 * and highest.
 */
export function profileRows(profile: Profile, schema: RowSchema): string[][] {
  return schema.flatMap((rule) => {
    const column = profile[rule.name]
    return column === undefined ? [] : [[rule.name, ...ends(column, rule), missingOf(column), distinctOf(column)]]
  })
}

function ends(column: ColumnProfile, { type, masked }: ColumnRule): [string, string] {
  if (masked === true) return ['masked', '']
  if (column.kind === 'categorical') {
    const [most] = column.top
    return most === undefined ? ['', ''] : [`mostly ${brief(most[0], 40)}`, '']
  }
  const word = (value: number | null): string => {
    if (value === null) return ''
    return type === 'timestamp' ? timeOf(value) : show(value)
  }
  return [word(column.min), word(column.max)]
}

/** Days without their midnight. */
function timeOf(ms: number): string {
  // Beyond what ECMAScript calls a time.
  if (Math.abs(ms) > 8.64e15) return `${ms} ms`
  return new Date(ms).toISOString().replace('T00:00:00.000Z', '').replace('.000Z', 'Z')
}

const share = ({ missing, rows }: ColumnProfile): string =>
  `${Number(((100 * missing) / Math.max(1, rows)).toPrecision(2))} %`
const missingOf = (column: ColumnProfile): string =>
  column.missing === 0 ? '0' : `${column.missing} (${share(column)})`
/** Profiles of numbers that 0.6 and before made do not say. */
const distinctOf = (column: ColumnProfile): string => (column.distinct === undefined ? '' : String(column.distinct))

/**
 * What of a profile somebody should know, in a line: `12 columns; missing: age 2.5 %; one value: region; empty: notes`.
 */
export function notableIn(profile: Profile): string {
  const all = Object.entries(profile)
  const named = (columns: typeof all, word = ([name]: (typeof all)[number]): string => name): string =>
    firstOf(columns.map(word), { most: 4 })
  const isEmpty = ({ missing, rows }: ColumnProfile): boolean => missing === rows
  const empty = all.filter(([, column]) => isEmpty(column))
  const constant = all.filter(([, column]) => column.distinct === 1 && column.missing === 0)
  const missing = all
    .filter(([, column]) => column.missing > 0 && !isEmpty(column))
    .sort(([, a], [, b]) => b.missing - a.missing)
  const parts = [
    `${all.length.toLocaleString('en-US')} column${all.length === 1 ? '' : 's'}`,
    ...(missing.length > 0 ? [`missing: ${named(missing, ([name, column]) => `${name} ${share(column)}`)}`] : []),
    ...(constant.length > 0 ? [`one value: ${named(constant)}`] : []),
    ...(empty.length > 0 ? [`empty: ${named(empty)}`] : []),
  ]
  return brief(parts.join('; '), 500)
}
