import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import type { Figure } from './measure.ts'
import { lastLine, script } from './programs.ts'
import { writeFlights, writeTable } from './training.ts'

interface Trained {
  readonly cpuSeconds: number
  readonly logLoss: number
}
interface Table {
  readonly train: string
  readonly test: string
  readonly features: number
  readonly classes: number
}

const rounds = 3
const trees = 50
/** Early, on time, late, and very late. */
const lateness = 'CASE WHEN delay < -5 THEN 0 WHEN delay <= 15 THEN 1 WHEN delay <= 60 THEN 2 ELSE 3 END'

/** The built-in learner of many classes against LightGBM: processor time, and log loss on other rows. */
export async function measureMulticlass(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-multiclass-'))
  const python = join(await pythonEnvironment(join(packageRoot, 'bench/peers/trees-requirements.txt')), 'python')
  try {
    const flights: Table = {
      train: await writeFlights(join(folder, 'flights'), "date < '2001-06-01'", 300_000, lateness),
      test: await writeFlights(join(folder, 'june'), "date >= '2001-06-01'", 200_000, lateness),
      ...{ features: 6, classes: 4 },
    }
    return [
      ...compare('300,000 flights x 6, 4 classes', flights, python),
      ...compare('200,000 made-up rows x 20, 7 classes', writeCovers(folder), python),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function compare(name: string, { train, test, features, classes }: Table, python: string): Figure[] {
  const options = ['--train', train, '--test', test, '--features', features, '--classes', classes, '--trees', trees]
  const [ours, theirs]: [Trained[], Trained[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    ours.push(script('train-trees.ts', train, test, `classes=${classes}`, `trees=${trees}`))
    theirs.push(lastLine(python, ['bench/peers/trees_train.py', ...options.map(String)]))
  }
  // What shares the machine only ever adds: the least of each is compared.
  const least = (all: readonly Trained[], of: keyof Trained): number => Math.min(...all.map((each) => each[of]))
  const figure = (what: string, of: keyof Trained, shown: (value: number) => string, limit: number): Figure => ({
    what: `${what} of training on ${name}, ${trees} rounds of 31 leaves, against LightGBM`,
    ours: shown(least(ours, of)),
    theirs: shown(least(theirs, of)),
    ratio: least(ours, of) / least(theirs, of),
    limit,
  })
  return [
    figure('processor time', 'cpuSeconds', (value) => `${value.toFixed(1)} s`, 0.7),
    figure('log loss on other rows', 'logLoss', (value) => value.toFixed(4), 1.01),
  ]
}

/** Made-up land: what grows there depends on some of twenty numbers in curves that cross. */
function writeCovers(folder: string): Table {
  const next = seededRandom(23)
  const uniform = (): number => next() / 2 ** 32
  const [features, classes] = [20, 7]
  const write = (name: string, rows: number): string => {
    const columns = Array.from({ length: features }, () => Float32Array.from({ length: rows }, uniform))
    const labels = Float32Array.from({ length: rows }, (_, row) => {
      const at = (feature: number): number => columns[feature]?.[row] as number
      let [best, most] = [0, Number.NEGATIVE_INFINITY]
      for (let k = 0; k < classes; k++) {
        const curve = Math.sin(6 * at(k) + k) + 2 * at(k + 7) * at((k * 3) % 14) - (at(14 + (k % 3)) - k / 7) ** 2
        // Gumbel's noise: the classes' chances are a softmax of the curves.
        const score = 2 * curve - Math.log(-Math.log(uniform() + 1e-12))
        if (score > most) [best, most] = [k, score]
      }
      return best
    })
    return writeTable(join(folder, name), columns, labels)
  }
  return { train: write('covers', 200_000), test: write('covers-test', 50_000), features, classes }
}
