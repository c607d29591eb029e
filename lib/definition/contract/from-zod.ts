import { z } from 'zod'
import { SlipwayError } from '../../formats/errors.ts'
import type { ColumnRule, Pattern, RowSchema, TextFormat } from '../../formats/row-schema.ts'

/** What zod's definitions of checks and types hold, as far as we look at them. */
interface Definition {
  readonly type?: string
  readonly check?: string
  readonly format?: string
  readonly value?: unknown
  readonly inclusive?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly length?: number
  readonly pattern?: RegExp
  readonly prefix?: string
  readonly suffix?: string
  readonly includes?: string
  readonly position?: number
  readonly alg?: string
  readonly hostname?: RegExp
  readonly protocol?: RegExp
  readonly normalize?: boolean
  readonly coerce?: boolean
  readonly innerType?: z.core.$ZodType
  readonly checks?: readonly { readonly _zod: { readonly def: Definition } }[]
}
const definitionOf = (field: z.core.$ZodType): Definition => field._zod.def as Definition

/**
 * Turns a zod object into column rules.
 * @param na texts of a cell that stand for a missing value
 * @throws SlipwayError DEFINITION_INVALID for what a scan over millions of rows cannot check (refinements,
 *   transformations, nested objects, look-around in a pattern), naming the column.
 */
export function rowSchemaOf(schema: z.ZodObject, na: readonly string[] = []): RowSchema {
  requireDistinct(Object.keys(schema.shape))
  return Object.entries(schema.shape).map(([name, field]) => ({
    ...columnRuleOf(name, field as z.core.$ZodType),
    ...(na.length === 0 ? {} : { na: [...na] }),
    ...(isMasked(field as z.core.$ZodType) ? { masked: true } : {}),
  }))
}

/**
 * A file may have names that differ by case only; who reads several of them would have to tell them apart everywhere
 * after.
 */
function requireDistinct(names: readonly string[]): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    const other = seen.get(name.toLowerCase())
    if (other !== undefined)
      throw new SlipwayError('DEFINITION_INVALID', `the columns "${other}" and "${name}" differ by case only`, {
        column: name,
        next: 'leave one of them out of the schema, or rename it in the file',
      })
    seen.set(name.toLowerCase(), name)
  }
}

/** `.meta({ masked: true })`, wherever in the chain it was said. */
function isMasked(field: z.core.$ZodType): boolean {
  for (let inner: z.core.$ZodType | undefined = field; inner !== undefined; inner = definitionOf(inner).innerType)
    if ((z.globalRegistry.get(inner as z.ZodType) as { masked?: unknown } | undefined)?.masked === true) return true
  return false
}

type Refuse = (what: string, next?: string) => never

function columnRuleOf(name: string, field: z.core.$ZodType): ColumnRule {
  const refuse: Refuse = (what, next) => {
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `column "${name}": ${what} cannot be checked as a scan over all rows`,
      {
        column: name,
        next:
          next ??
          'use z.number(), z.int(), z.int64(), z.string(), z.enum(), z.literal(), z.boolean() or z.date() with min, max, regex, length, nullable',
      },
    )
  }
  let inner = field
  let nullable = false
  for (;;) {
    const { type, innerType } = definitionOf(inner)
    if (innerType === undefined || !['nullable', 'optional', 'nonoptional', 'readonly'].includes(type as string)) break
    if (type === 'nullable' || type === 'optional') nullable = true
    if (type === 'nonoptional') nullable = false
    inner = innerType
  }
  const definition = definitionOf(inner)
  if (definition.coerce === true) refuse(`z.coerce.${definition.type}()`, 'declare the type that the column has')
  const values = inner._zod.values as ReadonlySet<unknown> | undefined
  if (values !== undefined && ['literal', 'enum', 'union'].includes(definition.type as string))
    return valuesRule(name, nullable, [...values], definition.checks ?? [], refuse)
  const rule = baseRule(name, nullable, definition.type as string, refuse)
  // A type such as z.int() or z.email() is its own first check.
  const own = definition.check === undefined ? [] : [definition]
  for (const check of [...own, ...(definition.checks ?? []).map(({ _zod }) => _zod.def)]) addCheck(rule, check, refuse)
  return rule
}

const types: Readonly<Record<string, ColumnRule['type']>> = {
  number: 'number',
  int: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  string: 'string',
  date: 'timestamp',
}

function baseRule(name: string, nullable: boolean, type: string, refuse: Refuse): ColumnRule {
  const known = types[type]
  if (known === undefined) {
    const isChange = ['pipe', 'transform', 'default', 'prefault', 'catch'].includes(type)
    return refuse(isChange ? `a transformation (z.${type}())` : `z.${type}()`)
  }
  return { name, type: known, nullable }
}

/** A column of some values only: z.literal(), z.enum(), or a union of such. */
function valuesRule(
  name: string,
  nullable: boolean,
  all: readonly unknown[],
  checks: readonly unknown[],
  refuse: Refuse,
): ColumnRule {
  if (checks.length > 0) refuse('refine()')
  const values = all.filter((value) => value !== null && value !== undefined)
  const kinds = [...new Set(values.map((value) => typeof value))]
  const [kind] = kinds
  if (kinds.length !== 1 || kind === undefined || !['string', 'number', 'boolean', 'bigint'].includes(kind))
    refuse(`a literal of ${kinds.join(' and ') || 'nothing'}`, 'give the column values of one type')
  return {
    name,
    type: kind as 'string' | 'number' | 'boolean' | 'bigint',
    nullable: nullable || values.length < all.length,
    enum: values.map((value) => (typeof value === 'bigint' ? String(value) : (value as string | number | boolean))),
  }
}

/** Ranges of zod's number formats. */
const ranges: Readonly<Record<string, readonly [number | string, number | string]>> = {
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  float32: [-3.4028234663852886e38, 3.4028234663852886e38],
  int64: ['-9223372036854775808', '9223372036854775807'],
  uint64: ['0', '18446744073709551615'],
}

function addCheck(rule: ColumnRule, check: Definition, refuse: Refuse): void {
  const { value } = check
  const bound =
    value instanceof Date ? value.getTime() : typeof value === 'bigint' ? String(value) : (value as number | string)
  switch (check.check) {
    case 'greater_than':
      tighten(rule, check.inclusive === true ? 'minimum' : 'exclusiveMinimum', bound)
      break
    case 'less_than':
      tighten(rule, check.inclusive === true ? 'maximum' : 'exclusiveMaximum', bound)
      break
    case 'multiple_of':
      if (rule.multipleOf !== undefined) refuse('more than one multipleOf()')
      rule.multipleOf = bound
      break
    case 'number_format':
    case 'bigint_format': {
      const format = check.format as string
      if (['safeint', 'int32', 'uint32'].includes(format)) rule.type = 'integer'
      const range = ranges[format]
      if (range === undefined) break
      tighten(rule, 'minimum', range[0])
      tighten(rule, 'maximum', range[1])
      break
    }
    case 'min_length':
      rule.minLength = Math.max(rule.minLength ?? 0, check.minimum as number)
      break
    case 'max_length':
      rule.maxLength = Math.min(rule.maxLength ?? Number.POSITIVE_INFINITY, check.maximum as number)
      break
    case 'length_equals':
      rule.minLength = Math.max(rule.minLength ?? 0, check.length as number)
      rule.maxLength = Math.min(rule.maxLength ?? Number.POSITIVE_INFINITY, check.length as number)
      break
    case 'string_format':
      addFormat(rule, check, refuse)
      break
    case 'overwrite':
      refuse('a transformation (trim, toLowerCase)')
      break
    default:
      refuse(check.check === 'custom' ? 'refine()' : `the check "${check.check}"`)
      break
  }
}

/** Of two limits on the same side the tighter one holds. */
function tighten(
  rule: ColumnRule,
  key: 'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum',
  bound: number | string,
): void {
  const known = rule[key]
  const isTighter =
    known === undefined ||
    (typeof bound === 'string'
      ? key.endsWith('inimum') === BigInt(bound) > BigInt(known)
      : key.endsWith('inimum') === bound > (known as number))
  if (isTighter) rule[key] = bound
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
/** Formats that zod decides by more than a pattern, or by one that uses look-around of its own. */
const codedFormats: readonly string[] = [
  'url',
  'ipv6',
  'cidrv6',
  'base64',
  'base64url',
  'jwt',
  'emoji',
  'hostname',
  'duration',
]

function addFormat(rule: ColumnRule, check: Definition, refuse: Refuse): void {
  const format = check.format as string
  const add = (pattern: Pattern): void => {
    rule.patterns = [...(rule.patterns ?? []), pattern]
  }
  if (format === 'starts_with') add({ source: `^${escaped(check.prefix as string)}`, flags: '' })
  else if (format === 'ends_with') add({ source: `${escaped(check.suffix as string)}$`, flags: '' })
  else if (format === 'includes') {
    const from = check.position === undefined ? '' : `^[\\s\\S]{${check.position}}[\\s\\S]*?`
    add({ source: `${from}${escaped(check.includes as string)}`, flags: '' })
  } else if (codedFormats.includes(format)) {
    if (check.normalize === true) refuse('a transformation (normalize)')
    const own: TextFormat = { name: format as TextFormat['name'] }
    if (check.alg !== undefined && check.alg !== null) own.alg = check.alg
    if (check.hostname !== undefined) own.hostname = patternOf(check.hostname)
    if (check.protocol !== undefined) own.protocol = patternOf(check.protocol)
    rule.formats = [...(rule.formats ?? []), own]
  } else if (check.pattern === undefined) refuse(`the format "${format}", a function`)
  else {
    requireCheckable(check.pattern, refuse)
    add(patternOf(check.pattern))
  }
}

const patternOf = ({ source, flags }: RegExp): Pattern => ({ source, flags: [...flags].sort().join('') })

/**
 * Patterns must mean the same to every reader of a plan, other languages' among them: what only some have is refused.
 */
function requireCheckable({ source, flags }: RegExp, refuse: Refuse): void {
  const strange = [...flags].filter((flag) => !'ism'.includes(flag)).join('')
  if (strange !== '') refuse(`the flag "${strange}" of a pattern`, 'use no flags but i, s and m')
  let isClass = false
  for (let at = 0; at < source.length; at++) {
    const rest = source.slice(at)
    if (rest.startsWith('\\')) {
      if (!isClass && /^\\([1-9]|k<)/.test(rest))
        refuse(
          `a back reference in the pattern ${source}`,
          'write what it stands for, or check it before the data is written',
        )
      at++
    } else if (isClass) isClass = rest[0] !== ']'
    else if (rest[0] === '[') isClass = true
    else if (/^\(\?<?[=!]/.test(rest))
      refuse(`look-around in the pattern ${source}`, 'use several regex() without it: each must match')
  }
}
