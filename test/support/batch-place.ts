import { join } from 'node:path'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { BatchManifest, type BatchRecord } from '../../lib/formats/batch-records.ts'
import { getJson } from '../../lib/store/objects.ts'
import type { CliResult } from './cli.ts'
import { openPlace, type Place } from './place.ts'
import { loansSql, writeLoans } from './project.ts'

/** A batch as the command prints it. */
type Published = BatchRecord & { cached: boolean; cachedShards: number; shards: number; batch: string }

/**
 * A place whose pipeline `loans` has run once, is deployed to `credit`, and has two batches: `nightly` and `strict`.
 */
export interface BatchPlace extends Place {
  /** Writes the pipeline with so many trees. */
  define(trees: number): void
  /** A path below the project. */
  at(path: string): string
  batch(...args: string[]): Promise<CliResult>
  /** A batch that ends well. */
  published(...args: string[]): Promise<Published>
  manifestOf(record: BatchRecord): Promise<BatchManifest>
}

/** Loans to be scored: ids from `from` on. */
export const applications = (from: number, rows: number, more = ''): string =>
  `SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day, 20000 + (i * 7919) % 60000 AS income, 18 + (i * 104729) % 60 AS age,
    ['car', 'home', 'travel', 'tools'][1 + (i * 31) % 4] AS purpose${more} FROM range(${from}, ${from + rows}) t(i)`

const definition = `import { auc, binary, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: TREES, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'credit', allAtOnce: true })
  p.monitor(live, { every: '1h', drift: psi.over(0.2), minRows: 100 })
  p.batch(live, 'nightly', { cron: '0 2 * * *', from: 'in/{date}/*.parquet', to: 'out/{date}/', keys: ['id'], maxBadRows: 0.01, catchup: '2d' })
  p.batch(live, 'strict', { from: 'in/{date}/*.parquet', to: 'strict/{date}/', onBadRow: 'fail' })
})
`
export const query = (sql: string) => withDuckDb(1, (connection) => rowsOf(connection, sql))

export async function openBatchPlace(): Promise<BatchPlace> {
  const place = await openPlace()
  const batch = (...args: string[]) => place.run('batch', ...args)
  const opened: BatchPlace = {
    ...place,
    define: (trees) => writeLoans(place.project, { body: definition.replace('TREES', String(trees)) }),
    at: (path) => join(place.project.root, path),
    batch,
    async published(...args) {
      const result = await batch(...args, '--json')
      if (result.code !== 0) throw new Error(`batch ${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
      return JSON.parse(result.stdout)
    },
    manifestOf: (record) => getJson(place.store.store, record.manifest.digest, BatchManifest),
  }
  await place.project.data('data/loans.parquet', loansSql())
  opened.define(20)
  const run = await place.run('run', 'loans', '--wait', '--json')
  if (run.code !== 0) throw new Error(run.stderr)
  return opened
}
