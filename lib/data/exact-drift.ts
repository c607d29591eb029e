import type { DuckDBConnection } from '@duckdb/node-api'
import type { OwnDistances } from '../formats/drift-measures/index.ts'
import type { ColumnDrift } from '../formats/monitor-report.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { type Estimate, maskedLabel, noteOf } from '../stats/drift.ts'
import { categoricalDrift, numericDrift } from '../stats/exact-drift.ts'
import { areFew, edgesAround, mostFew, profileQuantiles } from '../stats/profile.ts'
import { double, name, rowsOf } from './duckdb.ts'
import { typedSelect } from './select.ts'
import type { LocalTable } from './table.ts'

/** Different texts of a column that are told apart; the rarer ones count as one. */
const mostTexts = 10_000

/**
 * How the columns of one table differ from those of another, exactly: every number from one count of the values of a
 * column, all rows of both tables. Intervals are left out (they are the values): nothing is a sample here.
 */
export async function exactDrift(
  connection: DuckDBConnection,
  baseline: LocalTable,
  now: LocalTable,
  columns: RowSchema,
  own: OwnDistances = {},
): Promise<ColumnDrift[]> {
  const drifts: ColumnDrift[] = []
  const [typedBaseline, typedNow] = [await typedSelect(connection, baseline), await typedSelect(connection, now)]
  for (const { name: column, type, masked } of columns) {
    const value =
      type === 'timestamp'
        ? `epoch_ms(${name(column)})::DOUBLE`
        : type === 'string'
          ? name(column)
          : `${name(column)}::DOUBLE`
    const count = (typed: string, a: string, b: string): string =>
      `SELECT ${value} AS x, ${a} AS a, ${b} AS b FROM (${typed}) WHERE ${name(column)} IS NOT NULL GROUP BY 1`
    await connection.run(
      `CREATE TEMP TABLE counted AS SELECT x, sum(a)::BIGINT AS a, sum(b)::BIGINT AS b FROM (${count(typedBaseline, 'count(*)', '0')} UNION ALL ${count(typedNow, '0', 'count(*)')}) GROUP BY 1`,
    )
    const drift = type === 'string' ? await textDrift(connection, own) : await numbersDrift(connection, own)
    await connection.run('DROP TABLE counted')
    const present = drift.present
    const [missingBefore, missingNow] = [1 - present.baseline / baseline.rows, 1 - present.now / now.rows]
    const measures: Record<string, Estimate> = {}
    for (const [measure, exact] of Object.entries({ ...drift.measures, missing: missingNow - missingBefore }))
      measures[measure] = { value: exact, low: exact, high: exact }
    drifts.push({
      name: column,
      kind: type === 'string' ? 'categorical' : 'numeric',
      rows: now.rows,
      importance: null,
      measures,
      ...noteOf(present.baseline, present.now, now.rows),
      bins:
        masked === true
          ? drift.bins.map((bin, i) => ({
              ...bin,
              label: maskedLabel(type === 'string' ? 'categorical' : 'numeric', i),
            }))
          : drift.bins,
    })
  }
  return drifts
}

async function textDrift(connection: DuckDBConnection, own: OwnDistances) {
  const rows = await rowsOf(connection, `SELECT x, a, b FROM counted ORDER BY a DESC, b DESC, x LIMIT ${mostTexts}`)
  const [rest] = await rowsOf(
    connection,
    `SELECT coalesce(sum(a), 0)::BIGINT AS a, coalesce(sum(b), 0)::BIGINT AS b, coalesce(sum(b) FILTER (WHERE a = 0), 0)::BIGINT AS unseen FROM (SELECT a, b FROM counted ORDER BY a DESC, b DESC, x OFFSET ${mostTexts})`,
  )
  const counts = rows.map(({ x, a, b }) => ({ value: String(x), baseline: Number(a), now: Number(b) }))
  const others = { baseline: Number(rest?.a), now: Number(rest?.b), unseen: Number(rest?.unseen) }
  return categoricalDrift(counts, others, own)
}

async function numbersDrift(connection: DuckDBConnection, own: OwnDistances) {
  const quantiles = profileQuantiles.map((q, i) => `min(x) FILTER (WHERE below_a >= ceil(${q} * n)) AS q${i}`)
  // The distribution functions at every value: what KS and Wasserstein need, without a row leaving DuckDB.
  const [row = {}] = await rowsOf(
    connection,
    `WITH steps AS (SELECT x, a, b, sum(a) OVER up AS below_a, sum(b) OVER up AS below_b, lead(x) OVER up - x AS width FROM counted WINDOW up AS (ORDER BY x)),
     totals AS (SELECT sum(a)::DOUBLE AS n, sum(b)::DOUBLE AS m, sum(x * a) / sum(a) AS mean FROM counted)
     SELECT any_value(n) AS n, min(x) FILTER (WHERE a > 0) AS low, max(x) FILTER (WHERE a > 0) AS high, max(abs(below_a / n - below_b / m)) AS ks, sum(abs(below_a / n - below_b / m) * width) AS wasserstein,
     sqrt(sum(a * (x - mean) ** 2) / any_value(n)) AS std, ${quantiles.join(', ')} FROM steps, totals`,
  )
  const few = await rowsOf(connection, `SELECT x FROM counted WHERE a > 0 ORDER BY x LIMIT ${mostFew + 1}`)
  const [low, high] = [Number(row.low ?? 0), Number(row.high ?? 0)]
  const edges = areFew(few.length, Number(row.n))
    ? edgesAround(
        few.map(({ x }) => Number(x)),
        2 ** -52,
      )
    : [...new Set(profileQuantiles.map((_, i) => Number(row[`q${i}`])))].filter(Number.isFinite)
  const within = (i: number): string =>
    `${i > 0 ? `x > ${double(edges[i - 1] as number)}` : `x >= ${double(low)}`} AND x <= ${double(edges[i] ?? high)}`
  const binned = (side: 'a' | 'b', where: string, as: string): string =>
    `coalesce(sum(${side}) FILTER (WHERE ${where}), 0)::BIGINT AS ${as}`
  const [counts = {}] = await rowsOf(
    connection,
    `SELECT ${[
      ...[...edges, high].flatMap((_, i) =>
        (['a', 'b'] as const).map((side) => binned(side, within(i), `${side}${i}`)),
      ),
      binned('b', `x < ${double(low)}`, 'below'),
      binned('b', `x > ${double(high)}`, 'above'),
    ]} FROM counted`,
  )
  const side = (which: 'a' | 'b'): number[] => [...edges, high].map((_, i) => Number(counts[`${which}${i}`]))
  const counted = {
    edges,
    baseline: side('a'),
    now: [Number(counts.below), ...side('b'), Number(counts.above)],
    ks: Number(row.ks),
    wasserstein: Number(row.wasserstein),
    std: Number(row.std),
  }
  return numericDrift(counted, own)
}
