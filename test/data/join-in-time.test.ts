import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { type JoinRule, joinInTime } from '../../lib/data/join-in-time.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const root = mkdtempSync(join(tmpdir(), 'slipway-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let files = 0

const column = (name: string, type: RowSchema[number]['type']) => ({ name, type, nullable: true })
const Visits: RowSchema = [column('visit', 'integer'), column('customer', 'string'), column('at', 'timestamp')]
const Scores: RowSchema = [
  column('customer', 'string'),
  column('scored', 'timestamp'),
  column('loaded', 'timestamp'),
  column('score', 'number'),
]

interface Visit {
  readonly visit: number
  readonly customer: string | null
  readonly at: number | null
}
interface Score {
  readonly customer: string | null
  readonly scored: number | null
  readonly loaded: number | null
  readonly score: number | null
}

/** Rows as the files of a table, some in each. */
async function tableOf(
  schema: RowSchema,
  rows: readonly object[],
  { parts = 1, format = 'parquet' as 'parquet' | 'csv' } = {},
): Promise<LocalTable> {
  const paths: string[] = []
  const values = (row: object): string =>
    schema
      .map(({ name, type }) => {
        const value = (row as Record<string, unknown>)[name]
        if (value === null) return 'NULL'
        return type === 'timestamp'
          ? `epoch_ms(${value})`
          : type === 'string'
            ? text(String(value))
            : `${value}::DOUBLE`
      })
      .join(', ')
  const types = { timestamp: 'TIMESTAMP', string: 'VARCHAR' } as Record<string, string>
  const size = Math.ceil(rows.length / parts)
  await withDuckDb(1, async (connection) => {
    for (let part = 0; part < parts; part++) {
      const some = rows.slice(part * size, (part + 1) * size)
      const columns = schema.map(({ name, type }) => `"${name}" ${types[type] ?? 'DOUBLE'}`)
      await connection.run(`CREATE OR REPLACE TABLE t (${columns.join(', ')})`)
      if (some.length > 0)
        await connection.run(`INSERT INTO t VALUES ${some.map((row) => `(${values(row)})`).join(', ')}`)
      paths.push(join(root, `${files++}.${format}`))
      await connection.run(`COPY t TO ${text(paths.at(-1) as string)} (FORMAT ${format})`)
    }
  })
  return { files: paths, format, schema, rows: rows.length }
}

async function joined(left: LocalTable, right: LocalTable, rule: JoinRule, threads = 2) {
  const file = join(root, `${files++}.parquet`)
  const counts = await withDuckDb(threads, (connection) => joinInTime(connection, left, right, rule, { file }))
  const read = await withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet(${text(file)})`))
  const rows = read.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.getTime() : value]),
    ),
  )
  return { ...counts, rows, digest: createHash('sha256').update(readFileSync(file)).digest('hex') }
}

/** What the join promises, written down as it is said: every right row is asked, one after the other. */
function byHand(visits: readonly Visit[], scores: readonly Score[], rule: JoinRule): object[] {
  const { known, within = Number.POSITIVE_INFINITY } = rule.asOf
  return visits.map((visit) => {
    let best: Score | undefined
    let bestSeen = 0
    for (const score of scores) {
      const knownAt = known === null ? score.scored : score.loaded
      if (score.scored === null || knownAt === null || visit.at === null) continue
      if (rule.on.length > 0 && (visit.customer === null || score.customer !== visit.customer)) continue
      if (score.scored > visit.at || knownAt > visit.at || score.scored < visit.at - within) continue
      const seen = Math.max(score.scored, knownAt)
      const isNewer =
        best === undefined ||
        score.scored > (best.scored as number) ||
        (score.scored === best.scored && seen >= bestSeen)
      if (isNewer) [best, bestSeen] = [score, seen]
    }
    const { customer, scored = null, loaded = null, score = null } = best ?? {}
    const own = rule.on.length > 0 ? {} : { [`${rule.prefix}customer`]: customer ?? null }
    return {
      ...visit,
      ...own,
      [`${rule.prefix}scored`]: scored,
      [`${rule.prefix}loaded`]: loaded,
      [`${rule.prefix}score`]: score,
    }
  })
}

const byCustomer: JoinRule = {
  on: ['customer'],
  asOf: { at: 'at', event: 'scored', known: 'loaded' },
  prefix: '',
}

describe('a join in time', () => {
  it('is what asking every row gives, for rows with ties, gaps and late ones, in files and threads of any number', async () => {
    const next = seededRandom(20)
    const random = (): number => next() / 2 ** 32
    const whole = (below: number): number => Math.floor(random() * below)
    const maybe = <T>(value: T): T | null => (random() < 0.07 ? null : value)
    for (let round = 0; round < 40; round++) {
      const customers = 1 + whole(6)
      // Few moments, so that times are equal often.
      const moments = 2 + whole(round < 30 ? 12 : 500)
      const visits = Array.from(
        { length: 1 + whole(150) },
        (_, visit): Visit => ({
          visit,
          customer: maybe(`c${whole(customers)}`),
          at: maybe(whole(moments) * 1_000),
        }),
      )
      const scores = Array.from({ length: whole(150) }, (_, i): Score => {
        const scored = whole(moments) * 1_000
        return {
          customer: maybe(`c${whole(customers + 1)}`),
          scored: maybe(scored),
          loaded: maybe(Math.max(0, scored + (whole(8) - 2) * 1_000)),
          score: maybe(i),
        }
      })
      const on = random() < 0.8 ? ['customer'] : []
      const age = random() < 0.4 ? { within: whole(6) * 1_000 + 0.001 + whole(2) * 500 } : {}
      const asOf = { at: 'at', event: 'scored', known: random() < 0.7 ? 'loaded' : null, ...age }
      // Without a key both tables' customers stay, under names of their own.
      const rule: JoinRule = { on, asOf, prefix: on.length === 0 || round % 2 === 0 ? 'last_' : '' }
      const left = await tableOf(Visits, visits, { parts: 1 + whole(3) })
      const right = await tableOf(Scores, scores, { parts: 1 + whole(3) })
      const { rows, matched, digest } = await joined(left, right, rule, 1 + whole(4))
      const expected = byHand(visits, scores, rule)
      expect(rows).toEqual(expected)
      expect(matched).toBe(
        expected.filter((row) => (row as Record<string, unknown>)[`${rule.prefix}scored`] !== null).length,
      )
      expect((await joined(left, right, rule, 1 + whole(4))).digest).toBe(digest)
    }
  })

  it('takes nothing older than it may be, and what is exactly as old', async () => {
    const visits = await tableOf(Visits, [{ visit: 1, customer: 'a', at: 10_000 }])
    const scores = await tableOf(Scores, [{ customer: 'a', scored: 7_000, loaded: 9_000, score: 7 }])
    const scoreWithin = async (within: number) =>
      (await joined(visits, scores, { ...byCustomer, asOf: { ...byCustomer.asOf, within } })).rows[0]?.score
    expect([await scoreWithin(3_000), await scoreWithin(2_999.999)]).toEqual([7, null])
  })

  it('never reads a row newer than the event, or than the time it became known', async () => {
    const hour = 3_600_000
    const visits = await tableOf(Visits, [{ visit: 1, customer: 'a', at: 10 * hour }])
    const scores = (rows: readonly (readonly [number, number, number])[]) =>
      tableOf(
        Scores,
        rows.map(([scored, loaded, score]) => ({ customer: 'a', scored: scored * hour, loaded: loaded * hour, score })),
      )
    const scoreOf = async (rows: readonly (readonly [number, number, number])[]) =>
      (await joined(visits, await scores(rows), byCustomer)).rows[0]?.score
    expect(await scoreOf([[11, 1, 7]]), 'the event is later').toBeNull()
    expect(await scoreOf([[1, 11, 7]]), 'it was known later').toBeNull()
    expect(await scoreOf([[10, 10, 7]]), 'the same moment is past').toBe(7)
    expect(
      await scoreOf([
        [5, 6, 1],
        [8, 12, 2],
      ]),
      'a newer one that was not known yet',
    ).toBe(1)
    expect(
      await scoreOf([
        [5, 9, 1],
        [8, 8, 2],
      ]),
      'an older one that became known after it',
    ).toBe(2)
    expect(
      await scoreOf([
        [5, 7, 2],
        [5, 6, 1],
      ]),
      'a correction, and what it corrects behind it',
    ).toBe(2)
    expect(
      await scoreOf([
        [5, 6, 1],
        [5, 12, 2],
      ]),
      'a correction that was not known yet',
    ).toBe(1)
    expect(
      await scoreOf([
        [5, 6, 1],
        [5, 6, 2],
      ]),
      'two of the same times: the later row',
    ).toBe(2)
  })

  it('joins text as it joins parquet', async () => {
    const visits = [0, 1, 2, 3].map((visit) => ({ visit, customer: 'a', at: visit * 60_000 }))
    const scores = [1, 2].map((score) => ({ customer: 'a', scored: score * 60_000, loaded: score * 90_000, score }))
    const [parquet, csv] = await Promise.all(
      (['parquet', 'csv'] as const).map(async (format) =>
        joined(await tableOf(Visits, visits, { format }), await tableOf(Scores, scores, { format }), byCustomer),
      ),
    )
    expect(csv?.rows).toEqual(parquet?.rows)
    expect(csv?.rows).toEqual(byHand(visits, scores, byCustomer))
  })
})
