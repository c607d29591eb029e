import type { ColumnRule } from '../../formats/row-schema.ts'
import { type Rule, type RuleKind, type RuleOf, rulesOf } from './rules.ts'
import { hasFormat, regExp } from './text-formats.ts'

/** A value as columns hold it: times as milliseconds since 1970, whole numbers of any size as their digits. */
export type Value = number | string | boolean

type Keeps = (value: never) => boolean

/**
 * zod's own remainder (4.6, `floatSafeRemainder`): a quotient is whole that is off by no more than the rounding of two
 * doubles and their division. `multipleOf(0.01)` holds for every price in cents.
 */
function isMultiple(value: number, step: number): boolean {
  const ratio = value / step
  return Math.abs(ratio - Math.round(ratio)) < 4 * Number.EPSILON * Math.max(Math.abs(ratio), 1)
}

/**
 * Length in code points, as zod (4.6) and JSON Schema count: of UTF-16 units, the second one of a pair does not count.
 */
function codePoints(value: string): number {
  let count = value.length
  for (let i = 1; i < value.length; i++) {
    const isPair = (value.charCodeAt(i) & 0xfc00) === 0xdc00 && (value.charCodeAt(i - 1) & 0xfc00) === 0xd800
    if (isPair) count--
  }
  return count
}

/** Rules as functions: whether a value keeps them. Limits of `bigint` columns are digits, and compared as such. */
export const checks: { readonly [Kind in RuleKind]: (rule: RuleOf<Kind>) => Keeps } = {
  finite: () => Number.isFinite,
  whole: () => Number.isInteger,
  safe: () => (value: number) => Math.abs(value) <= Number.MAX_SAFE_INTEGER,
  minimum: ({ value: limit }) => compare(limit, (a, b) => a >= b),
  exclusiveMinimum: ({ value: limit }) => compare(limit, (a, b) => a > b),
  maximum: ({ value: limit }) => compare(limit, (a, b) => a <= b),
  exclusiveMaximum: ({ value: limit }) => compare(limit, (a, b) => a < b),
  multipleOf: ({ value: step }) =>
    typeof step === 'number'
      ? (value: number) => isMultiple(value, step)
      : (value: string) => BigInt(value) % BigInt(step) === 0n,
  minLength:
    ({ value: least }) =>
    (value: string) =>
      codePoints(value) >= least,
  maxLength:
    ({ value: most }) =>
    (value: string) =>
      value.length <= most || codePoints(value) <= most,
  pattern: ({ pattern }) => {
    const form = regExp(pattern)
    return (value: string) => form.test(value)
  },
  format: ({ format }) => hasFormat(format),
  oneOf: ({ values }) => {
    const known = new Set<Value>(values)
    return (value: Value) => known.has(value)
  },
}

function compare(limit: number | string, holds: (a: number | bigint, b: number | bigint) => boolean): Keeps {
  if (typeof limit === 'number') return (value: number) => holds(value, limit)
  const bound = BigInt(limit)
  return (value: string) => holds(BigInt(value), bound)
}

/** One rule as a function. */
export const checkOf = (rule: Rule): ((value: Value) => boolean) =>
  (checks[rule.kind] as (rule: Rule) => (value: Value) => boolean)(rule)

/** The first rule of a column that a value breaks; undefined where it keeps all. */
export function checkerOf(column: ColumnRule): (value: Value) => Rule | undefined {
  const all = rulesOf(column).map((rule) => ({ rule, keeps: checkOf(rule) }))
  return (value) => {
    for (let i = 0; i < all.length; i++) {
      const each = all[i] as (typeof all)[number]
      if (!each.keeps(value)) return each.rule
    }
    return undefined
  }
}
