import { readFileSync } from 'node:fs'
import { rowsOf, withDuckDb } from '../lib/data/duckdb.ts'
import { exactDrift } from '../lib/data/exact-drift.ts'
import type { RowSchema } from '../lib/formats/row-schema.ts'

/*
 * One exact drift report of two parquet files, by our own code or by queries written by hand for these very columns;
 * prints its time and the memory of the process. A process of its own, so that memory is comparable.
 */
const [, , how, baseline = '', now = ''] = process.argv
const numbers = ['date', 'delay', 'distance', 'hour']
const texts = ['origin', 'destination']
const schema: RowSchema = [
  { name: 'date', type: 'timestamp', nullable: false },
  { name: 'delay', type: 'integer', nullable: false },
  { name: 'distance', type: 'integer', nullable: false },
  { name: 'hour', type: 'number', nullable: false },
  ...texts.map((name) => ({ name, type: 'string' as const, nullable: false })),
]

async function byHand(): Promise<void> {
  await withDuckDb(2, async (connection) => {
    for (const column of numbers) {
      const x = column === 'date' ? 'epoch_ms(date)::DOUBLE' : `${column}::DOUBLE`
      await rowsOf(
        connection,
        `WITH counted AS (SELECT x, sum(a) AS a, sum(b) AS b FROM (
           SELECT ${x} AS x, count(*) AS a, 0 AS b FROM '${baseline}' GROUP BY 1 UNION ALL SELECT ${x}, 0, count(*) FROM '${now}' GROUP BY 1) GROUP BY 1),
         steps AS (SELECT x, a, b, sum(a) OVER up AS ca, sum(b) OVER up AS cb, lead(x) OVER up - x AS width, sum(a) OVER () AS n, sum(b) OVER () AS m FROM counted WINDOW up AS (ORDER BY x)),
         binned AS (SELECT least(9, floor(10 * (ca - 1) / n)) AS bin, sum(a) / any_value(n) AS p, sum(b) / any_value(m) AS q FROM steps GROUP BY 1)
         SELECT (SELECT max(abs(ca / n - cb / m)) FROM steps) AS ks, (SELECT sum(abs(ca / n - cb / m) * width) FROM steps) AS w1,
           (SELECT sum((q - p) * ln((q + 1e-9) / (p + 1e-9))) FROM binned) AS psi,
           (SELECT sum(p / 2 * log2((p + 1e-12) / ((p + q) / 2 + 1e-12)) + q / 2 * log2((q + 1e-12) / ((p + q) / 2 + 1e-12))) FROM binned) AS js`,
      )
    }
    for (const column of texts) {
      await rowsOf(
        connection,
        `WITH counted AS (SELECT x, sum(a) AS a, sum(b) AS b FROM (
           SELECT ${column} AS x, count(*) AS a, 0 AS b FROM '${baseline}' GROUP BY 1 UNION ALL SELECT ${column}, 0, count(*) FROM '${now}' GROUP BY 1) GROUP BY 1),
         shares AS (SELECT a, b, a / sum(a) OVER () AS p, b / sum(b) OVER () AS q, sum(a) OVER () AS n, sum(b) OVER () AS m FROM counted)
         SELECT sum(p / 2 * log2((p + 1e-12) / ((p + q) / 2 + 1e-12)) + q / 2 * log2((q + 1e-12) / ((p + q) / 2 + 1e-12))) AS js,
           sum((q - p) * ln((q + 1e-9) / (p + 1e-9))) AS psi, sum(q) FILTER (WHERE a = 0) AS unseen,
           sum((a - (a + b) * n / (n + m)) ** 2 / ((a + b) * n / (n + m)) + (b - (a + b) * m / (n + m)) ** 2 / ((a + b) * m / (n + m))) AS chi2 FROM shares`,
      )
    }
  })
}

async function ours(): Promise<void> {
  await withDuckDb(2, async (connection) => {
    const table = async (file: string) => {
      const [row] = await rowsOf(connection, `SELECT count(*) AS n FROM '${file}'`)
      return { files: [file], format: 'parquet' as const, schema, rows: Number(row?.n) }
    }
    await exactDrift(connection, await table(baseline), await table(now), schema)
  })
}

const start = performance.now()
await (how === 'by-hand' ? byHand() : ours())
const seconds = (performance.now() - start) / 1000
const megabytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
console.log(JSON.stringify({ seconds, megabytes }))
