import type { DuckDBConnection } from '@duckdb/node-api'
import { type ColumnProfile, type Profile, profileQuantiles, profileTop } from '../stats/profile.ts'
import { name, rowsOf } from './duckdb.ts'
import { type LocalTable, typedSelect } from './table.ts'

/**
 * Profiles every column of a table, exactly, each from one count of its values (missing ones included).
 * The connection must have one thread: sums of floating-point numbers depend on their order.
 */
export async function profileTable(connection: DuckDBConnection, table: LocalTable): Promise<Profile> {
  await connection.run(`CREATE TEMP VIEW typed AS ${await typedSelect(connection, table)}`)
  const profile: Profile = {}
  for (const { name: column, type } of table.schema) {
    profile[column] =
      type === 'string'
        ? await profileText(connection, column, table.rows)
        : await profileNumeric(connection, column, type, table.rows)
  }
  await connection.run('DROP VIEW typed')
  return profile
}

async function profileText(connection: DuckDBConnection, column: string, rows: number): Promise<ColumnProfile> {
  const counted = `SELECT ${name(column)} AS value, count(*) AS n FROM typed WHERE ${name(column)} IS NOT NULL GROUP BY 1`
  // Counted and ranked there: a column of millions of different texts must not come over here.
  const [totals] = await rowsOf(
    connection,
    `SELECT count(*) AS distinct_values, coalesce(sum(n), 0)::BIGINT AS present FROM (${counted})`,
  )
  const top = await rowsOf(connection, `SELECT value, n FROM (${counted}) ORDER BY n DESC, value LIMIT ${profileTop}`)
  const present = Number(totals?.present)
  return {
    kind: 'categorical',
    rows,
    missing: rows - present,
    distinct: Number(totals?.distinct_values),
    top: top.map(({ value, n }) => [String(value), Number(n)]),
    other: present - top.reduce((sum, { n }) => sum + Number(n), 0),
  }
}

async function profileNumeric(
  connection: DuckDBConnection,
  column: string,
  type: string,
  rows: number,
): Promise<ColumnProfile> {
  const value = type === 'timestamp' ? `epoch_ms(${name(column)})::DOUBLE` : `${name(column)}::DOUBLE`
  await connection.run(
    `CREATE TEMP TABLE counted AS SELECT ${value} AS x, count(*) AS n FROM typed WHERE ${name(column)} IS NOT NULL GROUP BY 1 ORDER BY 1`,
  )
  const ranked = '(SELECT x, n, sum(n) OVER (ORDER BY x) AS below, sum(n) OVER () AS total FROM counted)'
  const quantiles = profileQuantiles.map((q, i) => `min(x) FILTER (WHERE below >= ceil(${q} * total)) AS q${i}`)
  const [row = {}] = await rowsOf(
    connection,
    `SELECT coalesce(sum(n), 0)::BIGINT AS present, min(x) AS low, max(x) AS high, sum(x * n) / sum(n) AS mean, ${quantiles.join(', ')} FROM ${ranked}`,
  )
  const present = Number(row.present)
  const missing = rows - present
  if (present === 0) {
    await connection.run('DROP TABLE counted')
    return { kind: 'numeric', rows, missing, min: null, max: null, mean: null, std: null, edges: [], counts: [] }
  }
  const mean = Number(row.mean)
  const edges = [...new Set(profileQuantiles.map((_, i) => Number(row[`q${i}`])))]
  const bins = edges.map(
    (edge, i) =>
      `coalesce(sum(n) FILTER (WHERE x <= ${edge}${i > 0 ? ` AND x > ${edges[i - 1]}` : ''}), 0)::BIGINT AS b${i}`,
  )
  const [counted = {}] = await rowsOf(
    connection,
    `SELECT sqrt(sum(n * (x - ${mean}) ** 2) / sum(n)) AS std, ${bins.join(', ')} FROM counted`,
  )
  await connection.run('DROP TABLE counted')
  const counts = edges.map((_, i) => Number(counted[`b${i}`]))
  const rest = present - counts.reduce((sum, count) => sum + count, 0)
  return {
    kind: 'numeric',
    rows,
    missing,
    min: Number(row.low),
    max: Number(row.high),
    mean,
    std: Number(counted.std),
    edges,
    counts: [...counts, rest],
  }
}
