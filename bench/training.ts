import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import type { Figure } from './measure.ts'
import { lastLine, script } from './programs.ts'

interface Trained {
  readonly cpuSeconds: number
  readonly peakRssMb: number
  readonly auc: number
}

const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
const rounds = 3
/** Hour, weekday, day, distance, and airports as numbers. */
const features = 6
const airports = [4, 5]

/** The built-in learner against LightGBM: processor time, memory, and how well it does on the month after. */
export async function measureTraining(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-training-'))
  const python = join(await pythonEnvironment(join(packageRoot, 'bench/peers/trees-requirements.txt')), 'python')
  try {
    const june = await writeFlights(join(folder, 'june'), "date >= '2001-06-01'", 200_000)
    const figures: Figure[] = []
    for (const rows of [300_000, 2_000_000]) {
      const train = await writeFlights(join(folder, String(rows)), "date < '2001-06-01'", rows)
      const lightGbm = (...more: string[]): Trained =>
        lastLine(python, [
          ...['bench/peers/trees_train.py', '--train', train, '--test', june, '--features', String(features)],
          ...more,
        ])
      const slipway = (...more: string[]): Trained => script('train-trees.ts', train, june, ...more)
      const [ours, theirs]: [Trained[], Trained[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        ours.push(slipway())
        theirs.push(lightGbm())
      }
      // What shares the machine only ever adds: the least of each is compared.
      const least = (all: readonly Trained[], of: 'cpuSeconds' | 'peakRssMb'): number =>
        Math.min(...all.map((each) => each[of]))
      const figure = (what: string, of: 'cpuSeconds' | 'peakRssMb', unit: string, limit: number): Figure => ({
        what,
        ours: `${least(ours, of).toFixed(1)} ${unit}`,
        theirs: `${least(theirs, of).toFixed(1)} ${unit}`,
        ratio: least(ours, of) / least(theirs, of),
        limit,
      })
      const name = `training on ${rows.toLocaleString('en')} rows x 6, 200 trees of 31 leaves`
      figures.push(figure(`processor time of ${name}, against LightGBM`, 'cpuSeconds', 's', 0.7))
      figures.push(figure(`peak memory of ${name}, against LightGBM`, 'peakRssMb', 'MB', 0.6))
      const categorical = lightGbm('--categorical', ...airports.map(String))
      for (const [how, option] of [
        ['airports crossed with the hour', 'crosses=0-4,0-5'],
        ['airports parted by sets', `sets=${airports}`],
      ] as const) {
        const { auc } = slipway(option)
        figures.push({
          what: `AUC on June of ${name}, ${how}, against LightGBM with airports as categories`,
          ours: auc.toFixed(4),
          theirs: categorical.auc.toFixed(4),
          ratio: auc / categorical.auc,
          limit: 1,
          bound: 'at least',
        })
      }
    }
    return figures
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * A sample of flights in the layouts that either side reads without copying.
 * @param label as SQL
 */
export async function writeFlights(name: string, where: string, rows: number, label = '(delay > 15)'): Promise<string> {
  const table = await withDuckDb(1, async (connection) => {
    const result = await connection.runAndReadAll(
      `WITH airports AS (SELECT airport, row_number() OVER (ORDER BY airport) - 1 AS code FROM
          (SELECT origin AS airport FROM read_parquet('${flights}') UNION SELECT destination FROM read_parquet('${flights}'))),
        sampled AS (SELECT * FROM (SELECT * FROM read_parquet('${flights}') WHERE ${where}) USING SAMPLE ${rows} (reservoir, 7))
      SELECT hour(date)::DOUBLE, dayofweek(date)::DOUBLE, day(date)::DOUBLE, distance::DOUBLE, o.code::DOUBLE, d.code::DOUBLE, ${label}::DOUBLE
      FROM sampled JOIN airports o ON o.airport = origin JOIN airports d ON d.airport = destination`,
    )
    return (result.getColumns() as number[][]).map((column) => Float32Array.from(column))
  })
  const labels = table.pop() as Float32Array
  return writeTable(name, table, labels)
}

/** Columns and labels in the same layouts. */
export function writeTable(name: string, columns: readonly Float32Array[], labels: Float32Array): string {
  const byRow = new Float32Array(labels.length * columns.length)
  columns.forEach((column, c) => {
    for (let row = 0; row < column.length; row++) byRow[row * columns.length + c] = column[row] as number
  })
  writeFileSync(`${name}.rows.f32`, byRow)
  writeFileSync(`${name}.columns.f32`, Buffer.concat(columns.map((column) => new Uint8Array(column.buffer))))
  writeFileSync(`${name}.labels.f32`, labels)
  return name
}
