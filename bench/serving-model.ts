import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { withDuckDb } from '../lib/data/duckdb.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { localModel } from '../lib/models/package.ts'
import type { Store } from '../lib/store/store.ts'
import { packageModel } from '../test/support/models.ts'
import { newProject } from '../test/support/project.ts'

/** The models that serving is measured with: 200 trees of 31 leaves on six numbers, of 300,000 flights. */
export interface ServingModels {
  /** Features by a function over typed columns; the same function in danfojs. */
  readonly columns: ModelVersion
  readonly dataframe: ModelVersion
  /** The ONNX file, for others to serve. */
  readonly onnxFile: string
}

const schema = `import { z } from 'zod'
export const Row = z.object({ hour: z.number(), weekday: z.number(), day: z.number(), distance: z.number(), origin: z.number(), destination: z.number(), late: z.int().min(0).max(1) })
`
const target = 'export const late = (late: Float64Array) => Uint8Array.from(late)\n'
const columnsCode = `export function features({ hour, weekday, day, distance, origin, destination }: Record<string, Float64Array>) {
  return { hour, weekday, day, distance: Float32Array.from(distance, Math.log1p), origin, destination }
}
`
const dataframeCode = `import { dataframe } from 'slipway/dataframe'
export const features = dataframe((df, dfd) => new dfd.DataFrame({
  hour: df.column('hour').values, weekday: df.column('weekday').values, day: df.column('day').values,
  distance: (df.column('distance').values as number[]).map(Math.log1p), origin: df.column('origin').values, destination: df.column('destination').values,
}))
`
const definition = (name: string): string => `import { binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Row } from './schema.ts'
import { late } from './target.ts'
export default pipeline('${name}', (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.parquet', schema: Row })
  const parts = p.split(rows, { byHashOf: 'day', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features, target: binary('late', late), learner: trees({ trees: 200, leaves: 31 }), seed: 1 }))
})
`

/** Trains and stores the models. @param folder where the ONNX file is put */
export async function makeServingModels(store: Store, folder: string): Promise<ServingModels> {
  const project = newProject()
  mkdirSync(join(project.root, 'data'))
  const source = join(process.cwd(), 'node_modules/vega-datasets/data/flights-3m.parquet')
  await withDuckDb(2, (connection) =>
    connection.run(`COPY (SELECT hour(date)::DOUBLE AS hour, dayofweek(date)::DOUBLE AS weekday, dayofyear(date)::DOUBLE + (row_number() OVER ()) * 1e-9 AS day,
      distance::DOUBLE AS distance, (hash(origin) % 997)::DOUBLE AS origin, (hash(destination) % 997)::DOUBLE AS destination, (delay > 15)::INTEGER AS late
      FROM read_parquet('${source}') USING SAMPLE 300000 (reservoir, 7)) TO '${join(project.root, 'data/rows.parquet')}' (FORMAT parquet)`),
  )
  for (const [name, code] of [
    ['columns', columnsCode],
    ['dataframe', dataframeCode],
  ] as const) {
    project.write(`pipelines/${name}/schema.ts`, schema)
    project.write(`pipelines/${name}/target.ts`, target)
    project.write(`pipelines/${name}/features.ts`, code)
    project.write(`pipelines/${name}/pipeline.ts`, definition(name))
  }
  const columns = await packageModel(project, store, 'columns', 1)
  const dataframe = await packageModel(project, store, 'dataframe', 1)
  const { onnxFile } = await localModel({ store, trusted: new Map() }, columns.digest)
  const copy = join(folder, 'model.onnx')
  copyFileSync(onnxFile, copy)
  project.remove()
  return { columns, dataframe, onnxFile: copy }
}
