import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../lib/code/host.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { postgresSource } from '../lib/sources/postgres.ts'
import { startPostgres, type TestPostgres } from '../test/support/postgres-server.ts'
import { type Figure, interleaved } from './measure.ts'

const run = promisify(execFile)
const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
const columns = 'date timestamp, delay bigint, distance bigint, origin varchar, destination varchar'

/**
 * 3,000,000 flights from a table of Postgres to parquet files, digests included, against psql, which throws away what
 * COPY sends.
 */
export async function measurePostgres(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-postgres-'))
  const server = await startPostgres('-c', 'shared_buffers=512MB')
  try {
    const csv = join(folder, 'flights.csv')
    await withDuckDb(2, (connection) => connection.run(`COPY (SELECT * FROM '${flights}') TO '${csv}' (HEADER false)`))
    await server.sql(`CREATE TABLE flights (${columns})`)
    await psql(server, `\\copy flights FROM '${csv}' CSV`)
    await server.sql(
      'CREATE TABLE keyed AS SELECT row_number() OVER ()::int AS id, delay, distance, origin, date FROM flights',
    )
    await server.sql('ALTER TABLE keyed ADD PRIMARY KEY (id)')
    await server.sql('VACUUM ANALYZE')
    return [
      await measureTable(server, folder, 'flights', 'without a key'),
      await measureTable(server, folder, 'keyed', 'in the order of its primary key'),
    ]
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureTable(server: TestPostgres, folder: string, table: string, what: string): Promise<Figure> {
  const { ours, theirs } = await interleaved(
    7,
    async (round) => {
      // Each round a folder of its own, so that taking files away is no part of reading them.
      const source = postgresSource(join(folder, `${table}-${round}`))
      const files = await source.find(server.address(`table=${table}`), undefined)
      if (files.length === 0) throw new Error(`nothing was read of ${table}`)
    },
    () => psql(server, `COPY ${table} TO STDOUT`),
  )
  return {
    what: `3,000,000 rows x 5 of Postgres to parquet files, ${what}: speed against \`COPY … TO STDOUT\` to nowhere`,
    ours: `${ours.toFixed(2)} s`,
    theirs: `${theirs.toFixed(2)} s`,
    ratio: theirs / ours,
    limit: 0.8,
    bound: 'at least',
  }
}

/** Carries out one command of psql's own; what it prints goes nowhere, by a shell as anybody would write it. */
async function psql({ psql: { path, env }, port }: TestPostgres, command: string): Promise<void> {
  const flags = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-q', '-c', command]
  await run('sh', ['-c', '"$0" "$@" > /dev/null', path, ...flags], { env })
}
