import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rowSchemaOf } from '../../lib/definition/contract/from-zod.ts'
import { jsonSchemaOf } from '../../lib/definition/contract/json-schema.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { describeChanges, type StepMaterial, stepMaterial } from '../../lib/formats/step-key.ts'
import { stepKinds } from '../../lib/formats/step-kinds/index.ts'

describe('canonicalJson', () => {
  it('does not depend on the order of keys, and can be read back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse())
        expect(canonicalJson(reversed)).toBe(canonicalJson(object))
        expect(JSON.parse(canonicalJson(object))).toEqual(JSON.parse(JSON.stringify(object)))
      }),
    )
  })

  it('sorts keys as the example of RFC 8785 does', () => {
    // Section 3.2.3: members sorted by UTF-16 code units.
    const given = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const names = [...canonicalJson(given).matchAll(/"([^"]+)":/g)].map((match) => JSON.parse(`"${match[1]}"`))
    expect(names).toEqual(['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'])
  })

  it('refuses what JSON cannot hold instead of losing it', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, new Date(), () => 1, new Map()])
      expect(() => canonicalJson({ value })).toThrow(TypeError)
  })
})

describe('a row schema', () => {
  it('keeps what can be checked by a scan', () => {
    const rules = rowSchemaOf(
      z.object({
        a: z.number().positive().max(5).nullable(),
        b: z.string().regex(/^x/).length(3),
        c: z.enum(['p', 'q']),
        d: z.date().min(new Date(0)),
        e: z.int(),
        f: z.boolean().optional(),
      }),
    )
    expect(rules).toEqual([
      { name: 'a', type: 'number', nullable: true, exclusiveMinimum: 0, maximum: 5 },
      {
        name: 'b',
        type: 'string',
        nullable: false,
        minLength: 3,
        maxLength: 3,
        patterns: [{ source: '^x', flags: '' }],
      },
      { name: 'c', type: 'string', nullable: false, enum: ['p', 'q'] },
      { name: 'd', type: 'timestamp', nullable: false, minimum: 0 },
      { name: 'e', type: 'integer', nullable: false },
      { name: 'f', type: 'boolean', nullable: true },
    ])
    expect(jsonSchemaOf(rules)).toMatchObject({
      required: ['b', 'c', 'd', 'e'],
      properties: { a: { type: ['number', 'null'], maximum: 5 } },
    })
  })

  it('refuses columns that differ by case only', () => {
    expect(() => rowSchemaOf(z.object({ a: z.number(), A: z.number() }))).toThrow('"a" and "A" differ by case only')
  })

  it.each([
    ['look-around', z.string().regex(/^(?!x)/)],
    ['look-around', z.string().regex(/a(?<=b)/)],
    ['a back reference', z.string().regex(/(a)\1/)],
    ['the flag "u"', z.string().regex(/a/u)],
    ['the flag "g"', z.string().regex(/a/g)],
    ['a transformation', z.number().default(1)],
    ['a transformation', z.stringbool()],
    ['z.coerce.number()', z.coerce.number()],
    ['a literal of string and number', z.literal(['a', 1])],
    ['refine()', z.number().refine((x) => x > 0)],
    ['a transformation', z.string().trim()],
    ['z.object()', z.object({})],
    ['z.union()', z.union([z.number(), z.string()])],
    ['z.array()', z.array(z.number())],
  ])('refuses %s by name rather than skipping it', (what, field) => {
    expect(() => rowSchemaOf(z.object({ bad: field }))).toThrow(SlipwayError)
    expect(() => rowSchemaOf(z.object({ bad: field }))).toThrow(`column "bad": ${what}`)
  })
})

describe('a step key', () => {
  /** Names, code and inputs, which count otherwise or not at all. */
  const names = ['id', 'kind', 'from', 'table', 'split', 'package', 'part', 'evaluation', 'features', 'run', 'answer']
  const alsoNames: Record<string, string[]> = {
    snapshot: ['last'],
    // A tuning counts by what it chose, and by what its best trial left, which are read; whether retrainings tune anew
    // is theirs to know.
    train: ['tuned', 'ofTrial'],
    tune: ['retune'],
    package: ['model'],
    tensors: ['file'],
    join: ['left', 'right'],
    step: ['inputs'],
    backtest: ['splits', 'evaluations'],
    publish: ['view', 'schema'],
    gate: ['model', 'backtests'],
    deploy: ['model', 'looksIn'],
    monitor: ['model'],
    batch: ['model'],
    guard: ['endpoint'],
  }
  const code = (digest: string) => ({ digest, host: {} })
  const isCode = (field: string): field is 'features' | 'run' | 'answer' =>
    ['features', 'run', 'answer'].includes(field)
  const others: Record<string, unknown> = {
    target: { column: 'y', code: code('b') },
    must: [{ rule: 'atLeast', metric: 'auc', limit: 0.6 }],
    samples: { file: 'some', digest: 'other' },
    policy: { drift: [{ measure: 'psi', limit: 0.2, windows: 1 }] },
  }

  it.each(Object.entries(stepKinds).map(([kind, { shape }]) => [kind, Object.keys(shape.shape)] as const))(
    'of %s depends on every setting of the step',
    (kind, fields) => {
      const step = Object.fromEntries(fields.map((field) => [field, `some ${field}`]))
      const usual = {
        ...step,
        kind,
        features: code('a'),
        run: code('r'),
        answer: code('d'),
        target: { column: 'x', code: code('b') },
        must: [],
        policy: { drift: [] },
      }
      const keyOf = (over: object): unknown => stepMaterial({ ...usual, ...over } as never, {}, {})
      for (const field of fields) {
        const other = others[field] ?? `another ${field}`
        const isName = [...names, ...(alsoNames[kind] ?? [])].includes(field)
        if (field === 'kind') continue
        // Code counts by its digest: see below.
        const over = isCode(field) ? { [field]: usual[field] } : { [field]: other }
        const same = JSON.stringify(keyOf(over)) === JSON.stringify(keyOf({}))
        expect([field, same]).toEqual([field, isName])
      }
    },
  )

  it('depends on the code of features and target', () => {
    const learner = { kind: 'linear', l2: 1 }
    const step = { kind: 'train', features: code('a'), target: { column: 'x', code: code('b') }, learner }
    const codeOf = (over: object) => stepMaterial({ ...step, ...over } as never, {}, {}).code
    expect(codeOf({})).toEqual({ features: 'a', target: 'b' })
    expect(codeOf({ features: code('c') })).toEqual({ features: 'c', target: 'b' })
  })

  it('depends on the bytes of a finished model, and on how it is fed, but not on where its file was', () => {
    const keyOf = (over: object) => {
      const learner = { kind: 'onnx', file: 'a.onnx', model: `sha256:${'1'.repeat(64)}`, ...over }
      const step = { kind: 'train', features: code('a'), target: { column: 'x' }, learner }
      return JSON.stringify(stepMaterial(step as never, {}, {}))
    }
    expect(keyOf({ file: 'elsewhere/b.onnx' })).toBe(keyOf({}))
    for (const other of [{ model: `sha256:${'2'.repeat(64)}` }, { inputs: { X: 'a' } }, { output: 'y' }, { class: 1 }])
      expect(keyOf(other)).not.toBe(keyOf({}))
  })
})

describe('describeChanges', () => {
  const material = (over: Partial<StepMaterial> = {}): StepMaterial => ({
    step: 'train',
    version: 1,
    code: { features: 'sha256:a' },
    host: { v8: '1' },
    inputs: { train: 'sha256:t' },
    params: { learner: { leaves: 31, trees: 10 }, seed: 1 },
    ...over,
  })
  it('names each difference in a few words', () => {
    expect(describeChanges(material(), material({ params: { learner: { leaves: 15, trees: 10 }, seed: 2 } }))).toEqual([
      'leaves 31→15',
      'seed 1→2',
    ])
    expect(describeChanges(material(), material({ code: { features: 'sha256:b' }, host: { v8: '2' } }))).toEqual([
      'code of features',
      'v8 1→2',
    ])
    expect(describeChanges(material(), material({ inputs: { train: 'sha256:u' } }))).toEqual(['input train'])
    expect(describeChanges(material(), material())).toEqual([])
  })
})
