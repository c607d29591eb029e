import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { rowsOf, withDuckDb } from '../lib/data/duckdb.ts'
import type { BatchRecord } from '../lib/formats/batch-records.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { cutShards } from '../lib/formats/shards.ts'
import type { LocalModel } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { registerVersion } from '../lib/store/registration.ts'
import { packageModel } from '../test/support/models.ts'
import { openPlace, type Place } from '../test/support/place.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import { type Figure, median } from './measure.ts'
import { lastLine, script } from './programs.ts'

interface Scored {
  readonly seconds: number
  readonly rows: number
  readonly megabytes: number
}
const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
const rounds = 3

/**
 * Batch scoring: against ONNX Runtime alone, Python, Spark, itself at ten times the size, and without the durable
 * layer.
 */
export async function measureBatch(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-batch-'))
  const place = await openPlace({ SLIPWAY_SCORING_THREADS: '1' })
  try {
    const { variant, model } = await makeModel(place, folder)
    const order = await writeOrder(folder, 'order.json', model, flights)
    const alone = await measureAlone(folder, order, model)
    return [...alone.figures, ...(await measureDurable(place, variant, alone.seconds))]
  } finally {
    await place.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** 200 trees of 31 leaves on a tenth of the flights, with the features of the example. */
async function makeModel(place: Place, folder: string): Promise<{ variant: ModelVersion; model: LocalModel }> {
  const { project, store: server } = place
  mkdirSync(join(project.root, 'data'), { recursive: true })
  await withDuckDb(2, (connection) =>
    connection.run(
      `COPY (SELECT * FROM '${flights}' USING SAMPLE 300000 (reservoir, 7)) TO '${join(project.root, 'data/rows.parquet')}' (FORMAT parquet)`,
    ),
  )
  for (const file of ['schema.ts', 'features.ts']) {
    mkdirSync(join(project.root, 'pipelines/delays'), { recursive: true })
    copyFileSync(join(packageRoot, 'pipelines/flights', file), join(project.root, 'pipelines/delays', file))
  }
  project.write(
    'pipelines/delays/pipeline.ts',
    `import { binary, pipeline, trees } from 'slipway'
import { features, late } from './features.ts'
import { Flight } from './schema.ts'
export default pipeline('delays', (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.parquet', schema: Flight })
  const parts = p.split(rows, { byHashOf: 'date', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features, target: binary('delay', late), learner: trees({ trees: 200, leaves: 31 }), seed: 1 }))
})
`,
  )
  const variant = await packageModel(project, server.store, 'delays', 1)
  const registeredAt = new Date().toISOString()
  await registerVersion(
    server.store,
    'delays',
    { digest: variant.digest, run: 'bench', registeredAt, evaluation: null, gates: null, metrics: {}, against: null },
    true,
  )
  const local = await localModel({ store: server.store, trusted: new Map() }, variant.digest)
  const model = { ...local, onnxFile: join(folder, 'model.onnx') }
  copyFileSync(local.onnxFile, model.onnxFile)
  return { variant, model }
}

async function writeOrder(folder: string, name: string, model: LocalModel, file: string): Promise<string> {
  const groups = await withDuckDb(1, (connection) =>
    rowsOf(
      connection,
      `SELECT row_group_id, any_value(row_group_num_rows) AS rows FROM parquet_metadata('${file}') GROUP BY 1 ORDER BY 1`,
    ),
  )
  const shards = cutShards(
    0,
    groups.map(({ rows }) => Number(rows)),
  )
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify({ model, file, shards }))
  return path
}

async function measureAlone(
  folder: string,
  order: string,
  model: LocalModel,
): Promise<{ figures: Figure[]; seconds: number }> {
  const [python, spark] = [
    join(await pythonEnvironment(join(packageRoot, 'bench/peers/pyarrow-requirements.txt')), 'python'),
    join(await pythonEnvironment(join(packageRoot, 'bench/peers/spark-requirements.txt')), 'python'),
  ]
  const peer = (path: string, file: string): Scored =>
    lastLine(path, [
      ...[`bench/peers/${file}`, '--model', model.onnxFile, '--input', flights],
      ...['--output', join(folder, `${file}-${performance.now()}`)],
    ])
  const ours: Scored[] = []
  const bare: number[] = []
  const pythons: Scored[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(script<Scored>('batch-score.ts', order, '2'))
    bare.push(script<{ secondsAMillion: number }>('batch-bare.ts', order).secondsAMillion * 3)
    pythons.push(peer(python, 'pyarrow_score.py'))
  }
  const sparks = peer(spark, 'spark_score.py')
  const seconds = median(ours.map((each) => each.seconds))
  const megabytes = median(ours.map((each) => each.megabytes))

  const large = join(folder, 'large.parquet')
  await withDuckDb(2, (connection) =>
    connection.run(
      `COPY (SELECT f.* FROM range(10), '${flights}' f) TO '${large}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 272384)`,
    ),
  )
  const tenfold = script<Scored>('batch-score.ts', await writeOrder(folder, 'large.json', model, large), '2')
  if (tenfold.rows !== 30_000_000 || ours.some(({ rows }) => rows !== 3_000_000)) throw new Error('rows were lost')
  const s = (value: number): string => `${value.toFixed(1)} s`
  return {
    seconds,
    figures: [
      {
        what: '3,000,000 flights read, checked, transformed, scored (200 trees) and written, against ONNX Runtime alone',
        ours: s(seconds),
        theirs: s(median(bare)),
        ratio: seconds / median(bare),
        limit: 1.25,
      },
      {
        what: 'the same, against pyarrow + onnxruntime in Python',
        ours: s(seconds),
        theirs: s(median(pythons.map((each) => each.seconds))),
        ratio: seconds / median(pythons.map((each) => each.seconds)),
        limit: 1,
      },
      {
        what: 'the same, how many times faster than pyarrow + onnxruntime',
        ours: s(seconds),
        theirs: s(median(pythons.map((each) => each.seconds))),
        ratio: median(pythons.map((each) => each.seconds)) / seconds,
        limit: 2.5,
        bound: 'at least',
      },
      {
        what: 'the same, how many times faster than Spark local[2]',
        ours: s(seconds),
        theirs: s(sparks.seconds),
        ratio: sparks.seconds / seconds,
        limit: 2.5,
        bound: 'at least',
      },
      {
        what: 'seconds a row at 30,000,000 rows, against 3,000,000',
        ours: s(tenfold.seconds),
        theirs: s(seconds),
        ratio: tenfold.seconds / 10 / seconds,
        limit: 1.1,
      },
      {
        what: 'peak memory at 30,000,000 rows, against 3,000,000',
        ours: `${tenfold.megabytes.toFixed(0)} MB`,
        theirs: `${megabytes.toFixed(0)} MB`,
        ratio: tenfold.megabytes / megabytes,
        limit: 1.2,
      },
    ],
  }
}

/**
 * Whole batches through workflow, activities, store and manifest; columns in another order each time, so that nothing
 * is found.
 */
async function measureDurable(place: Place, { model }: ModelVersion, alone: number): Promise<Figure[]> {
  const columns = ['date', 'distance', 'origin', 'destination']
  let batches = 0
  const batch = async (): Promise<number> => {
    const keep = [...columns.slice(batches % 4), ...columns.slice(0, batches % 4)]
    const to = `scored/${batches++}`
    const { code, stdout, stderr } = await place.run(
      ...['batch', 'score', model, '--from', flights, '--to', to, '--keep', keep.join(','), '--json'],
    )
    if (code !== 0) throw new Error(stderr)
    const { startedAt, publishedAt, rows } = JSON.parse(stdout) as BatchRecord
    if (rows.scored !== 3_000_000) throw new Error('rows were lost')
    return (Date.parse(publishedAt) - Date.parse(startedAt)) / 1000
  }
  const one = await batch()
  place.addWorker()
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  const two = [await batch(), await batch(), await batch()]
  const s = (value: number): string => `${value.toFixed(1)} s`
  return [
    {
      what: 'a whole batch of 3,000,000 rows (workflow, records, manifest) on two workers, against scoring alone',
      ours: s(median(two)),
      theirs: s(alone),
      ratio: median(two) / alone,
      limit: 1.05,
    },
    {
      what: 'two workers of one thread, how many times faster than one',
      ours: s(median(two)),
      theirs: s(one),
      ratio: one / median(two),
      limit: 1.7,
      bound: 'at least',
    },
  ]
}
