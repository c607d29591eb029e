import type { Delimiter } from '../formats/csv.ts'
import type { TableFormat } from '../formats/table-format.ts'
import type { Carrier, Reading } from './reading.ts'

/** A column of a file, as all rows that were looked at have it. */
export interface ColumnProfile {
  readonly name: string
  readonly carrier: Carrier
  readonly reading: Reading
  /** Rows with a value. */
  readonly present: number
  /** Rows with a value that the reading does not read. */
  readonly stray: number
  readonly distinct: number
  /** Of numbers and of times (ms since 1970, UTC). */
  readonly min: number | undefined
  readonly max: number | undefined
  /** The most frequent texts, with how many rows have them; none where there are more than `mostValues`. */
  readonly values: readonly (readonly [text: string, rows: number])[]
  /** Some different values as the file has them, of times evenly from the first to the last row. */
  readonly pool: readonly string[]
  /** Of times: those of `pool`, ms since 1970. */
  readonly times: readonly number[]
  /** Characters of the longest text. */
  readonly longest: number
  /** Of times: whether any has a time of day. */
  readonly hasTimeOfDay: boolean
}

export const mostValues = 50

export interface TableProfile {
  /** The path as the definition names it. */
  readonly from: string
  readonly format: TableFormat
  /** Of CSV. */
  readonly delimiter: Delimiter
  readonly header: boolean
  readonly rows: number
  /** Rows that were looked at: the first ones. */
  readonly looked: number
  /** Rows that are no rows: too many fields, or too few. */
  readonly broken: number
  /** Texts of cells that stand for a missing value. */
  readonly na: readonly string[]
  readonly columns: readonly ColumnProfile[]
  /** Names that several columns have, and how many columns have none. */
  readonly twice: readonly string[]
  readonly nameless: number
}

/** How a column stands to the target, over rows that have both. */
export interface Relation {
  readonly name: string
  /** Different values of the column, and how many of them come with one value of the target only. */
  readonly groups: number
  readonly pure: number
  /** Whether one value of the target comes with all rows where the column is missing, and another with all others. */
  readonly missingTells: boolean
  /** Pearson's, of numbers; NaN where there is none. */
  readonly correlation: number
  /** Another column with the very same values, which comes before it. */
  readonly sameAs: string | undefined
}
