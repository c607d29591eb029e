import type { ModelVersion } from '../../lib/formats/route.ts'
import type { Store } from '../../lib/store/store.ts'
import { packageModel } from './models.ts'
import type { TestProject } from './project.ts'

/*
 * The models of test/cases/serving: `opt`, whose columns may all be missing; `words`, of two columns of text; `churn`,
 * with a column of every type; and `ids`, whose feature is the last digit of a number past 2^53. Their feature
 * functions rename what they take, so that columns and features are told apart by name.
 */

const definitions = {
  opt: {
    schema: 'day: z.date().nullable(), temp: z.number().nullable(), city: z.string().nullable(), load: z.number()',
    features: 'export const features = (c: any) => ({ heat: c.temp, place: c.city })\n',
    target: "regression('load')",
    split: "{ byHashOf: 'load', validation: 0.2, test: 0.2 }",
    sql: `SELECT DATE '2020-01-01' + i::INTEGER AS day, CASE WHEN i % 20 = 0 THEN NULL ELSE (i * 37 % 450) / 10.0 - 10 END AS temp,
      ['Oslo', 'Rome', 'Bern'][1 + i % 3] AS city, 100 - (i * 37 % 450) / 5.0 + 5 * (i % 3) + i / 1e6 AS load FROM range(2000) t(i)`,
  },
  ids: {
    schema: 'id: z.int64(), day: z.date(), y: z.number()',
    features:
      'export const features = (c: any) => ({ last: Float64Array.from(c.id, (id: string) => Number(id.slice(-1))), day: c.day })\n',
    target: "regression('y')",
    split: "{ byHashOf: 'y', validation: 0.2, test: 0.2 }",
    sql: "SELECT 9007199254740990 + i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day, i % 10 + i / 1e6 AS y FROM range(2000) t(i)",
  },
  words: {
    schema: 'city: z.string(), sky: z.string(), late: z.int()',
    features: 'export const features = (c: any) => ({ town: c.city, weather: c.sky })\n',
    target: "binary('late', yes)",
    split: "{ stratifiedBy: 'late', validation: 0.2, test: 0.2 }",
    sql: `SELECT ['Oslo', 'Rome', 'Bern'][1 + i % 3] AS city, ['rain', 'sun', 'fog'][1 + (i * 7 // 3) % 3] AS sky,
      CASE WHEN (i * 2654435761) % 100 < 20 + 30 * (i % 3) THEN 1 ELSE 0 END AS late FROM range(2000) t(i)`,
  },
  churn: {
    schema: `senior: z.int().min(0).max(1), plan: z.enum(['basic', 'plus', 'pro']), tenure: z.int().nullable(), monthly: z.number().min(0),
      total: z.number().nullable(), paperless: z.boolean().nullable(), since: z.date().nullable(), genres: z.string().nullable(), churn: z.int()`,
    features: `export const features = (c: any) => ({ old: c.senior, tariff: c.plan, months: c.tenure, fee: c.monthly, spent: c.total,
      paper: c.paperless, year: Float64Array.from(c.since, (t: number) => Math.floor(t / 31556952000)), taste: c.genres })\n`,
    target: "binary('churn', yes)",
    split: "{ byHashOf: 'monthly', validation: 0.2, test: 0.2 }",
    sql: `SELECT i % 2 AS senior, ['basic', 'plus', 'pro'][1 + i % 3] AS plan, i * 7 % 73 AS tenure, 18 + (i * 7919 % 10000) / 100.0 AS monthly,
      CASE WHEN i % 73 = 0 THEN NULL ELSE (i * 7 % 73) * (18 + (i * 7919 % 10000) / 100.0) END AS total, i % 5 < 3 AS paperless,
      DATE '2024-01-01' + (i % 700)::INTEGER AS since, ['Action', 'Comedy|Drama', 'Horror'][1 + i % 3] AS genres,
      CASE WHEN (i * 2654435761) % 100 < 80 - (i * 7 % 73) THEN 1 ELSE 0 END AS churn FROM range(2000) t(i)`,
  },
} as const
export type ServedModel = keyof typeof definitions

/** Trains and stores one of them. */
export async function packageServed(project: TestProject, store: Store, name: ServedModel): Promise<ModelVersion> {
  const { schema, features, target, split, sql } = definitions[name]
  project.write(
    `pipelines/${name}/features.ts`,
    `${features}export const yes = (label: Float64Array): Uint8Array => Uint8Array.from(label)\n`,
  )
  project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { binary, pipeline, regression, trees } from 'slipway'
import { z } from 'zod'
import { features, yes } from './features.ts'
void [binary, regression, yes]
const Row = z.object({ ${schema} })
export default pipeline('${name}', (p) => {
  const rows = p.snapshot('rows', { from: 'data/${name}.parquet', schema: Row })
  const parts = p.split(rows, ${split})
  p.package(p.train('m', { on: parts, features: features as never, target: ${target}, learner: trees({ trees: 10, leaves: 7 }), seed: 1 }))
})
`,
  )
  await project.data(`data/${name}.parquet`, sql)
  return packageModel(project, store, name, 1)
}
