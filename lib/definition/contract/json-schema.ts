import type { ColumnRule, RowSchema } from '../../formats/row-schema.ts'
import { type Rule, type RuleKind, type RuleOf, rulesOf } from './rules.ts'

/*
 * A row as JSON Schema (2020-12), for OpenAPI, documents and other people's tools. It differs from the contract in two
 * ways, each for a reason: patterns have no flags there, so one with flags is told as an annotation; and `multipleOf`
 * has no tolerance there.
 */

type Keywords = Record<string, unknown>

/** Every rule in the keywords of JSON Schema; what it has none for is left to the description. */
export const keywords: { readonly [Kind in RuleKind]: (rule: RuleOf<Kind>) => Keywords } = {
  finite: () => ({}),
  whole: () => ({}),
  safe: () => ({}),
  minimum: ({ value }) => limit('minimum', value),
  exclusiveMinimum: ({ value }) => limit('exclusiveMinimum', value),
  maximum: ({ value }) => limit('maximum', value),
  exclusiveMaximum: ({ value }) => limit('exclusiveMaximum', value),
  multipleOf: ({ value }) => limit('multipleOf', value),
  minLength: ({ value }) => ({ minLength: value }),
  maxLength: ({ value }) => ({ maxLength: value }),
  pattern: ({ pattern: { source, flags } }) =>
    flags === '' ? { pattern: source } : { 'x-pattern': `/${source}/${flags}` },
  format: ({ format }) => ({ format: format.name === 'url' ? 'uri' : format.name }),
  oneOf: ({ values }) => ({ enum: values }),
}

const limit = (keyword: string, value: number | string): Keywords => ({ [keyword]: Number(value) })
const keywordsOf = (rule: Rule): Keywords => (keywords[rule.kind] as (rule: Rule) => Keywords)(rule)

function propertyOf(column: ColumnRule): Keywords {
  const { type, nullable } = column
  if (type === 'timestamp') return { type: nullable ? ['string', 'null'] : 'string', format: 'date-time' }
  const types = type === 'bigint' ? ['integer', 'string'] : [type]
  const all = nullable ? [...types, 'null'] : types
  const rules = rulesOf(column)
  const first = Object.assign({ type: all.length === 1 ? all[0] : all }, ...rules.map(keywordsOf)) as Keywords
  // One keyword can be said once: all patterns but the last one are conditions of their own.
  const patterns = rules.filter(({ kind }) => kind === 'pattern').map(keywordsOf)
  if (nullable && Array.isArray(first.enum)) first.enum = [...first.enum, null]
  return patterns.length < 2 ? first : { ...first, allOf: patterns.slice(0, -1) }
}

/** The JSON Schema of one row. */
export function jsonSchemaOf(columns: RowSchema): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(columns.map((column) => [column.name, propertyOf(column)])),
    required: columns.filter(({ nullable }) => !nullable).map(({ name }) => name),
  }
}
