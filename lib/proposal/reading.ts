/*
 * How the values of a column are read: from counts of what each of its cells could be.
 */

/**
 * How dates are written that are not ISO 8601, as DuckDB's strptime names them. Of days and months, days come first.
 */
export const dateFormats = [
  '%d.%m.%Y',
  '%d/%m/%Y',
  '%m/%d/%Y',
  '%Y/%m/%d',
  '%Y.%m.%d',
  '%d-%m-%Y',
  '%m-%d-%Y',
  '%d %b %Y',
  '%d-%b-%Y',
  '%b %d, %Y',
] as const
/** Times of day behind them. */
export const timesOfDay = ['', ' %H:%M', ' %H:%M:%S', ' %I:%M %p', ' %I:%M:%S %p'] as const

/** How many of a column's values, which are there, could be what. */
export interface Counts {
  readonly present: number
  readonly distinct: number
  /** As the contract reads numbers: digits, a point, an exponent. */
  readonly numbers: number
  readonly whole: number
  /** Whole numbers that are written with a zero before them, as postal codes are. */
  readonly padded: number
  /** ISO 8601. */
  readonly times: number
  readonly truths: number
  /** `1.234,50`: a comma before the fraction. */
  readonly commas: number
  /** `$1,234.50`, `45 %`: a number with something around it, or text where a number would be meant. */
  readonly dressed: number
  /** Objects and lists. */
  readonly nested: number
  /** By format. */
  readonly dates: Readonly<Record<string, number>>
}

/** What carries the values: cells of CSV, JSON's own types, or those of a typed file. */
export type Carrier = 'cell' | 'json' | 'typed'

/** How a column is read. `convert` is how its text becomes a value, where the contract does not read it as it is. */
export type Reading =
  | { readonly kind: 'number'; readonly whole: boolean; readonly convert?: 'comma' | 'dressed' }
  | { readonly kind: 'boolean' | 'text' | 'nothing' | 'nested' }
  | {
      readonly kind: 'time'
      /** As strptime names them; of one date, with the times of day there are. */
      readonly formats?: readonly string[]
      /** Another one that reads all of them as well: days for months. */
      readonly either?: string
    }

/** What a typed column, or one of JSON's values, is by itself. */
export type OwnType = 'number' | 'whole' | 'boolean' | 'time' | 'text' | 'nested'

/** Cells that may be something else, so that one typing error does not make text of a column of numbers. */
const strayShare = 0.01
const fits = (count: number, present: number): boolean =>
  count > 0 && present - count <= Math.max(present >= 20 ? 1 : 0, present * strayShare)

/** How a column is read. @param own its type, where its carrier tells one */
export function readingOf(counts: Counts, own: OwnType | undefined): Reading {
  const { present } = counts
  if (present === 0) return { kind: 'nothing' }
  if (own === 'nested' || counts.nested > 0) return { kind: 'nested' }
  if (own === 'number' || own === 'whole') return { kind: 'number', whole: own === 'whole' }
  if (own === 'boolean' || own === 'time') return { kind: own }
  const { times, numbers, whole, padded, truths, commas, dressed } = counts
  if (fits(times, present)) return { kind: 'time' }
  // 0 and 1 are numbers to everybody, and truths only among other words.
  if (own === undefined && fits(numbers, present) && padded === 0)
    return { kind: 'number', whole: present - whole <= present - numbers }
  if (own === undefined && fits(truths, present)) return { kind: 'boolean' }
  const date = dateFormatOf(counts)
  if (date !== undefined) return date
  if (padded > 0) return { kind: 'text' }
  // Of numbers with a comma the point parts thousands, and the other way round: what is read by more is meant.
  if (fits(commas, present) && commas >= dressed) return { kind: 'number', whole: false, convert: 'comma' }
  if (fits(dressed, present)) return { kind: 'number', whole: false, convert: 'dressed' }
  return { kind: 'text' }
}

/** The format that reads most of the values, if it reads about all; `either` is another one that does as well. */
function dateFormatOf({ dates, present }: Counts): Reading | undefined {
  const ranked = Object.entries(dates)
    .filter(([, count]) => fits(count, present))
    .sort(([, a], [, b]) => b - a)
  const [best, second] = ranked
  if (best === undefined) return undefined
  const either = second !== undefined && second[1] === best[1] ? { either: second[0] } : {}
  return { kind: 'time', formats: timesOfDay.map((timeOfDay) => best[0] + timeOfDay), ...either }
}

/** What a type of DuckDB's is to a contract. */
export function ownTypeOf(type: string): OwnType {
  if (type === 'BOOLEAN') return 'boolean'
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return 'whole'
  if (/^(FLOAT|DOUBLE|DECIMAL.*)$/.test(type)) return 'number'
  if (/^(DATE|TIMESTAMP.*)$/.test(type)) return 'time'
  if (/^(VARCHAR|UUID|ENUM.*)$/.test(type)) return type === 'VARCHAR' ? 'text' : 'nested'
  return 'nested'
}
