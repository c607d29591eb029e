import { join } from 'node:path'
import { hostVersions, packageRoot } from '../lib/code/host.ts'
import { planPipeline } from '../lib/code/plan.ts'
import { checkContract } from '../lib/data/contract.ts'
import { rowsOf, withDuckDb } from '../lib/data/duckdb.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import { type Figure, interleaved } from './measure.ts'

/** Checking 3,000,000 flights against their schema, against the same predicates written by hand as one query. */
export async function measureValidation(): Promise<Figure> {
  const { plan } = await planPipeline(packageRoot, 'flights', hostVersions())
  const step = plan.steps.find(({ kind }) => kind === 'validate') as StepOf<'validate'>
  const file = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
  const table = { files: [file], format: 'parquet', schema: step.schema, rows: 3_000_000 } as const
  const byHand = `SELECT count(*), count(origin), count(destination), count(*) FILTER (WHERE
      date IS NULL OR delay IS NULL OR delay < -1440 OR delay > 2880 OR distance IS NULL OR distance <= 0 OR distance > 6000
      OR NOT regexp_matches(origin, '^[A-Z]{3}$') OR NOT regexp_matches(destination, '^[A-Z]{3}$')) AS bad
    FROM read_parquet('${file}')`
  const { ours, theirs } = await interleaved(
    7,
    () => withDuckDb(2, (connection) => checkContract(connection, table, step)),
    () => withDuckDb(2, (connection) => rowsOf(connection, byHand)),
  )
  return {
    what: 'checking 3,000,000 rows against the schema, against one DuckDB query by hand',
    ours: `${ours.toFixed(2)} s`,
    theirs: `${theirs.toFixed(2)} s`,
    ratio: ours / theirs,
    limit: 3,
  }
}
