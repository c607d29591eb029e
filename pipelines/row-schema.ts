import { z } from 'zod'
import { SlipwayError } from './errors.ts'

/**
 * One column of a source, as the bulk check, the profile, the endpoint and the docs need it: the serialisable form of the
 * user's zod schema. Keywords mean what they mean in JSON Schema; a timestamp's bounds are milliseconds since 1970.
 */
export const ColumnRule = z.object({
  name: z.string().min(1),
  type: z.enum(['number', 'integer', 'boolean', 'string', 'timestamp']),
  nullable: z.boolean(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  multipleOf: z.number().optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  pattern: z.string().optional(),
  enum: z.array(z.string()).optional(),
  /** Never kept with captured requests: `.meta({ masked: true })`. */
  masked: z.boolean().optional(),
})
export type ColumnRule = z.infer<typeof ColumnRule>

export const RowSchema = z.array(ColumnRule).min(1)
export type RowSchema = z.infer<typeof RowSchema>

interface Check {
  _zod: { def: { check: string; value?: unknown; inclusive?: boolean } }
}

/** zod fills in the safe integers as the bounds of every int; as a rule about the data they say nothing. */
const isSafeIntegerBound = (value: number): boolean => Math.abs(value) === Number.MAX_SAFE_INTEGER

/**
 * Turns a zod object into column rules.
 * @throws SlipwayError DEFINITION_INVALID for what a scan over millions of rows cannot check (refinements, transforms,
 * nested objects, unions), naming the column.
 */
export function rowSchemaOf(schema: z.ZodObject): RowSchema {
  return Object.entries(schema.shape).map(([name, field]) => {
    const rule = columnRuleOf(name, field as z.core.$ZodType)
    return isMasked(field as z.core.$ZodType) ? { ...rule, masked: true } : rule
  })
}

/** `.meta({ masked: true })`, wherever in the chain it was said. */
function isMasked(field: z.core.$ZodType): boolean {
  for (let inner: z.core.$ZodType | undefined = field; inner !== undefined; ) {
    if ((z.globalRegistry.get(inner as z.ZodType) as { masked?: unknown } | undefined)?.masked === true) return true
    inner = (inner._zod.def as { innerType?: z.core.$ZodType }).innerType
  }
  return false
}

function columnRuleOf(name: string, field: z.core.$ZodType): ColumnRule {
  let inner = field
  let nullable = false
  while (inner._zod.def.type === 'nullable' || inner._zod.def.type === 'optional') {
    nullable = true
    inner = (inner._zod.def as unknown as { innerType: z.core.$ZodType }).innerType
  }
  const refuse = (what: string): never => {
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `column "${name}": ${what} cannot be checked as a scan over all rows`,
      {
        column: name,
        next: 'use z.number(), z.int(), z.string(), z.enum(), z.boolean() or z.date() with min, max, regex, length, nullable',
      },
    )
  }
  const checks = ((inner._zod.def as { checks?: Check[] }).checks ?? []).map((check) => check._zod.def)
  if (checks.some(({ check }) => check === 'custom')) refuse('refine()')
  if (checks.some(({ check }) => check === 'overwrite')) refuse('a transformation (trim, toLowerCase)')

  if (inner._zod.def.type === 'date') {
    const rule: ColumnRule = { name, type: 'timestamp', nullable }
    for (const { check, value, inclusive } of checks) {
      const time = value instanceof Date ? value.getTime() : Number(value)
      if (check === 'greater_than') rule[inclusive ? 'minimum' : 'exclusiveMinimum'] = time
      else if (check === 'less_than') rule[inclusive ? 'maximum' : 'exclusiveMaximum'] = time
    }
    return rule
  }
  if (!['number', 'int', 'string', 'boolean', 'enum', 'literal'].includes(inner._zod.def.type))
    refuse(`z.${inner._zod.def.type}()`)

  const json = z.toJSONSchema(inner as z.ZodType) as Record<string, unknown>
  const type = json.type
  if (type !== 'number' && type !== 'integer' && type !== 'boolean' && type !== 'string')
    return refuse(`a ${String(type)}`)
  const rule: ColumnRule = { name, type, nullable }
  for (const keyword of ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum', 'multipleOf'] as const) {
    const value = json[keyword]
    if (typeof value === 'number' && !isSafeIntegerBound(value)) rule[keyword] = value
  }
  for (const keyword of ['minLength', 'maxLength'] as const)
    if (typeof json[keyword] === 'number') rule[keyword] = json[keyword]
  if (Array.isArray(json.allOf)) refuse('more than one pattern')
  if (typeof json.pattern === 'string') rule.pattern = json.pattern
  if (typeof json.const === 'string') rule.enum = [json.const]
  if (Array.isArray(json.enum)) rule.enum = json.enum.map(String)
  return rule
}

/** The JSON Schema (2020-12) of one row, for documents and other people's tools. */
export function jsonSchemaOf(columns: RowSchema): Record<string, unknown> {
  const properties: Record<string, unknown> = {}
  for (const { name, type, nullable, masked: _, ...rules } of columns) {
    if (type === 'timestamp') properties[name] = { type: nullable ? ['string', 'null'] : 'string', format: 'date-time' }
    else properties[name] = { type: nullable ? [type, 'null'] : type, ...rules }
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    required: columns.filter(({ nullable }) => !nullable).map(({ name }) => name),
  }
}
