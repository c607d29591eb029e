import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { withDuckDb } from '../../lib/data/duckdb.ts'

/** A user's project in a folder of its own. */
export interface TestProject {
  readonly root: string
  write(file: string, text: string): void
  /** Writes rows as parquet (or whatever the name says), by SQL. */
  data(file: string, sql: string): Promise<void>
  remove(): void
}

export const newProject = (): TestProject => projectAt(mkdtempSync(join(tmpdir(), 'slipway-test-')))

/** A project in a folder that is there. */
export function projectAt(root: string): TestProject {
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  mkdirSync(join(root, 'pipelines'), { recursive: true })
  return {
    root,
    write,
    async data(file, sql) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      const format = file.endsWith('.csv') ? 'csv, HEADER' : file.endsWith('.json') ? 'json' : 'parquet'
      await withDuckDb(1, (connection) => connection.run(`COPY (${sql}) TO '${join(root, file)}' (FORMAT ${format})`))
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** 4,000 made-up loans whose default depends on income, age and purpose: enough to learn, quick to train. */
export const loansSql = (rows = 4_000): string => `
  SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day,
    20000 + (i * 7919) % 60000 AS income,
    18 + (i * 104729) % 60 AS age,
    ['car', 'home', 'travel', 'tools'][1 + (i * 31) % 4] AS purpose,
    CASE WHEN ((i * 2654435761) % 1000) / 1000.0 < 1 / (1 + exp((20000 + (i * 7919) % 60000 - 45000) / 12000.0 + (CASE (i * 31) % 4 WHEN 2 THEN -1.2 ELSE 0.4 END))) THEN 1 ELSE 0 END AS defaulted
  FROM range(${rows}) t(i)`

/**
 * Writes the small pipeline `loans`. Pieces can be replaced to make variants and mistakes: gates of their own compare
 * with the champion only where they say so.
 */
export function writeLoans(
  project: TestProject,
  pieces: {
    features?: string
    schema?: string
    target?: string
    body?: string
    learner?: string
    must?: string
    validate?: string
    from?: string
  } = {},
): void {
  const must =
    pieces.must ??
    "[auc.atLeast(0.6), logLoss.notWorseThan('champion', { by: 0.05 }), slice('purpose', auc.atLeast(0.5)), size.atMost(1e6), latency.p99.atMost(1000)]"
  project.write(
    'pipelines/loans/schema.ts',
    pieces.schema ??
      `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number().min(0).max(200000), age: z.int().min(18).max(100),
  purpose: z.enum(['car', 'home', 'travel', 'tools']), defaulted: z.int().min(0).max(1),
})
`,
  )
  project.write(
    'pipelines/loans/features.ts',
    pieces.features ??
      `export function features({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) {
  return { income, age, ratio: Float32Array.from(income, (x, i) => x / age[i]!), purpose }
}
`,
  )
  project.write(
    'pipelines/loans/target.ts',
    pieces.target ?? 'export function bad(defaulted: Float64Array) { return Uint8Array.from(defaulted) }\n',
  )
  project.write(
    'pipelines/loans/pipeline.ts',
    pieces.body ??
      `import { auc, binary, latency, logLoss, pipeline, size, slice, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: '${pieces.from ?? 'data/loans.parquet'}', schema: Loan })
  const checked = p.validate(loans, ${pieces.validate ?? "{ unique: [['id']] }"})
  const parts = p.split(checked, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: ${pieces.learner ?? 'trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 })'}, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: ${must}${must.includes('champion') ? '' : ", champion: 'not compared'"} })
})
`,
  )
}

/** A copy of a project, as another clone. */
export function cloneProject({ root }: TestProject): TestProject {
  const copy = newProject()
  cpSync(join(root, 'pipelines'), join(copy.root, 'pipelines'), { recursive: true })
  cpSync(join(root, 'data'), join(copy.root, 'data'), { recursive: true })
  return copy
}
