import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Builder, binary, pipeline, trees } from '../../lib/definition/index.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { readsOf, stepOf } from '../../lib/formats/step-inputs.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'
import { schemaOfTable } from '../../lib/formats/table-schema.ts'
import { definitionOf } from '../../lib/store/views.ts'

const codeAs = (letter: string, name = 'f'): CodeRef => ({
  name,
  file: `${name}.ts`,
  digest: `sha256:${letter.repeat(64)}`,
  host: {},
})
const Trip = z.object({ passenger: z.string(), flown: z.date(), loaded: z.date(), delay: z.number() })
const History = z.object({ passenger: z.string(), as_of: z.date(), known_at: z.date(), delays: z.number().nullable() })
const sql = 'SELECT passenger, flown AS as_of, loaded AS known_at, delay AS delays FROM trips'
/** As two pipelines import it. */
const history = { sql, schema: History, key: 'passenger', known: 'known_at' } as const

const planOf = (define: (p: Builder) => void, code = codeAs('c'), name = 'sample'): Plan =>
  pipeline(name, define).compile(() => code)
const trips = (p: Builder, from = 'trips.parquet') => p.snapshot('trips', { from, schema: Trip })
const mistake = (define: (p: Builder) => void): string => {
  try {
    planOf(define)
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError)
    const { code, message, facts } = error as SlipwayError
    expect(code).toBe('DEFINITION_INVALID')
    return `${message}: ${facts.next}`
  }
  throw new Error('it was taken')
}

describe('p.feature', () => {
  const plan = planOf((p) => {
    const all = trips(p)
    const view = p.feature('history', { ...history, from: [all] })
    expect(view).toMatchObject({ name: 'history', key: ['passenger'], known: 'known_at' })
    p.join(all, view, {
      on: ['passenger'],
      asOf: { at: 'flown', event: 'as_of', known: 'known_at' },
      prefix: 'h_',
    })
    p.table('late', { from: [view], sql: 'SELECT delays FROM history', schema: History.pick({ delays: true }) })
    p.validate(view)
  })
  const outline = outlineOf(plan)
  const reads = (id: string) => readsOf(outline, outline.steps.find((step) => step.id === id) as never)

  it('makes a table that costs what p.table of the same costs, and publishes it', () => {
    const alone = planOf((p) => {
      p.table('history', { from: [trips(p)], sql, schema: History })
    })
    const key = (of: Plan) => stepMaterial(stepOf(of, 'history', 'table'), { trips: 'sha256:t' }, {})
    expect(key(plan)).toEqual(key(alone))
    expect(plan.steps.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      'trips snapshot',
      'history table',
      'publish publish',
      'join join',
      'late table',
      'validate validate',
    ])
    expect(stepOf(plan, 'publish', 'publish')).toMatchObject({ view: 'history', key: ['passenger'], known: 'known_at' })
    expect(schemaOfTable(plan, 'publish')).toEqual(schemaOfTable(plan, 'history'))
    expect(unpackPlan(packPlan(plan))).toEqual(plan)
  })

  it('is read by what reads it only once it is published: nothing is made of a view that was refused', () => {
    expect(reads('join')).toMatchObject({ right: { step: 'publish', output: 'table' } })
    expect(reads('late')).toEqual({ history: { step: 'publish', output: 'table' } })
    expect(reads('validate')).toEqual({ table: { step: 'publish', output: 'table' } })
    expect(reads('publish')).toEqual({ table: { step: 'history', output: 'table' } })
  })

  it('is a table to learn from: a model rests on the columns of what was published', () => {
    const trained = planOf((p) => {
      const view = p.feature('history', { ...history, from: [trips(p)] })
      const parts = p.split(view, { byHashOf: 'passenger', validation: 0.2, test: 0.2 })
      const features = ({ delays }: { delays: Float64Array }) => ({ delays })
      const target = binary('passenger', () => new Uint8Array())
      p.package(p.train('model', { on: parts, features, target, learner: trees(), seed: 1 }))
    })
    const whole = outlineOf(trained)
    const step = whole.steps.find(({ kind }) => kind === 'package')
    expect(readsOf(whole, step as never)).toMatchObject({ snapshot: { step: 'history', output: 'table' } })
  })

  it('may be made in branches, each under a name of its own', () => {
    const branched = planOf((p) => {
      const all = trips(p)
      p.each(['east', 'west'], (p, region) => p.feature(`history-${region}`, { ...history, from: [all] }))
    })
    expect(
      outlineOf(branched).steps.flatMap((step) => (step.kind === 'publish' ? [[step.id, step.view]] : [])),
    ).toEqual([
      ['east/publish', 'history-east'],
      ['west/publish', 'history-west'],
    ])
  })

  it.each<[string, (p: Builder) => unknown, string]>([
    [
      'a key that is no column',
      (p) => p.feature('history', { ...history, from: [trips(p)], key: 'customer' as never }),
      'view "history": its key "customer" is no column of its schema: it has passenger, as_of, known_at, delays',
    ],
    [
      'no key',
      (p) => p.feature('history', { ...history, from: [trips(p)], key: [] }),
      'view "history" has no key: say key: …, of passenger, as_of, known_at, delays',
    ],
    [
      'a key said twice',
      (p) => p.feature('history', { ...history, from: [trips(p)], key: ['passenger', 'passenger'] }),
      'view "history": its key names "passenger" twice: name it once',
    ],
    [
      'a time in the key',
      (p) => p.feature('history', { ...history, from: [trips(p)], key: ['passenger', 'known_at'] }),
      'view "history": "known_at" is a key and a time: leave it out of key',
    ],
    [
      'a known that holds no times',
      (p) => p.feature('history', { ...history, from: [trips(p)], known: 'delays' as never }),
      'view "history": known "delays" is no column of its schema that holds times: there are as_of, known_at',
    ],
    [
      'a name that is none',
      (p) => p.feature('Late History', { ...history, from: [trips(p)] }),
      'a view cannot be called "Late History": names are lower-case letters, digits and dashes, at most 63',
    ],
    [
      'one view twice',
      (p) => {
        p.feature('history', { ...history, from: [trips(p)] })
        p.feature('history', { ...history, from: [p.snapshot('more', { from: 'm.parquet', schema: Trip })] })
      },
      'pipeline "sample" publishes view "history" twice: leave one p.feature out',
    ],
    [
      'one view in two branches',
      (p) => {
        const all = trips(p)
        p.each(['east', 'west'], (p) => p.feature('history', { ...history, from: [all] }))
      },
      'pipeline "sample" publishes view "history" twice: put the item of the branch into its name',
    ],
    [
      'neither SQL nor a function',
      (p) => p.feature('history', { ...history, from: [trips(p)], sql: undefined } as never),
      'table "history" is made by nothing: give it one of sql and run',
    ],
  ])('refuses %s', (_, define, said) => {
    expect(mistake((p) => void define(p))).toBe(said)
  })
})

describe('what a view is', () => {
  const definition = (over: object = {}, { from = 'trips.parquet', code = codeAs('c'), name = 'sample' } = {}) => {
    const plan = planOf((p) => void p.feature('history', { ...history, from: [trips(p, from)], ...over }), code, name)
    return definitionOf(plan, stepOf(plan, 'publish', 'publish'))
  }
  const byCode = { sql: undefined, run: () => ({}) }

  it('is the same wherever its rows come from, whoever makes it, and whatever its function is called', () => {
    expect(definition({}, { from: 's3://bucket/elsewhere/*.parquet', name: 'another' })).toBe(definition())
    expect(definition({ key: ['passenger'] })).toBe(definition())
    expect(definition(byCode, { code: codeAs('d', 'renamed') })).toBe(definition(byCode, { code: codeAs('d') }))
  })

  it('is another with other SQL, code, schema, key, or time at which rows are known', () => {
    const all = [
      definition(),
      definition({ sql: `${sql} WHERE delay > 0` }),
      definition(byCode),
      definition(byCode, { code: codeAs('d') }),
      definition({ schema: History.extend({ delays: z.number() }) }),
      definition({ key: ['passenger', 'as_of'] }),
      definition({ known: 'as_of' }),
      definition({ known: undefined }),
    ]
    expect(new Set(all).size).toBe(all.length)
  })
})
