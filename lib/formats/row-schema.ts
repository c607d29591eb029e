import { z } from 'zod'

/** A regular expression of JavaScript; flags are some of i, s and m. */
export const Pattern = z.object({ source: z.string(), flags: z.string() })
export type Pattern = z.infer<typeof Pattern>

/** A format of zod's that is more than a pattern, with its options. */
export const TextFormat = z.object({
  name: z.enum(['url', 'ipv6', 'cidrv6', 'base64', 'base64url', 'jwt', 'emoji', 'hostname', 'duration']),
  alg: z.string().optional(),
  hostname: Pattern.optional(),
  protocol: Pattern.optional(),
})
export type TextFormat = z.infer<typeof TextFormat>

/** A limit of a column: a number, or the digits of a whole number of any size where the column holds such. */
const Bound = z.union([z.number(), z.string().regex(/^-?\d+$/)])

/**
 * One column of a source, as the bulk check, the profile, the endpoint and the docs need it: the serialisable form of
 * the user's zod schema. Keywords mean what they mean in zod; a timestamp's bounds are milliseconds since 1970. What is
 * checked of a column is said by `contract/rules.ts`, and nowhere else.
 */
export const ColumnRule = z.object({
  name: z.string().min(1),
  /** `bigint`: whole numbers of any size, held as their digits. */
  type: z.enum(['number', 'integer', 'bigint', 'boolean', 'string', 'timestamp']),
  nullable: z.boolean(),
  minimum: Bound.optional(),
  exclusiveMinimum: Bound.optional(),
  maximum: Bound.optional(),
  exclusiveMaximum: Bound.optional(),
  multipleOf: Bound.optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  /** Of plans made before 0.7: one pattern without flags. */
  pattern: z.string().optional(),
  patterns: z.array(Pattern).optional(),
  formats: z.array(TextFormat).optional(),
  /** The values there may be: texts, or numbers or booleans in a column of such. */
  enum: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Texts of a cell that stand for a missing value, besides the empty one: `p.snapshot(…, { na: ['NA'] })`. */
  na: z.array(z.string()).optional(),
  /** Its values are shown to nobody and kept with no captured request: `.meta({ masked: true })`. */
  masked: z.boolean().optional(),
})
export type ColumnRule = z.infer<typeof ColumnRule>

export const RowSchema = z.array(ColumnRule).min(1)
export type RowSchema = z.infer<typeof RowSchema>

/** Whether a table has columns whose values are shown to nobody. */
export const hasMaskedColumn = (schema: RowSchema): boolean => schema.some(({ masked }) => masked === true)

/** Whether a column is held as text: what functions get of it are strings, null where one is missing. */
export const isText = ({ type }: Pick<ColumnRule, 'type'>): boolean => type === 'string' || type === 'bigint'
