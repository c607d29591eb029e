import type { ColumnRule } from '../../formats/row-schema.ts'
import type { Rule, RuleKind, RuleOf } from './rules.ts'

/** Values that a message names. */
const shownValues = 8

const limit = (value: number | string, type: ColumnRule['type']): string =>
  type === 'timestamp' ? new Date(value as number).toISOString() : String(value)

/** Every rule in words, as findings, quarantine and answers name it. */
const words: { readonly [Kind in RuleKind]: (rule: RuleOf<Kind>, type: ColumnRule['type']) => string } = {
  finite: (_, type) => (type === 'timestamp' ? 'a time' : 'finite number'),
  whole: () => 'whole number',
  safe: () => `within ±${Number.MAX_SAFE_INTEGER} (z.int64() holds larger ones)`,
  minimum: ({ value }, type) => `≥ ${limit(value, type)}`,
  exclusiveMinimum: ({ value }, type) => `> ${limit(value, type)}`,
  maximum: ({ value }, type) => `≤ ${limit(value, type)}`,
  exclusiveMaximum: ({ value }, type) => `< ${limit(value, type)}`,
  multipleOf: ({ value }) => `multiple of ${value}`,
  minLength: ({ value }) => `length ≥ ${value}`,
  maxLength: ({ value }) => `length ≤ ${value}`,
  pattern: ({ pattern: { source, flags } }) => `pattern ${flags === '' ? source : `/${source}/${flags}`}`,
  format: ({ format }) => `format ${format.name}`,
  oneOf: ({ values }) => `one of ${values.slice(0, shownValues).join(', ')}${values.length > shownValues ? ', …' : ''}`,
}

export function ruleInWords(rule: Rule, type: ColumnRule['type']): string {
  return (words[rule.kind] as (rule: Rule, type: ColumnRule['type']) => string)(rule, type)
}

const typeWords: Readonly<Record<ColumnRule['type'], string>> = {
  number: 'a number',
  integer: 'a whole number',
  bigint: 'a whole number (its digits as text, past ±9007199254740991)',
  boolean: 'true or false',
  string: 'text',
  timestamp: 'an ISO 8601 time or milliseconds since 1970',
}

/** What a column holds, in words. */
export function typeInWords({ type, nullable }: Pick<ColumnRule, 'type' | 'nullable'>): string {
  return nullable ? `${typeWords[type]} or null` : typeWords[type]
}
