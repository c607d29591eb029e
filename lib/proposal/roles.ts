import type { ColumnProfile, TableProfile } from './profile.ts'
import { isNameOfId } from './words.ts'

/** A text of which no categories can be made: nearly every row has another one. */
export const isFreeText = ({ reading, distinct, present }: ColumnProfile): boolean =>
  reading.kind === 'text' && (distinct > 1_000 || distinct * 5 > present)

const canBeKey = ({ reading }: ColumnProfile): boolean =>
  reading.kind === 'text' || (reading.kind === 'number' && reading.whole && reading.convert === undefined)

/**
 * Whether a column tells rows apart and says nothing about them: another value in every row, called as identifiers are,
 * counted through, or one word each.
 */
export function isIdentifier(column: ColumnProfile, { looked }: TableProfile): boolean {
  const { name, distinct, present, min, max, longest, reading, pool } = column
  if (!canBeKey(column) || present < looked * 0.95) return false
  if (isNameOfId(name) && distinct >= present * 0.95) return true
  if (distinct !== present || looked < 20) return false
  if (reading.kind === 'number') return max !== undefined && min !== undefined && max - min + 1 === looked
  return longest <= 64 && pool.every((text) => !/\s/.test(text.trim()))
}

/** Whether a column names who or what a row is of, and several rows are of one. */
export const isGroup = (column: ColumnProfile, { looked }: TableProfile): boolean =>
  canBeKey(column) &&
  column.carrier !== 'typed' &&
  isNameOfId(column.name) &&
  column.present === looked &&
  column.stray === 0 &&
  column.distinct >= 10 &&
  column.distinct < looked * 0.95
