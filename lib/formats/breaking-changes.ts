import type { RowSchema } from './row-schema.ts'

/**
 * What rows that fit `before` would break in `after`, a sentence each: a column of another type, a column that is new
 * and required, a column that may no longer be missing. Leaving a column out breaks nobody.
 */
export function breakingChanges(before: RowSchema, after: RowSchema): string[] {
  return after.flatMap((column) => {
    const old = before.find(({ name }) => name === column.name)
    if (old === undefined) return column.nullable ? [] : [`column "${column.name}" is new and required`]
    if (old.type !== column.type) return [`column "${column.name}" was ${old.type} and is ${column.type}`]
    return old.nullable && !column.nullable ? [`column "${column.name}" may no longer be missing`] : []
  })
}
