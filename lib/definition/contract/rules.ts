import type { ColumnRule, Pattern, TextFormat } from '../../formats/row-schema.ts'

/** One thing that a value of a column must keep, besides being there and of its type. */
export type Rule =
  | { readonly kind: 'finite' | 'whole' | 'safe' }
  | {
      readonly kind: 'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum' | 'multipleOf'
      readonly value: number | string
    }
  | { readonly kind: 'minLength' | 'maxLength'; readonly value: number }
  | { readonly kind: 'pattern'; readonly pattern: Pattern }
  | { readonly kind: 'format'; readonly format: TextFormat }
  | { readonly kind: 'oneOf'; readonly values: readonly (string | number | boolean)[] }
export type RuleKind = Rule['kind']
export type RuleOf<Kind extends RuleKind> = Extract<Rule, { kind: Kind }>

/** Rules whose value is a limit. */
const limits = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum', 'multipleOf'] as const
const lengths = ['minLength', 'maxLength'] as const

/**
 * All that is checked of a column's values: the one list. What runs or shows these rules stands beside this file, one
 * table by kind each: `check.ts` (JavaScript: the gateway, cells of CSV, texts in scans), `sql.ts` (numbers in scans),
 * `json-schema.ts`, `words.ts`.
 */
export function rulesOf(column: ColumnRule): Rule[] {
  const rules: Rule[] = []
  if (column.type === 'number' || column.type === 'integer' || column.type === 'timestamp')
    rules.push({ kind: 'finite' })
  // zod's z.int() takes no number that a float64 cannot tell from its neighbours.
  if (column.type === 'integer') rules.push({ kind: 'whole' }, { kind: 'safe' })
  for (const kind of limits) {
    const value = column[kind]
    if (value !== undefined) rules.push({ kind, value })
  }
  for (const kind of lengths) {
    const value = column[kind]
    if (value !== undefined) rules.push({ kind, value })
  }
  if (column.pattern !== undefined) rules.push({ kind: 'pattern', pattern: { source: column.pattern, flags: '' } })
  for (const pattern of column.patterns ?? []) rules.push({ kind: 'pattern', pattern })
  for (const format of column.formats ?? []) rules.push({ kind: 'format', format })
  if (column.enum !== undefined) rules.push({ kind: 'oneOf', values: column.enum })
  return rules
}
