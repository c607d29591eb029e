import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../lib/code/host.ts'
import { dataframe } from '../../lib/definition/dataframe.ts'
import {
  type ArtifactContent,
  type ColumnsOf,
  lookup,
  pipeline,
  regression,
  trees,
} from '../../lib/definition/index.ts'

const Order = z.object({ customer: z.string(), placed: z.date(), amount: z.number(), note: z.string().nullable() })
const Score = z.object({ customer: z.string(), scored: z.date(), loaded: z.date().nullable(), score: z.number() })
const Daily = z.object({ day: z.date(), total: z.number(), open: z.boolean(), best: z.string().nullable() })

type Orders = ColumnsOf<z.output<typeof Order>>
type Scores = ColumnsOf<z.output<typeof Score>>
const made = { day: new Float64Array(1), total: [1], open: [true], best: ['a', null] }

// Never run: what counts is what does not compile.
const wrong = () =>
  pipeline('wrong', (p) => {
    const orders = p.snapshot('orders', { from: 'x.parquet', schema: Order })
    const scores = p.snapshot('scores', { from: 'y.parquet', schema: Score })
    const daily = p.table('daily', { from: { orders, scores }, sql: 'SELECT …', schema: Daily })
    p.validate(daily, { completeness: { total: 0.9 } })
    // @ts-expect-error the derived table has no column of what it was made of
    p.validate(daily, { completeness: { amount: 0.9 } })
    // @ts-expect-error a table is made by SQL or by a function
    p.table('none', { from: [orders], schema: Daily })
    // @ts-expect-error of tables, not of parts
    p.table('parts', { from: [p.split(orders, { random: { validation: 0.2, test: 0.2 } })], sql: '', schema: Daily })

    p.table('by-name', {
      from: { orders, scores },
      run: (_: { orders: Orders; scores: Scores }) => made,
      schema: Daily,
    })
    p.table('in-turn', { from: [orders, scores], run: (_o: Orders, _s: Scores) => made, schema: Daily })
    p.table('frame', { from: [orders], run: dataframe((df) => df), schema: Daily })
    // @ts-expect-error there is no table "order"
    p.table('b', { from: { orders }, run: (_: { order: Orders }) => made, schema: Daily })
    // @ts-expect-error the tables come in the order of the list
    p.table('c', { from: [orders, scores], run: (_s: Scores, _o: Orders) => made, schema: Daily })
    // @ts-expect-error a nullable text may be null
    p.table('d', { from: [orders], run: (_: { note: readonly string[] }) => made, schema: Daily })
    // @ts-expect-error "total" is not made
    p.table('e', { from: [orders], run: (o: Orders) => ({ day: o.placed, open: [1], best: o.note }), schema: Daily })
    // @ts-expect-error text is no number
    p.table('f', { from: [orders], run: (o: Orders) => ({ ...made, total: o.customer }), schema: Daily })
    // @ts-expect-error what may be null is no column without null
    p.table('g', { from: [orders], run: (o: Orders) => ({ name: o.note }), schema: z.object({ name: z.string() }) })

    const seen = p.join(orders, scores, { on: ['customer'], asOf: { at: 'placed', event: 'scored', known: 'loaded' } })
    p.join(orders, scores, { on: [], asOf: { at: 'placed', event: 'scored', known: null }, prefix: 's_' })
    // @ts-expect-error when a row was known has to be said
    p.join(orders, scores, { on: ['customer'], asOf: { at: 'placed', event: 'scored' } })
    // @ts-expect-error both tables have the key
    p.join(orders, scores, { on: ['amount'], asOf: { at: 'placed', event: 'scored', known: null } })
    // @ts-expect-error an amount is no time
    p.join(orders, scores, { on: ['customer'], asOf: { at: 'amount', event: 'scored', known: null } })
    // @ts-expect-error the left table's time comes first
    p.join(orders, scores, { on: ['customer'], asOf: { at: 'scored', event: 'placed', known: null } })
    // @ts-expect-error there is no such time
    p.join(orders, scores, { on: ['customer'], asOf: { at: 'placed', event: 'scored', known: 'stored' } })
    const parts = p.split(seen, { by: 'placed', test: '7d', validation: '7d' })
    // @ts-expect-error a column of the right table may be missing: rows cannot be split by it
    p.split(seen, { by: 'scored', test: '7d', validation: '7d' })
    const prefixed = p.join(orders, scores, {
      on: ['customer'],
      asOf: { at: 'placed', event: 'scored', known: null },
      prefix: 's_',
    })
    p.validate(prefixed, { completeness: { s_score: 1 } })
    // @ts-expect-error a column of the right table has the prefix
    p.validate(prefixed, { completeness: { score: 1 } })
    type Seen = { score: Float64Array; loaded: Float64Array; note: readonly (string | null)[] }
    const features = ({ loaded, score }: Seen) => ({ loaded, score })
    p.train('m', { on: parts, features, target: regression('amount'), learner: trees(), seed: 1 })

    const shared = { sql: 'SELECT …', schema: Score, key: 'customer', known: 'loaded' } as const
    const view = p.feature('scores', { ...shared, from: [scores] })
    p.join(orders, view, { on: ['customer'], asOf: { at: 'placed', event: 'scored', known: 'loaded' } })
    view.key satisfies readonly 'customer'[]
    p.feature('daily', { from: { orders }, run: (_: { orders: Orders }) => made, schema: Daily, key: ['day', 'open'] })
    // @ts-expect-error a view has a key
    p.feature('a', { from: [scores], sql: '', schema: Score })
    // @ts-expect-error the key is a column of the view, not of what it is made of
    p.feature('b', { from: [orders], sql: '', schema: Score, key: 'amount' })
    // @ts-expect-error all of a key are
    p.feature('c', { from: [orders], sql: '', schema: Score, key: ['customer', 'amount'] })
    // @ts-expect-error a score is no time
    p.feature('d', { from: [orders], sql: '', schema: Score, key: 'customer', known: 'score' })
    // @ts-expect-error a function makes the columns of the view
    p.feature('e', { from: { orders }, run: (_: { orders: Orders }) => made, schema: Score, key: 'customer' })
    // @ts-expect-error a view is joined by columns that it has
    p.join(orders, view, { on: ['amount'], asOf: { at: 'placed', event: 'scored', known: 'loaded' } })

    const { table, page } = p.step('own', {
      inputs: { orders, train: parts.train },
      outputs: { table: Daily, page: 'text/html' },
      run: ({ orders, train }: { orders: Orders; train: { score: Float64Array } }) => ({
        outputs: { table: made, page: `${orders.amount.length} ${train.score.length}` },
        facts: { rows: 1 },
      }),
    })
    p.split(table, { by: 'day', test: '7d', validation: '7d' })
    p.step('again', {
      inputs: { page },
      outputs: { page: 'text/html' },
      run: ({ page }: { page: ArtifactContent }) => ({ outputs: { page: page.bytes } }),
    })
    // @ts-expect-error a page is no table
    p.validate(page)
    // @ts-expect-error a page is no table here either
    p.table('p', { from: { page }, sql: 'SELECT 1', schema: Daily })
    p.step('less', {
      inputs: { orders },
      outputs: { table: Daily, page: 'text/html' },
      // @ts-expect-error one of the outputs is not made
      run: ({ orders }: { orders: Orders }) => ({ outputs: { page: `${orders.amount.length}` } }),
    })
    p.step('other', {
      inputs: { page },
      outputs: { page: 'text/html' },
      // @ts-expect-error a page comes as its bytes, not as columns
      run: ({ page }: { page: Orders }) => ({ outputs: { page: `${page.amount.length}` } }),
    })
    p.step('typeless', {
      inputs: { orders },
      // @ts-expect-error an output is a schema or a media type
      outputs: { page: 'html' },
      run: () => ({ outputs: { page: '' } }),
    })
  })

const Trip = z.object({ passenger: z.string(), flown: z.date(), distance: z.number(), delay: z.number() })
const History = z.object({
  passenger: z.string(),
  as_of: z.date(),
  flights: z.number(),
  mean_delay: z.number().nullable(),
  tier: z.string(),
})
const Whole = Trip.extend({ flights: z.number(), tier: z.number() })

// Never run either.
const wrongLookups = () =>
  pipeline('wrong', (p) => {
    const trips = p.snapshot('trips', { from: 'x.parquet', schema: Trip })
    const history = p.feature('history', {
      from: [trips],
      sql: 'SELECT …',
      schema: History,
      key: 'passenger',
      known: 'as_of',
    })
    const seen = p.join(trips, history, { on: ['passenger'], asOf: { at: 'flown', event: 'as_of', known: null } })
    const parts = p.split(seen, { by: 'flown', test: '7d', validation: '7d' })
    const features = ({ distance, flights }: { distance: Float64Array; flights: Float64Array }) => ({
      distance,
      flights,
    })
    const candidate = p.package(
      p.train('m', { on: parts, features, target: regression('delay'), learner: trees(), seed: 1 }),
    )
    const on = { endpoint: 'e', allAtOnce: true } as const

    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'passenger', columns: ['flights', 'mean_delay'] })] })
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: { rider: 'passenger' }, columns: 'tier' })] })
    p.deploy(candidate, {
      ...on,
      lookup: [
        lookup(history, { on: 'passenger', columns: { mean_delay: 'flights' }, staleAfter: '2d' }),
        lookup('elsewhere', { on: 'passenger', columns: ['tier'] }),
      ],
    })
    // @ts-expect-error the view has no such column
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'passenger', columns: ['distance'] })] })
    // @ts-expect-error the model has no column of that name
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'passenger', columns: { flight: 'flights' } })] })
    // @ts-expect-error a text is no number
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'passenger', columns: { flights: 'tier' } })] })
    // @ts-expect-error a view is looked up by its key
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'flights', columns: ['tier'] })] })
    // @ts-expect-error a column of a request is equal to a column of the key
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: { rider: 'as_of' }, columns: ['tier'] })] })
    // @ts-expect-error where the model has the key's column, it is of the key's type
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: { distance: 'passenger' }, columns: ['tier'] })] })
    // @ts-expect-error neither has a view of another pipeline columns that the model has not
    p.deploy(candidate, { ...on, lookup: [lookup('elsewhere', { on: 'passenger', columns: ['rank'] })] })
    // @ts-expect-error an age has a unit
    p.deploy(candidate, { ...on, lookup: [lookup(history, { on: 'passenger', columns: ['tier'], staleAfter: '2' })] })
    // @ts-expect-error a table that is not published is no view
    p.deploy(candidate, { ...on, lookup: [lookup(seen, { on: 'passenger', columns: ['tier'] })] })

    const whole = p.split(p.snapshot('whole', { from: 'y.parquet', schema: Whole }), {
      by: 'flown',
      test: '7d',
      validation: '7d',
    })
    const other = p.package(
      p.train('o', { on: whole, features, target: regression('delay'), learner: trees(), seed: 1 }),
    )
    p.deploy(other, { ...on, lookup: [lookup(history, { on: 'passenger', columns: ['flights'] })] })
    // @ts-expect-error what may be missing in the view may not in the model
    p.deploy(other, { ...on, lookup: [lookup(history, { on: 'passenger', columns: { flights: 'mean_delay' } })] })
    // @ts-expect-error of one name and two types
    p.deploy(other, { ...on, lookup: [lookup(history, { on: 'passenger', columns: ['tier'] })] })
  })

it('does not compile what is wired wrongly: tables, joins, steps of one’s own and lookups', () => {
  // Wrong wiring that compiles after all is an error of its line: an expectation that nothing meets.
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
  const compile = () => execFileSync(process.execPath, [tsc, '-p', packageRoot], { encoding: 'utf8', stdio: 'pipe' })
  expect(compile).not.toThrow()
  expect([wrong, wrongLookups]).toEqual([expect.any(Function), expect.any(Function)])
})
