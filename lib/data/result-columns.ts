import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'

/** A column that was made, with its type in the words of whoever made it. */
export interface MadeColumn {
  readonly name: string
  readonly type: string
}

/**
 * Holds the columns that were made to a schema: the same names, in any order, each of a type that fits. What the rows
 * hold is checked by `p.validate`.
 * @param what what messages call the table
 * @param fits whether a column may be what the schema says of it
 * @throws SlipwayError TABLE_SCHEMA
 */
export function requireColumnsOf(
  schema: RowSchema,
  made: readonly MadeColumn[],
  what: string,
  fits: (rule: RowSchema[number], type: string) => boolean,
): void {
  const names = made.map(({ name }) => name)
  for (const rule of schema) {
    const found = made.find(({ name }) => name === rule.name)
    if (found === undefined) {
      const there = names.join(', ') || 'none'
      throw wrong(`${what} has no column "${rule.name}"; it has ${there}`, 'make it, or take it out of the schema')
    }
    if (!fits(rule, found.type)) {
      const says = `has a column "${rule.name}" of ${found.type}, the schema says ${rule.type}`
      throw wrong(`${what} ${says}`, 'correct the schema, or convert the column')
    }
  }
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) throw wrong(`${what} has two columns "${name}"`, 'give one of them another name')
    if (!schema.some((rule) => rule.name === name))
      throw wrong(
        `${what} has a column "${name}" that its schema does not name`,
        'add it to the schema, or leave it out',
      )
  }
}

const wrong = (message: string, next: string): SlipwayError => new SlipwayError('TABLE_SCHEMA', message, { next })
