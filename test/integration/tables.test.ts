import { readFileSync } from 'node:fs'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { localTable } from '../../lib/data/local-table.ts'
import { localFile } from '../../lib/store/objects.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * Two sources become one table in time, a table by SQL, one by a function, and a step of the user's own; a model learns
 * from that. By a real worker, twice; then one thing is edited after the other.
 */
let place: Place
const orders = 4_000

beforeAll(async () => {
  place = await openPlace()
  await place.project.data(
    'data/orders.parquet',
    `SELECT i AS id, 'c' || (i * 7919) % 50 AS customer, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS placed,
      (i * 104729) % 1000 / 10.0 AS amount, ((i * 2654435761) % 1000) / 1000.0 < 0.2 + 0.6 * (((i * 7919) % 50) % 2) AS returned
      FROM range(${orders}) t(i)`,
  )
  // A score of each customer a month, known three days later.
  await place.project.data(
    'data/scores.csv',
    `SELECT 'c' || c AS customer, TIMESTAMP '2024-01-01' + INTERVAL (m * 30) DAY AS scored,
      TIMESTAMP '2024-01-04' + INTERVAL (m * 30) DAY AS loaded, c % 2 + m / 100.0 AS score
      FROM range(50) a(c), range(6) b(m) ORDER BY ALL`,
  )
  place.project.write(
    'pipelines/shop/schema.ts',
    `import { z } from 'zod'
export const Order = z.object({ id: z.int(), customer: z.string(), placed: z.date(), amount: z.number(), returned: z.boolean() })
export const Score = z.object({ customer: z.string(), scored: z.date(), loaded: z.date(), score: z.number() })
export const Row = z.object({
  id: z.int(), placed: z.date(), amount: z.number(), score: z.number().nullable(), share: z.number(), returned: z.boolean(),
})
export const Known = Row.extend({ known: z.boolean() })
export const Month = z.object({ month: z.int(), orders: z.int() })
`,
  )
  place.project.write(
    'pipelines/shop/functions.ts',
    `import type { ColumnsOf } from 'slipway'
import type { z } from 'zod'
import type { Known, Month, Row } from './schema.ts'
type Columns = ColumnsOf<z.infer<typeof Known>>
/** Whether a customer had a score. */
export function known({ rows }: { rows: ColumnsOf<z.infer<typeof Row>> }) {
  return { ...rows, known: Array.from(rows.score, (score) => !Number.isNaN(score)) }
}
export function features({ amount, score, share }: Pick<Columns, 'amount' | 'score' | 'share'>) { return { amount, score, share } }
/** How many orders a month there were, as a table and as a page. */
export function months({ rows }: { rows: Pick<Columns, 'placed'> }) {
  const counts = new Map<number, number>()
  for (const placed of rows.placed) {
    const month = new Date(placed).getUTCMonth() + 1
    counts.set(month, (counts.get(month) ?? 0) + 1)
  }
  const lines = [...counts].map(([month, n]) => \`month \${month}: \${n}\`)
  return {
    outputs: { months: { month: [...counts.keys()], orders: [...counts.values()] }, page: lines.join('\\n') },
    facts: { months: counts.size },
  }
}
/** The page again, in capitals. */
export function shout({ page }: { page: { text: () => string } }) { return { outputs: { page: page.text().toUpperCase() } } }
`,
  )
  writePipeline()
})
afterAll(() => place?.close())

const sql = `SELECT id, placed, amount, score, amount / sum(amount) OVER (PARTITION BY customer ORDER BY placed, id) AS share, returned
    FROM seen WHERE amount > 1`
function writePipeline({ query = sql, event = 'scored' } = {}): void {
  place.project.write(
    'pipelines/shop/pipeline.ts',
    `import { auc, binary, pipeline, trees } from 'slipway'
import { features, known, months, shout } from './functions.ts'
import { Known, Month, Order, Row, Score } from './schema.ts'

export default pipeline('shop', (p) => {
  const orders = p.validate(p.snapshot('orders', { from: 'data/orders.parquet', schema: Order }))
  const scores = p.snapshot('scores', { from: 'data/scores.csv', schema: Score })
  const seen = p.join(orders, scores, { on: ['customer'], asOf: { at: 'placed', event: '${event}', known: 'loaded' } })
  const rows = p.table('rows', { from: { seen }, sql: \`${query}\`, schema: Row })
  const daily = p.table('known', { from: { rows }, run: known, schema: Known })
  const own = p.step('months', { inputs: { rows: daily }, outputs: { months: Month, page: 'text/plain' }, run: months })
  p.validate(own.months, { unique: [['month']] })
  p.step('shout', { inputs: { page: own.page }, outputs: { page: 'text/plain' }, run: shout })
  const parts = p.split(p.validate(daily), { by: 'placed', test: '30d', validation: '30d' })
  const model = p.train('returns', { on: parts, features, target: binary('returned'), learner: trees({ trees: 10, leaves: 5 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
})
`,
  )
}

interface Step {
  readonly name: string
  readonly cached: boolean
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}
const run = async (): Promise<{ readonly runId: string; readonly steps: readonly Step[]; readonly model: unknown }> => {
  const result = await place.run('run', 'shop', '--wait', '--json')
  expect(result, result.stderr).toMatchObject({ code: 0 })
  return JSON.parse(result.stdout)
}
const outputOf = (steps: readonly Step[], step: string, output = 'table'): string =>
  steps.find(({ name }) => name === step)?.outputs.find(({ name }) => name === output)?.digest as string
const ran = (steps: readonly Step[]): string[] =>
  steps
    .filter(({ cached }) => !cached)
    .map(({ name }) => name)
    .sort()
const rowsIn = async (digest: string): Promise<Record<string, unknown>[]> => {
  const { files } = await localTable(place.store.store, digest)
  const [file] = files as { path: string }[]
  return withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet(${text(file?.path as string)})`))
}

describe('tables of tables, carried out by a worker', () => {
  let first: Awaited<ReturnType<typeof run>>

  it('are planned with their SQL tried, before anything runs', async () => {
    const planned = await place.run('plan', 'shop')
    expect(planned, planned.stderr).toMatchObject({ code: 0 })
    expect(planned.stdout).toContain('rows: its SQL makes the columns of its schema')
    writePipeline({ query: sql.replace('amount > 1', 'amout > 1') })
    const wrong = await place.run('plan', 'shop', '--json')
    expect(wrong.code).toBe(2)
    expect(JSON.parse(wrong.stdout).error).toMatchObject({ code: 'SQL_INVALID', next: 'did you mean "amount"?' })
    writePipeline()
  })

  it('make a model of two sources joined in time', async () => {
    first = await run()
    expect(first.model).toMatchObject({ name: 'shop', version: 1 })
    const seen = await rowsIn(outputOf(first.steps, 'join'))
    expect(seen).toHaveLength(orders)
    for (const { placed, loaded, scored } of seen as { placed: Date; loaded: Date | null; scored: Date | null }[]) {
      const day = (placed.getTime() - Date.UTC(2024, 0, 1)) / 86_400_000
      // The last month whose score was known three days after it began.
      const month = Math.min(5, Math.floor((day - 3) / 30))
      const expected = month < 0 ? null : new Date(Date.UTC(2024, 0, 1 + month * 30))
      expect(scored).toEqual(expected)
      if (loaded !== null) expect(loaded.getTime()).toBeLessThanOrEqual(placed.getTime())
    }
    const made = await rowsIn(outputOf(first.steps, 'known'))
    expect(made.filter(({ known }) => known === false)).toHaveLength(made.filter(({ score }) => score === null).length)
    expect(made.some(({ score }) => score === null)).toBe(true)
  })

  it('hand on what a step of one’s own made: a table, and a page', async () => {
    const months = await rowsIn(outputOf(first.steps, 'months', 'months'))
    const made = await rowsIn(outputOf(first.steps, 'known'))
    expect(months.reduce((sum, { orders: n }) => sum + Number(n), 0)).toBe(made.length)
    const page = await localFile(place.store.store, outputOf(first.steps, 'shout', 'page'))
    expect(readFileSync(page, 'utf8')).toMatch(/^MONTH 1: \d+\nMONTH 2/)
    const shown = await place.run('show', first.runId)
    expect(shown.stdout).toContain('months: 6 rows; page')
  })

  it('are all reused the second time', async () => {
    const again = await run()
    expect(ran(again.steps)).toEqual([])
    expect(again.model).toEqual(first.model)
  })

  it('are made anew from an edited SQL on, and not where it makes the same rows', async () => {
    const fromThere = [
      'evaluate',
      'gate',
      'known',
      'months',
      'package',
      'register',
      'returns',
      'rows',
      'shout',
      'split',
      'validate-2',
      'validate-3',
    ]
    writePipeline({ query: sql.replace('amount > 1', 'amount > 2') })
    expect(ran((await run()).steps)).toEqual(fromThere)
    // Only the words differ: the table is made, and nothing after it.
    writePipeline({ query: sql.replace('amount > 1', 'NOT amount <= 1') })
    expect(ran((await run()).steps)).toEqual(['rows'])
  })

  it('end with their run when it is cancelled, in the middle of a loop', async () => {
    place.project.write(
      'pipelines/endless/pipeline.ts',
      `import { pipeline } from 'slipway'
import { Order } from '../shop/schema.ts'
import { forever } from './forever.ts'
export default pipeline('endless', (p) => {
  const orders = p.snapshot('orders', { from: 'data/orders.parquet', schema: Order })
  p.step('loop', { inputs: { orders }, outputs: { page: 'text/plain' }, run: forever })
})
`,
    )
    place.project.write(
      'pipelines/endless/forever.ts',
      `export function forever({ orders }: { orders: { amount: Float64Array } }) {
  for (let n = 0; ; n++) if (orders.amount[n % 7] === -1) return { outputs: { page: '' } }
}
`,
    )
    const started = await place.run('run', 'endless', '--json')
    expect(started, started.stderr).toMatchObject({ code: 0 })
    const { runId, workflowId } = JSON.parse(started.stdout)
    const connection = await Connection.connect({ address: place.temporal })
    const handle = new Client({ connection }).workflow.getHandle(workflowId)
    await eventually(async () => {
      const { raw } = await handle.describe()
      const said = (raw.pendingActivities ?? []).flatMap(({ heartbeatDetails }) => heartbeatDetails?.payloads ?? [])
      return said.some(({ data }) =>
        Buffer.from(data ?? [])
          .toString()
          .includes('running forever'),
      )
    })
    expect((await place.run('cancel', runId)).code).toBe(0)
    await expect(handle.result()).rejects.toThrow()
    const shown = JSON.parse((await place.run('show', runId, '--json')).stdout)
    expect(shown).toMatchObject({ status: 'cancelled', exitCode: 130, error: { message: 'cancelled during loop' } })
    await connection.close()
    // Its thread is gone, and the worker works on.
    expect(ran((await run()).steps)).toEqual([])
  })
})
