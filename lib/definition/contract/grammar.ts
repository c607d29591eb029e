/*
 * What a cell of text may say, for every reader: cells of CSV (in scans and in requests), folders of Hive, texts in
 * JSON. The expressions mean the same to JavaScript and to RE2, so that one text has one value everywhere.
 */

/**
 * Blanks around a number, a time or a boolean say nothing; a cell of nothing else is missing. In columns of text every
 * blank counts.
 */
export const blank = '[ \\t\\n\\v\\f\\r]*'

/** Decimal digits, ASCII; no separators, no hexadecimal. What overflows to infinity breaks "finite number". */
export const number = '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?'
export const infinite = '[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?'
/** Not a number: missing. */
export const nan = '[+-]?[nN][aA][nN]'

/** A whole number of up to 38 digits: what 128 bits hold. */
export const digits = '[+-]?[0-9]{1,38}'

/** ISO 8601 with seconds or not, `T` or a space. What names no zone is UTC; years have four digits. */
export const time =
  '([0-9]{4}-[0-9]{2}-[0-9]{2})([Tt ](([01][0-9]|2[0-3]):[0-5][0-9])(:([0-5][0-9])([.]([0-9]{1,9}))?)?( ?([Zz]|UTC|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?))?)?'

export const truths: readonly string[] = ['true', 't', 'yes', 'y', '1', '1.0']
export const untruths: readonly string[] = ['false', 'f', 'no', 'n', '0', '0.0']

/**
 * Milliseconds since 1970 as text: as many digits as years from 1973 to 5138 have, so that `2024` and `20240301` are no
 * times.
 */
export const epochText = '[+-]?[0-9]{12,14}'

/**
 * Numbers that are no milliseconds since 1970: those that are seconds of the years 1973 to 2286, and those from the
 * year 5138 on, which are micro- or nanoseconds. They are refused by name instead of being read as another century.
 */
export const epochMs = { secondsFrom: 1e8, secondsBelow: 1e10, below: 1e14 } as const

/** What unit a number since 1970 seems to have. */
export function epochUnit(value: number): 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds' {
  const size = Math.abs(value)
  if (size >= epochMs.secondsFrom && size < epochMs.secondsBelow) return 'seconds'
  if (size < epochMs.below) return 'milliseconds'
  return size < 1e17 ? 'microseconds' : 'nanoseconds'
}
