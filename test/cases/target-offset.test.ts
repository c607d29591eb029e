import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { readColumns } from '../../lib/data/columns.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { scoreShard } from '../../lib/jobs/batch/score-shard.ts'
import { scoreRows } from '../../lib/jobs/score-rows.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { type RegressionMetrics, regressionMetricsOf } from '../../lib/stats/metrics.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * One formula as the target three times: with a spread of some dozens, that in units of 1e-7, and that 1.7e9 from zero.
 * And features far from zero: milliseconds since 1970 of which seconds matter, coordinates of which metres do.
 */
let server: TestBucket
let project: TestProject
const source = () => ({ store: server.store, trusted: new Map() })

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
})
afterAll(async () => {
  await server.stop()
  project.remove()
})

function writePipeline(name: string, { from, schema, features, options = '' }: Record<string, string>): void {
  project.write(
    `pipelines/${name}/schema.ts`,
    `import { z } from 'zod'\nexport const Row = z.object({ ${schema}, y: z.number() })\n`,
  )
  project.write(`pipelines/${name}/features.ts`, `export const features = (columns: any) => (${features})\n`)
  project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { pipeline, regression, trees } from 'slipway'
import { features } from './features.ts'
import { Row } from './schema.ts'
export default pipeline('${name}', (p) => {
  const rows = p.snapshot('rows', { from: '${from}', schema: Row })
  const parts = p.split(rows, { byHashOf: 'y', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features, target: regression('y'), learner: trees({ trees: 60, leaves: 8 }), seed: 1${options} }))
})
`,
  )
}

async function qualityOf({ digest }: ModelVersion, file: string): Promise<RegressionMetrics> {
  const local = await localModel(source(), digest)
  const schema: RowSchema = [...local.facts.inputs, { name: 'y', type: 'number', nullable: false }]
  return withDuckDb(1, async (connection) => {
    const [count] = (await connection.runAndReadAll(`SELECT count(*) FROM '${file}'`)).getColumns()[0] as [bigint]
    const table = { files: [file], format: 'parquet' as const, schema, rows: Number(count) }
    const predictions = await scoreRows(local, table)
    const labels = new Float64Array(table.rows)
    let at = 0
    for await (const { y } of readColumns(connection, table, schema)) {
      labels.set(y as Float64Array, at)
      at += (y as Float64Array).length
    }
    return regressionMetricsOf({ predictions, labels })
  })
}

describe('a target near zero, in units of 1e-7, and 1.7e9 from zero', () => {
  it('is learned equally well', async () => {
    const r2: Record<string, number> = {}
    for (const name of ['unit', 'small', 'far']) {
      const file = join(packageRoot, `test/cases/target-offset/${name}.parquet`)
      await project.data(`data/${name}.parquet`, `SELECT * FROM '${file}'`)
      writePipeline(name, {
        from: `data/${name}.parquet`,
        schema: 'a: z.number(), b: z.number()',
        features: '{ a: columns.a, b: columns.b }',
      })
      r2[name] = (await qualityOf(await packageModel(project, server.store, name, 1), file)).r2
    }
    expect(r2.unit).toBeGreaterThan(0.9)
    expect(r2.small).toBeCloseTo(r2.unit as number, 5)
    expect(r2.far).toBeCloseTo(r2.unit as number, 5)
  })
})

describe('a model of a target and a feature far from zero', () => {
  const at = 1_700_000_000_000
  let version: ModelVersion
  const row = (minute: number) => ({ x: at + 60_000 * minute })
  let answers: readonly number[]
  let file: string

  beforeAll(async () => {
    // The target is the minute of an hour, 1.7e9 from zero: float32 has steps of 128 there, and of two minutes in the
    // feature.
    await project.data(
      'data/both.parquet',
      `SELECT ${at}::DOUBLE + 60000 * minute AS x, 1700000000 + minute AS y
       FROM (SELECT i % 60 AS minute FROM range(3000) t(i))`,
    )
    file = join(project.root, 'data/both.parquet')
    writePipeline('both', { from: 'data/both.parquet', schema: 'x: z.number()', features: '{ x: columns.x }' })
    version = await packageModel(project, server.store, 'both', 1)
    const model = await loadModel(await localModel(source(), version.digest))
    answers = [...(await model.score({ x: Float64Array.of(row(12).x, row(13).x, row(42).x) }))]
    await model.release()
  })

  it('tells minutes apart', () => {
    expect(answers[0]).toBeCloseTo(1_700_000_012, 0)
    expect(answers[1]).toBeCloseTo(1_700_000_013, 0)
    expect(answers[2]).toBeCloseTo(1_700_000_042, 0)
  })

  it('is asked by rows and by features, in JSON and in bytes, and answers in float64', async () => {
    const gateway = await startTestGateway(server.store)
    await writeRoute(server.store, 'both', { kind: 'open', variant: version }, 'test')
    await eventually(() => gateway.endpoint('both')?.route?.revision === 1)
    const rows = [row(12), row(13), row(42)]
    const asked = await ask(gateway, 'POST', '/v1/models/both:predict', { instances: rows })
    expect(asked.json()).toEqual({ predictions: answers })
    const metadata = await ask(gateway, 'GET', '/v2/models/both')
    expect(metadata.json()).toMatchObject({
      outputs: [{ name: 'prediction', datatype: 'FP64' }],
      parameters: { features: 'x:FP64' },
    })
    const tensor = { name: 'x', datatype: 'FP64', shape: [3], data: rows.map(({ x }) => x) }
    const inferred = await ask(gateway, 'POST', '/v2/models/both/infer', { inputs: [tensor] })
    expect(inferred.json()).toMatchObject({ outputs: [{ datatype: 'FP64', shape: [3], data: answers }] })
    const binary = await ask(gateway, 'POST', '/v2/models/both/infer', {
      inputs: [tensor],
      parameters: { binary_data_output: true },
    })
    const bytes = binary.body.subarray(Number(binary.headers['inference-header-content-length']))
    expect([0, 8, 16].map((place) => bytes.readDoubleLE(place))).toEqual(answers)
    await gateway.stop()
  })

  it('is written by batches as DOUBLE', async () => {
    const local = await localModel(source(), version.digest)
    const folder = join(project.root, 'out')
    mkdirSync(folder)
    const scored = await scoreShard(
      {
        model: local,
        source: {
          table: {
            files: [file],
            format: 'parquet',
            schema: local.facts.inputs,
            rows: 3000,
            range: { from: 0, to: 3000 },
          },
          from: file,
          expected: 3000,
          keep: ['x', 'y'],
          duplicates: undefined,
        },
        policy: { keep: ['x', 'y'], write: 'parquet', partitionBy: [], onBadRow: 'fail' },
        folder,
      },
      () => {},
    )
    const part = join(folder, scored.parts[0]?.file as string)
    const [worst] = await withDuckDb(1, async (connection) =>
      rowsOf(
        connection,
        `SELECT max(abs(prediction - y)) AS off, any_value(typeof(prediction)) AS type FROM '${part}'`,
      ),
    )
    expect(worst?.type).toBe('DOUBLE')
    expect(worst?.off).toBeLessThan(1)
  })
})

describe('features far from zero', () => {
  // Of each: what is told by it, in what units, and where it lies. One float32 step is 131 s at 1.7e12 ms, 4e-6 at 47.3
  // degrees.
  const far = {
    milliseconds: ['(i * 7919) % 86400 / 100', 'near * 100', '1700000000000'],
    degrees: ['(i * 7919) % 86400 / 100', 'near / 1e8', '47.3'],
  } as const

  it.each(Object.entries(far))('say as much as near it: %s', async (name, [near, scaled, offset]) => {
    const r2: number[] = []
    for (const [place, from] of [
      ['near', '0'],
      ['far', offset],
    ] as const) {
      const pipeline = `${name}-${place}`
      await project.data(
        `data/${pipeline}.parquet`,
        `SELECT ${from}::DOUBLE + ${scaled} AS x, (i % 3)::DOUBLE AS kind, sin(near / 50) + (i % 3) * cos(near / 99) AS y
         FROM (SELECT i, ${near} AS near FROM range(6000) t(i))`,
      )
      writePipeline(pipeline, {
        from: `data/${pipeline}.parquet`,
        schema: 'x: z.number(), kind: z.number()',
        features: '{ x: columns.x, kind: columns.kind }',
        options: ", crosses: [['x', 'kind']]",
      })
      const version = await packageModel(project, server.store, pipeline, 1)
      r2.push((await qualityOf(version, join(project.root, `data/${pipeline}.parquet`))).r2)
      const local = await localModel(source(), version.digest)
      const model = await loadModel(local)
      expect(model.engine.name).toBe('compiled')
      const [feature] = local.facts.features
      if (place === 'near') expect(feature).toEqual({ name: 'x', kind: 'number' })
      else {
        expect(feature?.offset).toBeCloseTo(Number(offset), -6)
        // Profiles and clients know the feature as the function makes it.
        const made = model.makeFeatures({ x: Float64Array.of(Number(offset) + 1e-7), kind: Float64Array.of(0) })
        expect(made.x).toEqual(Float64Array.of(Number(offset) + 1e-7))
        expect(model.inputsOf(made).x).toBeInstanceOf(Float32Array)
      }
      await model.release()
    }
    expect(r2[0]).toBeGreaterThan(0.8)
    expect(r2[1]).toBeCloseTo(r2[0] as number, 2)
  })
})
