import { brief } from '../formats/brief.ts'

/**
 * Kinds of errors of DuckDB's that are about statements, files and memory, not about what stands in rows: they are said
 * as they are. All others may quote values.
 */
const aboutNoRows =
  /^(Parser|Binder|Catalog|IO|Out of Memory|INTERNAL|INTERRUPT|Interrupt|Permission|Not implemented|Invalid Configuration|Settings|Missing Extension|Extension Autoloading|HTTP|TransactionContext|Dependency) Error: /
const ofDuckDb = /^([A-Z][A-Za-z ]*) Error: /

/** What can be said of each kind without a value. */
const kinds: Readonly<Record<string, string>> = {
  Conversion: 'a value cannot be converted',
  'Out of Range': 'a value is out of range',
  'Mismatch Type': 'a value is of another type',
  Constraint: 'a value breaks a constraint',
}

/** The words of DuckDB's behind which a type stands, and the name of a column: both are ours, the value is neither. */
const target =
  /(?: to|destination type) ([A-Z][A-Z0-9]*(?:\([\d,]+\))?(?:\[\])?)(?: when casting from source column ([^\n]+))?$/

/**
 * What DuckDB says of rows, without what stands in them: which conversion it is, and of which column.
 * @param columns that may be named
 * @returns undefined where the error is about no rows, or none of DuckDB's
 */
export function withoutValues(message: string, columns: readonly string[] = []): string | undefined {
  const kind = ofDuckDb.exec(message)?.[1]
  if (kind === undefined || aboutNoRows.test(message)) return undefined
  const said = kinds[kind] ?? 'a value cannot be used'
  const [, type, column] = target.exec(message.split('\n\nLINE ')[0] as string) ?? []
  return `${said}${type === undefined ? '' : ` to ${type}`}${column !== undefined && columns.includes(column) ? ` (column "${column}")` : ''}`
}

/** The sentence of DuckDB's, values and all. */
export const sentenceOf = (message: string): string =>
  brief((message.split('\n')[0] as string).replace(/^\w[\w ]* Error: /, ''), 300)
