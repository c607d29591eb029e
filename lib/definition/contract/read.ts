import type { ColumnRule } from '../../formats/row-schema.ts'
import { checkerOf, type Value } from './check.ts'
import { blank, digits, epochText, epochUnit, infinite, nan, number, time, truths, untruths } from './grammar.ts'
import { ruleInWords, typeInWords } from './words.ts'

/**
 * A value that breaks the contract of its column, and how: `expected a number, got the text "x"`, `-1 breaks "≥ 0"`.
 */
export class Broken {
  readonly what: string
  constructor(what: string) {
    this.what = what
  }
}

/**
 * What a column holds of a value: NaN for a missing number, time or nullable boolean, null for a missing text, 0 and 1
 * for booleans.
 */
export type Read = number | string | null | Broken
export type Reader<From> = (value: From) => Read

/** `undefined` is no value of the type. */
type Parse<From> = (value: From) => Value | null | undefined

/** Reads a value of JSON or of a tensor by a column's contract. null, undefined and NaN are missing. */
export function valueReader(column: ColumnRule): Reader<unknown> {
  const parse = valueParsers[column.type]
  return readerOf(column, (value) =>
    value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value)) ? null : parse(value),
  )
}

/** Reads a cell of text by a column's contract. The empty cell is missing, and so is one that `na` names. */
export function cellReader(column: ColumnRule): Reader<string> {
  const parse = cellParsers[column.type]
  const na = new Set(column.na ?? [])
  return readerOf(column, (text) => (text === '' || na.has(text) ? null : parse(text)))
}

function readerOf<From>(column: ColumnRule, parse: Parse<From>): Reader<From> {
  const brokenRule = checkerOf(column)
  const absent = column.type === 'string' || column.type === 'bigint' ? null : Number.NaN
  return (given) => {
    const value = parse(given)
    if (value === null)
      return column.nullable ? absent : new Broken(`is missing; ${column.name} is ${typeInWords(column)}`)
    if (value === undefined) return new Broken(typeProblem(column, given))
    const rule = brokenRule(value)
    if (rule !== undefined) return new Broken(`${shown(value)} breaks "${ruleInWords(rule, column.type)}"`)
    return typeof value === 'boolean' ? Number(value) : value
  }
}

const valueParsers: Readonly<Record<ColumnRule['type'], Parse<unknown>>> = {
  number: numberOf,
  integer: numberOf,
  bigint(value) {
    if (typeof value === 'bigint') return String(value)
    if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
    return typeof value === 'string' ? digitsOf(value) : undefined
  },
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  string: (value) => (typeof value === 'string' ? value : undefined),
  timestamp(value) {
    if (typeof value === 'string') return timeOf(value)
    return typeof value === 'number' ? epochOf(value) : undefined
  },
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' ? Number(value) : undefined
}

const whole = (expression: string): RegExp => new RegExp(`^${blank}(?:${expression})${blank}$`)
const [isNumber, isInfinite, isNan, isDigits, isTime, isEpoch] = [number, infinite, nan, digits, time, epochText].map(
  whole,
) as [RegExp, RegExp, RegExp, RegExp, RegExp, RegExp]
const isBlank = new RegExp(`^${blank}$`)

const cellParsers: Readonly<Record<ColumnRule['type'], Parse<string>>> = {
  number: cellNumber,
  integer: cellNumber,
  bigint: (text) => (isBlank.test(text) ? null : digitsOf(text)),
  boolean(text) {
    if (isBlank.test(text)) return null
    const word = text.trim().toLowerCase()
    return truths.includes(word) ? true : untruths.includes(word) ? false : undefined
  },
  string: (text) => text,
  timestamp: (text) => (isBlank.test(text) ? null : timeOf(text)),
}

function cellNumber(text: string): number | null | undefined {
  if (isNumber.test(text)) return Number(text)
  if (isBlank.test(text) || isNan.test(text)) return null
  return isInfinite.test(text) ? Number.POSITIVE_INFINITY : undefined
}

const digitsOf = (text: string): string | undefined => (isDigits.test(text) ? String(BigInt(text.trim())) : undefined)

/** A time of the grammar as milliseconds since 1970, digits past the millisecond cut off. */
function timeOf(text: string): number | undefined {
  const match = isTime.exec(text)
  if (match === null) return isEpoch.test(text) ? epochOf(Number(text)) : undefined
  const [, day, , clock = '00:00', , , second = '00', , fraction = '', , zone = 'Z'] = match
  const midnight = Date.parse(`${day}T00:00:00Z`)
  // JavaScript takes 30 February for 1 March.
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(day?.slice(8))) return undefined
  return Date.parse(`${day}T${clock}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`) - offsetOf(zone)
}

/** `+05:30`, `-0800` or `+09` in milliseconds. */
function offsetOf(zone: string): number {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone)
  if (match === null) return 0
  const ms = (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000
  return match[1] === '-' ? -ms : ms
}

function epochOf(value: number): number | undefined {
  return Number.isInteger(value) && epochUnit(value) === 'milliseconds' ? value : undefined
}

function typeProblem(column: ColumnRule, given: unknown): string {
  const number = typeof given === 'string' && isDigits.test(given) ? Number(given) : given
  if (column.type === 'timestamp' && typeof number === 'number' && epochUnit(number) !== 'milliseconds')
    return `expected ${typeInWords(column)}, got ${given}, which looks like ${epochUnit(number)}`
  return `expected ${typeInWords(column)}, got ${kindOf(given)}`
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)
const shown = (value: Value): string => (typeof value === 'string' ? `"${shorten(value)}"` : String(value))

/** What a value is, short enough for a message whatever a client sends. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return `the text "${shorten(value)}"`
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : typeof value === 'object'
      ? 'an object'
      : `a ${typeof value}`
}
