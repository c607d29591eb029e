import { nearest } from '../code/nearest.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { invalid, type RowReader, type Rows } from './rows.ts'

/** So many names are told at most, each cut to so many characters: clients choose them. */
const mostNames = 20
const longestName = 40

const listed = (names: readonly string[]): string => {
  const told = names
    .slice(0, mostNames)
    .map((name) => (name.length > longestName ? `${name.slice(0, longestName)}…` : name))
  return told.join(', ') + (names.length > told.length ? ` and ${names.length - told.length} more` : '')
}

const folded = (name: string): string => name.trim().toLowerCase()

/** The column that a name is, or may have been meant for. */
export const meant = (name: string, columns: readonly string[]): string | undefined =>
  columns.find((column) => folded(column) === folded(name)) ??
  // Of two or three letters every name is like every other.
  (name.length < 4 || name.length > 100 ? undefined : nearest(name, columns))

/**
 * Holds the names that a request gives against the columns of the model.
 * @param what what the names are of: `field`, `column`, `tensor`
 * @returns the names that no column has, which are ignored
 * @throws SlipwayError REQUEST_INVALID when no name is known, when a column comes twice, and when a name differs from a
 * column that is not there by case or blanks alone, or, where the column may not be missing, by a letter or two
 */
export function checkNames(schema: RowSchema, given: readonly string[], path: string, what: string): readonly string[] {
  const columns = new Set(schema.map(({ name }) => name))
  const there = new Set<string>()
  const unknown: string[] = []
  for (const name of given) {
    if (!columns.has(name)) unknown.push(name)
    else if (there.has(name)) throw invalid(`a second ${what} "${name}"`, path)
    else there.add(name)
  }
  if (there.size > 0 && unknown.length === 0) return unknown
  const absent = schema.filter(({ name }) => !there.has(name))
  const absentNames = absent.map(({ name }) => name)
  const hints = unknown.slice(0, mostNames).flatMap((name) => {
    const column = meant(name, absentNames)
    return column === undefined ? [] : [{ name, column }]
  })
  if (there.size === 0) {
    const found = given.length === 0 ? `no ${what}` : `no ${what} that the model knows: ${listed(given)}`
    const hint = hints.length === 0 ? '' : `; did you mean ${listed(hints.map(({ column }) => column))}?`
    throw invalid(`${found}; it takes ${listed([...columns])}${hint}`, path)
  }
  const wrong = hints.find(
    ({ name, column }) =>
      folded(name) === folded(column) || absent.some((rule) => rule.name === column && !rule.nullable),
  )
  if (wrong !== undefined)
    throw invalid(`the model knows no ${what} ${listed([wrong.name])}; did you mean ${wrong.column}?`, path)
  return unknown
}

/** Rows that a request gives, and the names that came along and that the model does not know. */
export interface NamedRows extends Rows {
  readonly ignored: readonly string[]
}

/**
 * `[{ a: 1, b: "x" }, …]`: a record may leave out what may be missing, all of them may not leave out everything.
 * @throws SlipwayError REQUEST_INVALID
 */
export function readRecords(reader: RowReader, value: unknown, path: string): NamedRows {
  const isRecords = Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === 'object' && row)
  // What is no record is refused by the reader, with its place.
  const ignored = isRecords ? checkNames(reader.schema, namesOfRecords(value), path, 'field') : []
  return { ...reader.fromRecords(value, path), ignored }
}

/** Every name that some of the records have, in the order they come. */
function namesOfRecords(records: readonly object[]): string[] {
  const names = new Set<string>()
  for (const record of records) for (const name of Object.keys(record)) names.add(name)
  return [...names]
}

/** Names as the value of a header: what a header cannot hold is percent-encoded. */
export const namesHeader = (names: readonly string[]): string =>
  names
    .slice(0, mostNames)
    .map((name) => encodeURIComponent(name.slice(0, longestName).replaceAll(/\p{Surrogate}/gu, '\ufffd')))
    .join(', ')
