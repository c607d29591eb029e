import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../lib/code/host.ts'
import { trees } from '../lib/definition/learners.ts'
import type { Parameters, Space } from '../lib/formats/tuning.ts'
import { boost, type Dataset } from '../lib/learners/trees/boost.ts'
import { predict } from '../lib/learners/trees/ensemble.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { pythonEnvironment } from '../test/support/python.ts'

/** What is tuned on every table. */
export const treesSpace: Space = {
  trees: { kind: 'whole', from: 10, to: 60 },
  leaves: { kind: 'whole', from: 3, to: 24, scale: 'log' },
  learningRate: { kind: 'number', from: 0.02, to: 0.5, scale: 'log' },
  minRowsPerLeaf: { kind: 'whole', from: 1, to: 100, scale: 'log' },
  l2: { kind: 'number', from: 0.01, to: 100, scale: 'log' },
  bins: { kind: 'whole', from: 16, to: 254, scale: 'log' },
}

interface Table {
  readonly name: string
  readonly task: 'binary' | 'regression'
  readonly rows: number
  readonly columns: readonly Float32Array[]
  readonly labels: Float64Array
}

/** Reads the ten tables of `peers/tuning_tables.py`. */
export async function tuningTables(): Promise<Table[]> {
  const bin = await pythonEnvironment(join(packageRoot, 'test/reference/tables-requirements.txt'), '--no-deps')
  const folder = mkdtempSync(join(tmpdir(), 'slipway-tuning-'))
  try {
    await promisify(execFile)(join(bin, 'python'), [join(packageRoot, 'bench/peers/tuning_tables.py'), folder])
    const listed: Record<string, Pick<Table, 'task' | 'rows'>> = JSON.parse(
      readFileSync(join(folder, 'tables.json'), 'utf8'),
    )
    return Object.entries(listed).map(([name, { task, rows }]) => {
      const read = (file: string): ArrayBuffer => Uint8Array.from(readFileSync(join(folder, file))).buffer
      const all = new Float32Array(read(`${name}.columns.f32`))
      const columns = Array.from({ length: all.length / rows }, (_, c) => all.slice(c * rows, (c + 1) * rows))
      const labels = new Float64Array(read(`${name}.labels.f64`))
      return { name, task, rows, columns, labels }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Losses of one training: log loss, or the root of the mean squared error. */
export interface Losses {
  readonly validation: number
  readonly test: number
}

/** A table in three parts, by a seed: 3/5 to train on, 1/5 to choose by and 1/5 that no search sees. */
export interface Objective {
  readonly task: Table['task']
  readonly rows: number
  train(parameters: Parameters, share: number): Losses
}

export function objectiveOf(table: Table, seed: number): Objective {
  const order = shuffled(table.rows, seed)
  const [first, second] = [Math.round(table.rows * 0.6), Math.round(table.rows * 0.8)]
  const part = (rows: Uint32Array): Dataset => ({
    features: table.columns.map((column) => Float32Array.from(rows, (row) => column[row] as number)),
    labels: Float64Array.from(rows, (row) => table.labels[row] as number),
  })
  const train = part(order.subarray(0, first))
  const [validation, test] = [part(order.subarray(first, second)), part(order.subarray(second))]
  return {
    task: table.task,
    rows: first,
    train(parameters, share) {
      const rows = Math.round(first * share)
      const some = {
        features: train.features.map((column) => column.subarray(0, rows)),
        labels: train.labels.subarray(0, rows),
      }
      const { ensemble } = boost(table.task, { train: some, validation }, trees(parameters), { threads: 1 })
      const lossOn = ({ features, labels }: Dataset): number => {
        const predictions = predict(ensemble, features, labels.length)
        return lossOf(table.task, predictions as ArrayLike<number>, labels as ArrayLike<number>)
      }
      return { validation: lossOn(validation), test: lossOn(test) }
    },
  }
}

function lossOf(task: Table['task'], predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0
  for (let row = 0; row < labels.length; row++) {
    const [predicted, label] = [predictions[row] as number, labels[row] as number]
    if (task === 'regression') sum += (predicted - label) ** 2
    else sum -= Math.log(Math.max(1e-15, label === 1 ? predicted : 1 - predicted))
  }
  return task === 'regression' ? Math.sqrt(sum / labels.length) : sum / labels.length
}

/** Row numbers in an order that the seed decides (Fisher & Yates). */
function shuffled(rows: number, seed: number): Uint32Array {
  const random = seededRandom(seed)
  const order = Uint32Array.from({ length: rows }, (_, i) => i)
  for (let i = rows - 1; i > 0; i--) {
    const j = random() % (i + 1)
    const [a, b] = [order[i] as number, order[j] as number]
    order[i] = b
    order[j] = a
  }
  return order
}
