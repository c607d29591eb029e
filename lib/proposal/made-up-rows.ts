import type { Proposal, ProposedColumn } from './propose.ts'

/** A value as a row of JSON has it. */
export type Cell = number | string | boolean | null

const mostRows = 200

/**
 * Rows for tests: values of the table, put together anew, so that no row is anybody's. Classes and groups are spread
 * over them so that every part of the split has all classes; times go on as in the table.
 * @param truth of texts that say yes or no
 */
export function madeUpRows({ columns, target, split }: Proposal): Record<string, Cell>[] {
  const classes = target.task === 'regression' ? 1 : target.classes.length
  const count = Math.min(mostRows, Math.max(50, classes * 10))
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(
      columns.map((column, j) => {
        const { profile } = column
        if (profile === split.column && split.kind === 'group') return [profile.name, groupOf(column, i, classes)]
        if (profile === target.column && classes > 1) return [profile.name, cellOf(column, target.classes[i % classes])]
        const { pool, reading } = profile
        if (pool.length === 0) return [profile.name, null]
        // Times ascend; all else goes round, each column with a step of its own.
        const at = reading.kind === 'time' ? Math.floor((i * pool.length) / count) : (i * (2 * j + 1) + j) % pool.length
        return [profile.name, cellOf(column, pool[at])]
      }),
    ),
  )
}

/** Made-up names of groups: as many rows of each as there are classes. */
function groupOf({ profile: { reading, name } }: ProposedColumn, i: number, classes: number): Cell {
  const number = Math.floor(i / Math.max(2, classes)) + 1
  return reading.kind === 'number' ? number : `${name} ${number}`
}

/** A text of the file as JSON carries the value; texts that a step of SQL turns stay texts. */
export function cellOf({ profile, convert }: ProposedColumn, text: string | undefined): Cell {
  if (text === undefined) return null
  const { kind } = profile.reading
  if (convert !== undefined) return text
  if (kind === 'number') return Number(text)
  if (kind === 'boolean') return /^(true|t|yes|y|1|1\.0)$/i.test(text.trim())
  return text
}
