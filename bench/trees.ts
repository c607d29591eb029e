import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import type { Figure } from './measure.ts'
import { lastLine, script } from './programs.ts'

/** What trees-score.ts prints: rows a second. */
interface Scored {
  readonly compiledModel: number
  readonly compiledOnTwo: number
  readonly onnxruntime: number
  readonly onnxruntimeOnTwo: number
  readonly singleUs: number
  readonly differing: number
}
type Peers = Record<'lightgbm' | 'lleaves' | 'tl2cgen', { readonly rowsPerSecond: number }>

const flights = join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')
const sampled = 100_000

/**
 * Compiled models against onnxruntime-node and against compilers of trees, on models that LightGBM trained and
 * exported.
 */
export async function measureTrees(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-trees-'))
  const python = join(await pythonEnvironment(join(packageRoot, 'bench/peers/trees-requirements.txt')), 'python')
  const model = (rows: string, columns: number, trees: number, leaves: number, engines: readonly string[]) => {
    const [text, onnx] = [join(folder, 'model.txt'), join(folder, 'model.onnx')]
    const peers = lastLine<Peers>(python, [
      ...['bench/peers/trees_score.py', '--model', text, '--onnx', onnx, '--rows', rows, '--columns', String(columns)],
      ...['--train', String(trees), String(leaves), '--engines', ...engines],
    ])
    const scored = script<Scored>('trees-score.ts', onnx, rows, String(columns))
    if (scored.differing > 0) throw new Error(`${scored.differing} probabilities differ`)
    return { ...scored, peers }
  }
  try {
    const real = await writeFlights(folder)
    const usual = model(real, 7, 200, 31, ['lightgbm', 'lleaves', 'tl2cgen'])
    const wide = model(writeWide(folder), 31, 500, 31, ['lightgbm'])
    const large = model(real, 7, 200, 255, ['lightgbm'])
    const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`
    const figure = (what: string, ours: number, theirs: number, limit: number): Figure => ({
      what,
      ours: rate(ours),
      theirs: rate(theirs),
      ratio: ours / theirs,
      limit,
      bound: 'at least',
    })
    const name = 'rows scored by the compiled model of 200 trees of 31 leaves, 6 features'
    return [
      figure(`${name}, against onnxruntime-node, one thread`, usual.compiledModel, usual.onnxruntime, 15),
      figure(`${name}, against onnxruntime-node, two threads`, usual.compiledOnTwo, usual.onnxruntimeOnTwo, 20),
      figure(`${name}, against lleaves, one thread`, usual.compiledModel, usual.peers.lleaves.rowsPerSecond, 3),
      figure(`${name}, against TL2cgen and gcc, one thread`, usual.compiledModel, usual.peers.tl2cgen.rowsPerSecond, 3),
      figure(`${name}, against LightGBM, one thread`, usual.compiledModel, usual.peers.lightgbm.rowsPerSecond, 3),
      figure(
        'the same of 500 trees of 31 leaves, 30 features, against onnxruntime-node',
        wide.compiledModel,
        wide.onnxruntime,
        5,
      ),
      figure(
        'the same of 200 trees of 255 leaves, against onnxruntime-node',
        large.compiledModel,
        large.onnxruntime,
        3,
      ),
      {
        what: 'microseconds a single row takes, against 2',
        ours: `${usual.singleUs.toFixed(2)} µs`,
        theirs: '2 µs',
        ratio: usual.singleUs / 2,
        limit: 1,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Six numbers of flights and whether they were late: float32s, row after row. */
async function writeFlights(folder: string): Promise<string> {
  const columns = await withDuckDb(1, async (connection) => {
    const result = await connection.runAndReadAll(
      `SELECT hour(date)::DOUBLE, dayofweek(date)::DOUBLE, dayofyear(date)::DOUBLE, distance::DOUBLE,
        (hash(origin) % 997)::DOUBLE, (hash(destination) % 997)::DOUBLE, (delay > 15)::DOUBLE
      FROM read_parquet('${flights}') USING SAMPLE ${sampled} (reservoir, 7)`,
    )
    return result.getColumns() as number[][]
  })
  return writeRows(
    join(folder, 'flights.f32'),
    columns[0]?.length as number,
    7,
    (row, column) => columns[column]?.[row] as number,
  )
}

/** Thirty made-up numbers, most of which matter a little. */
function writeWide(folder: string): string {
  const next = seededRandom(11)
  const uniform = (): number => next() / 2 ** 32
  const rows = Array.from({ length: sampled }, () => {
    const values = Array.from({ length: 30 }, uniform)
    const score = values.reduce((sum, value, i) => sum + Math.sin(value * (i + 1)) * (i % 3), 0)
    return [...values, score + 4 * uniform() > 12 ? 1 : 0]
  })
  return writeRows(join(folder, 'wide.f32'), sampled, 31, (row, column) => rows[row]?.[column] as number)
}

function writeRows(file: string, rows: number, columns: number, at: (row: number, column: number) => number): string {
  writeFileSync(
    file,
    Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)),
  )
  return file
}
