import { hasMaskedColumn, type RowSchema } from '../formats/row-schema.ts'
import type { ColumnProfile, Profile } from './profile.ts'

/**
 * A profile without the values of masked columns: of numbers how many there are and are missing, of texts other words
 * for them.
 * @param mask the word for a value of a column
 */
export function maskedProfile(
  profile: Profile,
  schema: RowSchema,
  mask: (column: string, value: string) => string,
): Profile {
  if (!hasMaskedColumn(schema)) return profile
  const masked = schema.flatMap(({ name, masked }) => (masked === true ? [name] : []))
  const changed = masked.flatMap((name) => {
    const column = profile[name]
    return column === undefined ? [] : [[name, maskedColumn(column, (value) => mask(name, value))] as const]
  })
  return { ...profile, ...Object.fromEntries(changed) }
}

function maskedColumn(column: ColumnProfile, word: (value: string) => string): ColumnProfile {
  if (column.kind === 'categorical') return { ...column, top: column.top.map(([value, count]) => [word(value), count]) }
  const { infinite: _, ...counted } = column
  return { ...counted, min: null, max: null, mean: null, std: null, edges: [], counts: [] }
}
