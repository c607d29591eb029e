import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { checks } from '../../lib/definition/contract/check.ts'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import { jsonSchemaOf, keywords } from '../../lib/definition/contract/json-schema.ts'
import { Broken, cellReader, valueReader } from '../../lib/definition/contract/read.ts'
import { broken } from '../../lib/definition/contract/sql.ts'
import type { ColumnRule } from '../../lib/formats/row-schema.ts'
import { brokenRows, csvFile, jsonFile, parquetFile } from './verdicts.ts'

/*
 * One contract, run four ways: zod itself, the checker of requests, the checker of cells, and scans by DuckDB over
 * JSON, CSV and parquet. The same values go to all of them, ten thousand a rule, and the verdicts are the same.
 */

const folder = mkdtempSync(join(tmpdir(), 'slipway-contract-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const many = 10_000
const columnOf = (field: z.ZodType): ColumnRule => rowSchemaOf(z.object({ x: field as z.ZodNumber }))[0] as ColumnRule
const takes = (field: z.ZodType, value: unknown): boolean => field.safeParse(value).success

/** Numbers around a limit, some of them its neighbours, and all sorts of others. */
const numbers = (...limits: number[]): fc.Arbitrary<number> =>
  fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.integer({ min: -1_000, max: 1_000 }).map((n) => n / 100),
    fc.maxSafeInteger(),
    fc.constantFrom(
      0,
      -0,
      2 ** 53,
      2 ** 53 - 1,
      -(2 ** 53),
      2 ** 53 + 2,
      1e300,
      -1e300,
      5e-324,
      2 ** 31,
      2 ** 32,
      3.5e38,
    ),
    ...limits.map((limit) => fc.integer({ min: -3, max: 3 }).map((n) => limit + n)),
    ...limits.map((limit) => fc.integer({ min: -3, max: 3 }).map((n) => limit * (1 + n * Number.EPSILON))),
  )
const multiples = (step: number): fc.Arbitrary<number> =>
  fc.oneof(
    numbers(),
    fc.integer({ min: -1e6, max: 1e6 }).map((n) => n * step),
    fc.integer({ min: -1e6, max: 1e6 }).map((n) => Number((n * step).toFixed(4))),
    fc.integer({ min: -1e6, max: 1e6 }).map((n) => n * step + step / 3),
  )
const wellFormed = (text: string): boolean => Buffer.from(text).toString() === text && !text.includes('\0')
const texts = (...likely: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.string(),
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom('a\nb', 'a\rb', '\u2028x', '\u00a0', '\u212a', 'ſ', 'İ', '𝒳𝒳', '👩‍👩‍👧', ' x ', 'é', 'e\u0301'),
      ...likely,
      ...likely.map((each) => fc.tuple(each, fc.string({ maxLength: 2 })).map(([a, b]) => a + b)),
      ...likely.map((each) => each.map((text) => text.toUpperCase())),
    )
    .filter(wellFormed)

interface Case {
  readonly field: z.ZodType
  readonly values: fc.Arbitrary<unknown>
}
const cases: Record<string, Case> = {
  'z.number()': { field: z.number(), values: numbers() },
  'min and max': { field: z.number().min(0.1).max(2.5), values: numbers(0.1, 2.5) },
  'above and below': { field: z.number().gt(0.3).lt(7), values: numbers(0.3, 7) },
  'multipleOf(0.01)': { field: z.number().multipleOf(0.01), values: multiples(0.01) },
  'multipleOf(0.07)': { field: z.number().multipleOf(0.07), values: multiples(0.07) },
  'multipleOf(3)': { field: z.number().multipleOf(3), values: multiples(3) },
  'z.int()': { field: z.int(), values: numbers() },
  'z.int32()': { field: z.int32(), values: numbers(-(2 ** 31), 2 ** 31 - 1) },
  'z.uint32()': { field: z.uint32(), values: numbers(0, 2 ** 32 - 1) },
  'z.float32()': { field: z.float32(), values: numbers(3.4028234663852886e38, -3.4028234663852886e38) },
  'z.literal(1)': { field: z.literal(1), values: numbers(1) },
  'z.literal of numbers': { field: z.literal([1, 2.5, -0.1]), values: numbers(1, 2.5, -0.1) },
  'z.literal(true)': { field: z.literal(true), values: fc.boolean() },
  'z.boolean()': { field: z.boolean(), values: fc.oneof(fc.boolean(), fc.constantFrom(0, 1, 'true', 'false')) },
  'z.string()': { field: z.string(), values: texts() },
  lengths: { field: z.string().min(2).max(4), values: texts(fc.string({ maxLength: 5, unit: 'grapheme' })) },
  'length(3)': { field: z.string().length(3), values: texts(fc.string({ maxLength: 4, unit: 'grapheme' })) },
  enum: {
    field: z.enum(['a', 'B', 'ü', '']),
    values: texts(fc.constantFrom('a', 'A', 'b', 'B', 'ü', 'u\u0308', '', ' a')),
  },
  'a pattern': {
    field: z.string().regex(/^[a-z]{2}-\d{3}$/),
    values: texts(fc.stringMatching(/^[a-z]{2}-\d{3}$/)),
  },
  'a pattern with i': {
    field: z.string().regex(/^[a-z]{2}-\d{3}$/i),
    values: texts(fc.stringMatching(/^[a-zA-Z]{2}-\d{3}$/)),
  },
  'a pattern with s and m': {
    field: z.string().regex(/^a.b$/ms),
    values: texts(fc.stringMatching(/^a[\n\rxb]b[\n]?[a-c]{0,3}$/)),
  },
  'classes of blanks': {
    field: z.string().regex(/^\S+\s\w+$/),
    values: texts(fc.stringMatching(/^[a-c]+[ \t\u00a0\u2003][a-cé]+$/)),
  },
  'several patterns': {
    field: z.string().startsWith('x').includes('.').endsWith('e'),
    values: texts(fc.stringMatching(/^x[a.]{0,3}e$/)),
  },
  'z.url()': { field: z.url(), values: texts(fc.webUrl(), fc.domain()) },
  'z.httpUrl()': { field: z.httpUrl(), values: texts(fc.webUrl(), fc.webUrl({ validSchemes: ['ftp'] })) },
  'z.email()': { field: z.email(), values: texts(fc.emailAddress()) },
  'z.uuid()': { field: z.uuid(), values: texts(fc.uuid()) },
  'z.ipv4()': { field: z.ipv4(), values: texts(fc.ipV4(), fc.ipV4Extended()) },
  'z.ipv6()': { field: z.ipv6(), values: texts(fc.ipV6()) },
  'z.base64()': { field: z.base64(), values: texts(fc.base64String()) },
  'z.jwt()': { field: z.jwt(), values: texts(fc.constantFrom('eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x', 'a.b.c')) },
  'z.hostname()': { field: z.hostname(), values: texts(fc.domain()) },
  'z.emoji()': { field: z.emoji(), values: texts(fc.constantFrom('👍', '👩‍👩‍👧', '1', '#')) },
  'z.iso.date()': {
    field: z.iso.date(),
    values: texts(fc.date({ noInvalidDate: true }).map((d) => d.toISOString().slice(0, 10))),
  },
  'z.iso.datetime()': {
    field: z.iso.datetime(),
    values: texts(fc.date({ noInvalidDate: true }).map((d) => d.toISOString())),
  },
  'z.iso.duration()': { field: z.iso.duration(), values: texts(fc.constantFrom('P1D', 'PT1H', 'P1W2D', 'P', 'PT')) },
}

const sample = (values: fc.Arbitrary<unknown>, count = many): unknown[] =>
  fc.sample(values, { numRuns: count, seed: 15 })
const none: unknown[] = [null]

/** What every way of checking says of some values: whether it takes them. */
async function verdictsOf(field: z.ZodType, values: readonly unknown[]) {
  const column = columnOf(field)
  const read = valueReader(column)
  const inScan = await brokenRows({ files: [jsonFile(folder, values)], format: 'json' }, [column])
  return {
    zod: values.map((value) => takes(field, value)),
    request: values.map((value) => !(read(value) instanceof Broken)),
    scan: values.map((_, row) => !inScan.has(row)),
  }
}

/** The values that two ways do not agree on. */
const differing = (values: readonly unknown[], a: readonly boolean[], b: readonly boolean[]): unknown[] =>
  values.filter((_, i) => a[i] !== b[i]).slice(0, 5)

describe('zod, requests and scans over JSON say the same of ten thousand values', () => {
  it.each(Object.entries(cases))('%s', async (_, { field, values: arbitrary }) => {
    const values = [...sample(arbitrary), ...none]
    const { zod, request, scan } = await verdictsOf(field, values)
    expect(differing(values, zod, request)).toEqual([])
    expect(differing(values, zod, scan)).toEqual([])
    // Both verdicts occur, or nothing was tested.
    expect(new Set(zod).size).toBe(2)
  })
})

describe('scans over parquet say what zod says of the numbers in it', () => {
  const typed = Object.entries(cases).filter(([, { field }]) => ['number', 'integer'].includes(columnOf(field).type))
  it.each(typed.flatMap(([name, each]) => [['DOUBLE', name, each] as const, ['FLOAT', name, each] as const]))(
    '%s, %s',
    async (type, _, { field, values: arbitrary }) => {
      const doubles = [
        ...(sample(arbitrary) as number[]),
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        Number.NaN,
      ]
      const values = type === 'FLOAT' ? doubles.map(Math.fround) : doubles
      const inScan = await brokenRows({ files: [await parquetFile(folder, values, type)], format: 'parquet' }, [
        columnOf(field),
      ])
      // NaN is missing, which no column here may be.
      expect(
        differing(
          values,
          values.map((value) => takes(field, value)),
          values.map((__, row) => !inScan.has(row)),
        ),
      ).toEqual([])
    },
  )
})

/** Cells that look like numbers, times or booleans, and like what people take for such. */
const cells = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  fc
    .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
    .map((d) => d.toISOString()),
  fc
    .tuple(
      fc.date({ noInvalidDate: true, min: new Date('1000-01-01'), max: new Date('9999-12-31') }),
      fc.constantFrom('T', ' ', 't', '  '),
      fc.constantFrom(
        '',
        '10:30',
        '10:30:59',
        '23:59:60',
        '24:00:00',
        '10:30:00.5',
        '10:30:00.123456789',
        '09:59:59.9999',
      ),
      fc.constantFrom('', 'Z', 'z', ' UTC', '+09:00', '-0530', '+09', ' -05:30', '+24:00', ' America/New_York'),
    )
    .map(([day, t, clock, zone]) => `${day.toISOString().slice(0, 10)}${clock === '' ? '' : t}${clock}${zone}`),
  fc.stringMatching(/^[+-]?\d{0,3}[._,]?\d{0,3}([eE][+-]?\d{1,3})?$/),
  fc.stringMatching(/^\d{4}-[01]\d-[0-3]\d$/),
  fc.integer({ min: 0, max: 2 ** 53 - 1 }).map(String),
  fc.constantFrom(
    '',
    ' ',
    '\t',
    ' 12 ',
    '12\n',
    '1_000',
    '1,000',
    '0x1F',
    '1e5',
    '1e999',
    '-1e999',
    '1e-400',
    'inf',
    '-Infinity',
    'nan',
    'NaN',
    '-nan',
    'nan(1)',
    'true',
    'TRUE',
    't',
    'f',
    'Yes',
    'no',
    'y',
    'N',
    '0',
    '1',
    '1.0',
    '0.0',
    '2',
    'on',
    'off',
    '١',
    '1.',
    '.5',
    '+5',
    '--1',
    '1d',
    '12abc',
    '24-01-05',
    '05-06-07',
    '2024-02-30',
    '2023-02-29',
    '2024-02-29',
    '0000-01-01',
    '10000-01-01',
    'infinity',
    'epoch',
    '2024/03/01',
    '20240301',
    '2024',
    '1709251200',
    '1709251200000',
    '1709251200000000',
    '1709251200000000000',
    '-1709251200000',
    'NA',
    'null',
    'None',
    '9007199254740993',
    '00501',
    '-0',
    '1709251200000.5',
  ),
  fc.string().filter(wellFormed),
)

describe('a cell is the same value to requests and to scans', () => {
  const fields: [string, z.ZodType][] = [
    ['z.number()', z.number()],
    ['z.int()', z.int()],
    ['z.int64()', z.int64()],
    ['z.bigint()', z.bigint().min(-(10n ** 37n))],
    ['z.boolean()', z.boolean()],
    ['z.date()', z.date()],
    ['z.date() from 1970', z.date().min(new Date(0)).max(new Date('2100-01-01'))],
    ['z.string()', z.string().max(3)],
  ]
  it.each(fields)('%s', async (_, field) => {
    const all = sample(cells) as string[]
    for (const column of [
      columnOf(field),
      { ...columnOf(field), nullable: true },
      { ...columnOf(field), nullable: true, na: ['NA', '0'] },
    ]) {
      const read = cellReader(column)
      const inScan = await brokenRows({ files: [csvFile(folder, all)], format: 'csv' }, [column])
      expect(
        differing(
          all,
          all.map((cell) => !(read(cell) instanceof Broken)),
          all.map((__, row) => !inScan.has(row)),
        ),
      ).toEqual([])
    }
  })
})

describe('a rule that is dropped from one renderer is noticed', () => {
  /** For each kind of rule a field that has it, and values that only it refuses. */
  const witnesses: Record<string, [z.ZodType, readonly unknown[]]> = {
    whole: [z.int(), [1.5]],
    safe: [z.int(), [2 ** 53]],
    minimum: [z.number().min(3), [2]],
    exclusiveMinimum: [z.number().gt(3), [3]],
    maximum: [z.number().max(3), [4]],
    exclusiveMaximum: [z.number().lt(3), [3]],
    multipleOf: [z.number().multipleOf(3), [4]],
    minLength: [z.string().min(2), ['a']],
    maxLength: [z.string().max(2), ['abc']],
    pattern: [z.string().regex(/a/), ['b']],
    format: [z.url(), ['b']],
    oneOf: [z.literal([1, 2]), [3]],
  }
  const never = { check: () => () => true, sql: () => 'false' }

  it.each(Object.keys(checks).filter((kind) => kind !== 'finite'))('%s', async (kind) => {
    const [field, values] = witnesses[kind] as [z.ZodType, readonly unknown[]]
    const { zod, request, scan } = await verdictsOf(field, values)
    expect([zod, request, scan]).toEqual([[false], [false], [false]])
    const [ofChecks, ofSql] = [checks as Record<string, unknown>, broken as Record<string, unknown>]
    const [check, sql] = [ofChecks[kind], ofSql[kind]]
    try {
      ofChecks[kind] = never.check
      expect((await verdictsOf(field, values)).request).toEqual([true])
      ofChecks[kind] = check
      const isText = sql === undefined
      if (isText) ofChecks[kind] = never.check
      else ofSql[kind] = never.sql
      expect((await verdictsOf(field, values)).scan).toEqual([true])
    } finally {
      ofChecks[kind] = check
      if (sql !== undefined) ofSql[kind] = sql
    }
  })

  // JSON Schema has no word for what a float64 can tell apart, and leaves formats to its readers.
  it.each(Object.keys(witnesses).filter((kind) => !['whole', 'safe', 'format'].includes(kind)))(
    '%s, of JSON Schema',
    (kind) => {
      const [field, values] = witnesses[kind] as [z.ZodType, readonly unknown[]]
      const takesAny = () => {
        const validate = new Ajv2020().compile(jsonSchemaOf([columnOf(field)]))
        return values.some((x) => validate({ x }))
      }
      expect(takesAny()).toBe(false)
      const ofKeywords = keywords as Record<string, unknown>
      const own = ofKeywords[kind]
      try {
        ofKeywords[kind] = () => ({})
        expect(takesAny()).toBe(true)
      } finally {
        ofKeywords[kind] = own
      }
    },
  )

  it('finite', async () => {
    const file = await parquetFile(folder, [Number.POSITIVE_INFINITY], 'DOUBLE')
    const scan = () => brokenRows({ files: [file], format: 'parquet' }, [columnOf(z.number())])
    expect((await scan()).size).toBe(1)
    const [ofChecks, ofSql] = [checks as Record<string, unknown>, broken as Record<string, unknown>]
    const [check, sql] = [ofChecks.finite, ofSql.finite]
    try {
      ofSql.finite = never.sql
      expect((await scan()).size).toBe(0)
      expect(cellReader(columnOf(z.number()))('1e999')).toBeInstanceOf(Broken)
      ofChecks.finite = never.check
      expect(cellReader(columnOf(z.number()))('1e999')).toBe(Number.POSITIVE_INFINITY)
    } finally {
      ofChecks.finite = check
      ofSql.finite = sql
    }
  })
})
