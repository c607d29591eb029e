import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowsOf, text, withDuckDb } from '../lib/data/duckdb.ts'
import { joinInTime } from '../lib/data/join-in-time.ts'
import type { LocalTable } from '../lib/data/table.ts'
import { type Figure, interleaved } from './measure.ts'

const rows = 3_000_000
const required = { nullable: false } as const

/**
 * 3,000,000 orders joined with 3,000,000 scores of 200,000 customers, by event and by the time it was known, against
 * the quickest SQL for both that we could write by hand: a window that keeps scores newer than all that could be seen
 * before, then an ASOF JOIN, in the order of the orders. Which of two scores of one time it takes, that one does not
 * say.
 */
export async function measureJoin(): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const file = (name: string): string => join(folder, `${name}.parquet`)
  try {
    await makeTables(file('orders'), file('scores'))
    const orders: LocalTable = {
      files: [file('orders')],
      format: 'parquet',
      rows,
      schema: [
        { name: 'customer', type: 'integer', ...required },
        { name: 'placed', type: 'timestamp', ...required },
        { name: 'amount', type: 'number', ...required },
      ],
    }
    const scores: LocalTable = {
      files: [file('scores')],
      format: 'parquet',
      rows,
      schema: [
        { name: 'customer', type: 'integer', ...required },
        { name: 'scored', type: 'timestamp', ...required },
        { name: 'loaded', type: 'timestamp', ...required },
        { name: 'score', type: 'number', ...required },
      ],
    }
    const rule = { on: ['customer'], asOf: { at: 'placed', event: 'scored', known: 'loaded' }, prefix: '' }
    const byHand = `COPY (
      WITH seen AS (
        SELECT *, greatest(scored, loaded) AS seen FROM read_parquet(${text(file('scores'))})
        QUALIFY scored >= max(scored) OVER (PARTITION BY customer ORDER BY seen, scored ROWS UNBOUNDED PRECEDING)
      )
      SELECT o.customer, o.placed, o.amount, s.scored, s.loaded, s.score
      FROM read_parquet(${text(file('orders'))}, file_row_number = true) o
      ASOF LEFT JOIN seen s ON o.customer = s.customer AND o.placed >= s.seen
      ORDER BY o.file_row_number
    ) TO ${text(file('by-hand'))} (FORMAT parquet, COMPRESSION zstd)`
    const { ours, theirs } = await interleaved(
      5,
      () => withDuckDb(2, (connection) => joinInTime(connection, orders, scores, rule, { file: file('ours') })),
      () => withDuckDb(2, (connection) => connection.run(byHand)),
    )
    await requireSame(file('ours'), file('by-hand'))
    return {
      what: 'joining 3,000,000 rows in time with 3,000,000, by event and known time, against the best SQL by hand',
      ours: `${ours.toFixed(2)} s`,
      theirs: `${theirs.toFixed(2)} s`,
      ratio: ours / theirs,
      limit: 1.3,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Times that no two rows of a customer share, but for chance in a microsecond; most scores are known hours later, some
 * days.
 */
async function makeTables(orders: string, scores: string): Promise<void> {
  const moment = (seed: string): string =>
    `TIMESTAMP '2024-01-01' + to_microseconds((hash(i, ${text(seed)}) % 8640000000000)::BIGINT)`
  const customer = (seed: string): string => `(hash(i, ${text(seed)}) % 200000)::INTEGER AS customer`
  const share = (seed: string): string => `((hash(i, ${text(seed)}) % 1000000) / 1e6)`
  await withDuckDb(2, async (connection) => {
    await connection.run(
      `COPY (SELECT ${customer('a')}, ${moment('b')} AS placed, ${share('c')} AS amount FROM range(${rows}) t(i))
        TO ${text(orders)} (FORMAT parquet)`,
    )
    await connection.run(
      `COPY (SELECT customer, scored, scored + to_microseconds((${share('d')} * ${share('e')} * 864e9)::BIGINT) AS loaded, score
        FROM (SELECT i, ${customer('f')}, ${moment('g')} AS scored, ${share('h')} AS score FROM range(${rows}) t(i)))
        TO ${text(scores)} (FORMAT parquet)`,
    )
  })
}

/** Both joined the same: as many matches, and the same sum of what was found. */
async function requireSame(ours: string, theirs: string): Promise<void> {
  const found = await withDuckDb(2, (connection) =>
    Promise.all(
      [ours, theirs].map((file) =>
        rowsOf(
          connection,
          `SELECT count(*) AS rows, count(score) AS matched, sum((score * 1e6)::BIGINT)::VARCHAR AS sum FROM read_parquet(${text(file)})`,
        ),
      ),
    ),
  )
  const [own, other] = found.map((rows) => JSON.stringify(rows))
  if (own !== other) throw new Error(`the joins differ: ${own} and ${other}`)
}
