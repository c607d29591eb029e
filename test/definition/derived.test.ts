import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Builder, pipeline, trees } from '../../lib/definition/index.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { readsOf, stepOf } from '../../lib/formats/step-inputs.ts'
import { stepMaterial } from '../../lib/formats/step-key.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'
import { schemaOfTable } from '../../lib/formats/table-schema.ts'

const code: CodeRef = { name: 'f', file: 'f.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Order = z.object({ customer: z.string(), placed: z.date(), amount: z.number() })
const Score = z.object({ customer: z.string(), scored: z.date(), loaded: z.date(), score: z.number() })
const Total = z.object({ customer: z.string(), total: z.number() })

const planOf = (define: (p: Builder) => void): Plan => pipeline('sample', define).compile(() => code)
const sources = (p: Builder) => ({
  orders: p.snapshot('orders', { from: 'orders.parquet', schema: Order }),
  scores: p.snapshot('scores', { from: 'scores.parquet', schema: Score }),
})
const mistake = (define: (p: Builder) => void): SlipwayError => {
  try {
    planOf(define)
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError)
    expect((error as SlipwayError).code).toBe('DEFINITION_INVALID')
    return error as SlipwayError
  }
  throw new Error('it was taken')
}
const asOf = { at: 'placed', event: 'scored', known: 'loaded' } as const
const sum = ({ orders }: { orders: { amount: Float64Array } }) => ({ customer: [''], total: orders.amount })

describe('a plan', () => {
  it('knows what a table, a join and a step of one’s own read and make', () => {
    const plan = planOf((p) => {
      const { orders, scores } = sources(p)
      const seen = p.join(p.validate(orders), scores, { on: ['customer'], asOf, prefix: 'last_' })
      const totals = p.table('totals', { from: { seen, all: orders }, sql: 'SELECT …', schema: Total })
      const own = p.step('own', {
        inputs: { totals },
        outputs: { rows: Total, page: 'text/html' },
        run: () => ({ outputs: { rows: { customer: [''], total: [1] }, page: '' } }),
      })
      p.step('page', {
        inputs: { page: own.page },
        outputs: { copy: 'text/html' },
        run: () => ({ outputs: { copy: '' } }),
      })
      const parts = p.split(p.validate(own.rows), { byHashOf: 'customer', validation: 0.2, test: 0.2 })
      const model = p.train('model', {
        on: parts,
        features: ({ customer }: { customer: readonly string[] }) => ({ customer }),
        target: { task: 'regression', column: 'total', code: undefined },
        learner: trees(),
        seed: 1,
      })
      p.package(model)
    })
    const outline = outlineOf(plan)
    const reads = (id: string) => readsOf(outline, outline.steps.find((step) => step.id === id) as never)
    expect(reads('join')).toEqual({
      left: { step: 'validate', output: 'table' },
      right: { step: 'scores', output: 'table' },
    })
    expect(reads('totals')).toEqual({
      seen: { step: 'join', output: 'table' },
      all: { step: 'orders', output: 'table' },
    })
    expect(reads('own')).toEqual({ totals: { step: 'totals', output: 'table' } })
    // Two steps are called "page", by their kinds and by their outputs: none takes the other's place.
    expect(reads('page')).toEqual({ page: { step: 'own', output: 'page' } })
    expect(reads('validate-2')).toEqual({ table: { step: 'own', output: 'rows' } })
    // The columns that a model rests on are those of the table that was derived last.
    expect(reads('package')).toMatchObject({ snapshot: { step: 'own', output: 'rows' } })
    expect(stepOf(plan, 'join', 'join').schema.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['customer', false],
      ['placed', false],
      ['amount', false],
      ['last_scored', true],
      ['last_loaded', true],
      ['last_score', true],
    ])
    expect(schemaOfTable(plan, 'own.rows')).toEqual(schemaOfTable(plan, 'totals'))
    expect(unpackPlan(JSON.parse(JSON.stringify(packPlan(plan))))).toEqual(plan)
  })

  it('keeps apart a table, a snapshot and a model that are called the same', () => {
    const plan = planOf((p) => {
      const rows = p.snapshot('rows', { from: 'orders.parquet', schema: Order })
      const derived = p.table('rows', { from: [rows], sql: 'SELECT …', schema: Total })
      const own = p.step('rows', {
        inputs: { derived },
        outputs: { rows: Total },
        run: () => ({ outputs: { rows: { customer: [], total: [] } } }),
      })
      p.validate(own.rows)
    })
    expect(plan.steps.map(({ id }) => id)).toEqual(['snapshot:rows', 'table:rows', 'step:rows', 'validate'])
    expect(stepOf(plan, 'validate', 'validate').table).toBe('step:rows.rows')
  })

  it('gives a table another key for other SQL, code, schema or order of tables, and none for other names', () => {
    const keyOf = (define: (p: Builder, from: ReturnType<typeof sources>) => void, digest = code.digest) => {
      const plan = pipeline('sample', (p) => define(p, sources(p))).compile(() => ({ ...code, digest }))
      const step = plan.steps.at(-1) as Plan['steps'][number]
      return JSON.stringify(stepMaterial(step, { orders: 'sha256:1', scores: 'sha256:2' }, {}))
    }
    const bySql = (sql: string, name = 'totals', schema = Total) =>
      keyOf((p, { orders }) => void p.table(name, { from: { orders }, sql, schema }))
    expect(bySql('SELECT 1', 'others')).toBe(bySql('SELECT 1'))
    expect(bySql('SELECT 2')).not.toBe(bySql('SELECT 1'))
    expect(bySql('SELECT 1', 'totals', Total.extend({ total: z.number().min(0) }))).not.toBe(bySql('SELECT 1'))
    const byCode = (digest?: typeof code.digest) =>
      keyOf((p, { orders }) => void p.table('totals', { from: { orders }, run: sum, schema: Total }), digest)
    expect(byCode(`sha256:${'d'.repeat(64)}`)).not.toBe(byCode())
    const inTurn = (turned: boolean) =>
      keyOf((p, { orders, scores }) => {
        const made = () => ({ customer: [''], total: [1] })
        p.table('totals', { from: turned ? [scores, orders] : [orders, scores], run: made, schema: Total })
      })
    expect(inTurn(true)).not.toBe(inTurn(false))
  })
})

describe('a definition is refused', () => {
  it('where a join would leak because nobody says when a row was known', () => {
    const error = mistake((p) => {
      const { orders, scores } = sources(p)
      p.join(orders, scores, { on: ['customer'], asOf: { at: 'placed', event: 'scored' } as never })
    })
    expect(error.message).toBe('p.join of orders and scores does not say when a row of scores was known')
    expect(error.facts.next).toContain('of scored, loaded')
  })

  it.each<[string, object, RegExp]>([
    [
      'a time that is none',
      { on: ['customer'], asOf: { ...asOf, at: 'amount' } },
      /"amount" is no column of orders that holds times/,
    ],
    ['an event that is not there', { on: ['customer'], asOf: { ...asOf, event: 'at' } }, /"at" is no column of scores/],
    ['a key that one of them lacks', { on: ['amount'], asOf }, /scores has no column "amount"/],
    ['columns of one name', { on: [], asOf }, /orders and scores both have a column "customer"/],
  ])('where a join has %s', (_, options, message) => {
    const error = mistake((p) => {
      const { orders, scores } = sources(p)
      p.join(orders, scores, options as never)
    })
    expect(error.message).toMatch(message)
  })

  it('where a key is text in one table and a number in the other, or a time', () => {
    const Numbered = Score.extend({ customer: z.int() })
    const other = mistake((p) => {
      const { orders } = sources(p)
      const numbered = p.snapshot('numbered', { from: 'x.parquet', schema: Numbered })
      p.join(orders, numbered, { on: ['customer'], asOf } as never)
    })
    expect(other.message).toBe('p.join: "customer" is string in orders and integer in numbered')
    const timed = mistake((p) => {
      const { scores } = sources(p)
      const others = p.snapshot('others', { from: 'x.parquet', schema: Score })
      p.join(scores, others, { on: ['scored'], asOf: { at: 'scored', event: 'scored', known: 'loaded' } })
    })
    expect(timed.message).toBe('p.join: "scored" is a key and a time')
  })

  it('where tables have no name, one name, or nothing that makes them', () => {
    const table = (options: object) =>
      mistake((p) => void p.table('totals', { schema: Total, ...options } as never)).message
    expect(table({ from: [], sql: 'SELECT 1' })).toBe('there are none among the tables that table "totals" is made of')
    expect(table({ from: {} })).toBe('table "totals" is made by nothing')
    expect(table({ from: {}, sql: 'SELECT 1', run: sum })).toBe('table "totals" is made by both sql and run')
    const twice = mistake((p) => {
      const { orders } = sources(p)
      p.table('totals', { from: { orders, Orders: orders }, sql: 'SELECT 1', schema: Total })
    })
    expect(twice.message).toBe('among the tables that table "totals" is made of is "Orders" twice')
    const checked = mistake((p) => {
      const { orders } = sources(p)
      p.table('totals', { from: [orders, p.validate(orders)], sql: 'SELECT 1', schema: Total })
    })
    expect(checked.facts.next).toContain('from: { one: …')
  })

  it('where a step of one’s own makes nothing, or something of no media type', () => {
    const step = (outputs: object) =>
      mistake((p) => void p.step('own', { inputs: {}, outputs, run: () => ({ outputs: {} }) } as never)).message
    expect(step({})).toBe('there are none among the outputs of step "own"')
    expect(step({ page: 'html' })).toBe('output "page" of step "own" is of no media type: "html"')
    expect(step({ 'a.b': 'text/html' })).toBe('among the outputs of step "own" is "a.b"')
  })

  it('where two tables, or two steps, are called the same', () => {
    const error = mistake((p) => {
      const { orders } = sources(p)
      p.table('totals', { from: { orders }, sql: 'SELECT 1', schema: Total })
      p.table('totals', { from: { orders }, sql: 'SELECT 2', schema: Total })
    })
    expect(error.message).toBe('two table steps of pipeline "sample" are named "totals"')
  })
})
