import { blank, digits, number, time, truths, untruths } from '../definition/contract/grammar.ts'
import { text } from '../definition/contract/sql.ts'
import { dateFormats, type Reading, timesOfDay } from './reading.ts'

const matches = (cell: string, expression: string): string =>
  `regexp_full_match(${cell}, ${text(`${blank}(${expression})${blank}`)})`

/** `1.234.567,89`, `0,5` and `12`. */
const commas = '[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)(,[0-9]+)?'
/** A number with commas between thousands, and a currency or a unit of a few letters around it. */
const dressed = "[$€£¥]? ?[+-]?[$€£¥]?([0-9]{1,3}([,'][0-9]{3})+|[0-9]+)([.][0-9]+)? ?([%$€£¥]|[A-Za-z]{1,3})?"
/** A year of four digits: strptime would take two for the first century. */
const year = '(.*[^0-9])?[0-9]{4}([^0-9].*)?'

/** Formats that are tried: each with each time of day behind it. */
const formatsOf = (date: string): string[] => timesOfDay.map((timeOfDay) => date + timeOfDay)

/** SQL that is a time where one of these formats reads a text, and else null. */
export function parsed(cell: string, formats: readonly string[]): string {
  const [only] = formats
  const read = formats.length === 1 && only !== undefined ? text(only) : `[${formats.map(text).join(', ')}]`
  return `try_strptime(trim(${cell}), ${read})`
}

/** What counts a column's cells by what each could be: aliases of `Counts`, over a column of text. */
export function countsSql(cell: string): Record<string, string> {
  const counted = (condition: string): string => `count(*) FILTER (${condition})`
  return {
    present: `count(${cell})`,
    distinct: `count(DISTINCT ${cell})`,
    numbers: counted(matches(cell, number)),
    whole: counted(`${matches(cell, digits)}`),
    padded: counted(matches(cell, '0[0-9]+')),
    times: counted(matches(cell, time)),
    truths: counted(`lower(trim(${cell})) IN (${[...truths, ...untruths].map(text).join(', ')})`),
    commas: counted(matches(cell, commas)),
    dressed: counted(matches(cell, dressed)),
  }
}

/** The same for dates that are not ISO, which take longer. */
export const datesSql = (cell: string): Record<string, string> =>
  Object.fromEntries(
    dateFormats.map((format) => [
      format,
      `count(*) FILTER (${matches(cell, year)} AND ${parsed(cell, formatsOf(format))} IS NOT NULL)`,
    ]),
  )

/**
 * SQL that makes a value of a cell by its reading, null where it is none: DOUBLE of numbers, TIMESTAMP of times,
 * BOOLEAN of truths, VARCHAR of texts.
 */
export function valueSql(cell: string, reading: Reading): string {
  if (reading.kind === 'number') {
    if (reading.convert !== undefined) return convertSql(cell, reading) as string
    return `CASE WHEN ${matches(cell, number)} THEN TRY_CAST(trim(${cell}) AS DOUBLE) END`
  }
  if (reading.kind === 'time') {
    if (reading.formats !== undefined) return convertSql(cell, reading) as string
    return `TRY_CAST(replace(trim(${cell}), 'T', ' ') AS TIMESTAMP)`
  }
  if (reading.kind === 'boolean')
    return `CASE WHEN lower(trim(${cell})) IN (${truths.map(text).join(', ')}) THEN true WHEN lower(trim(${cell})) IN (${untruths.map(text).join(', ')}) THEN false END`
  return cell
}

/**
 * SQL for a definition that makes a value of a text which the contract does not read as it is; undefined where it does.
 * What is no such text becomes null, so that the contract sets its row aside.
 */
export function convertSql(cell: string, reading: Reading): string | undefined {
  if (reading.kind === 'time' && reading.formats !== undefined) return parsed(cell, reading.formats)
  if (reading.kind !== 'number' || reading.convert === undefined) return undefined
  if (reading.convert === 'comma') return `TRY_CAST(replace(replace(trim(${cell}), '.', ''), ',', '.') AS DOUBLE)`
  return `TRY_CAST(regexp_replace(${cell}, '[^0-9.eE+-]|[A-Za-z]+$', '', 'g') AS DOUBLE)`
}
