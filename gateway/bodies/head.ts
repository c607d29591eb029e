import type { InputColumns } from '../scoring.ts'

/** Rows of a large request that can be looked at without unpacking the others: as many as a window keeps of one. */
export const headRows = 256

/** The first rows of columns, copied. */
export const headOf = (columns: InputColumns): InputColumns =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(0, headRows)]))
