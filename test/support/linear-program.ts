import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'

/*
 * A program that keeps the containers' contract and learns something: a linear model, of what it reads in its channels.
 * Bundled by tests, it needs nothing but Node.
 */

const env = (name: string): string => process.env[name] ?? ''
const columns = JSON.parse(readFileSync(join(env('SM_INPUT_CONFIG_DIR'), 'columns.json'), 'utf8')) as {
  task: 'binary' | 'regression'
  seed: number
  label: string
  weight?: string
  features: ModelInput[]
}

/** Rows of a channel; texts of these tests hold no commas. */
function rowsOf(file: string): LearnerRows {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const names = head.split(',')
  const cells = lines.map((line) => line.split(','))
  const numbers = (name: string): Float64Array => {
    const at = names.indexOf(name)
    return Float64Array.from(cells, (row) => (row[at] === '' ? Number.NaN : Number(row[at])))
  }
  const codes = (input: ModelInput): Float64Array => {
    const at = names.indexOf(input.name)
    const known = new Map(input.kind === 'category' ? input.categories.map((value, code) => [value, code]) : [])
    return Float64Array.from(cells, (row) => known.get(row[at] ?? '') ?? Number.NaN)
  }
  return {
    features: columns.features.map((input) =>
      Float32Array.from(input.kind === 'number' ? numbers(input.name) : codes(input)),
    ),
    labels: numbers(columns.label),
    weights: columns.weight === undefined ? undefined : Float32Array.from(numbers(columns.weight)),
  }
}

const { l2 = '1', predictions = 'right' } = JSON.parse(env('SM_HPS')) as { l2?: string; predictions?: string }
const { onnx, predictions: own } = linearLearner.train(
  {
    model: 'program',
    task: columns.task,
    parameters: { kind: 'linear', l2: Number(l2) },
    seed: columns.seed,
    threads: 1,
    inputs: columns.features,
    train: rowsOf(join(env('SM_CHANNEL_TRAIN'), 'train.csv')),
    validation: rowsOf(join(env('SM_CHANNEL_VALIDATION'), 'validation.csv')),
  },
  () => {},
)
process.stdout.write(`mean=${[...own].reduce((sum, value) => sum + value, 0) / own.length}\n`)
writeFileSync(join(env('SM_MODEL_DIR'), 'model.onnx'), onnx)
const said = [...own].map((value) => (predictions === 'wrong' ? value + 0.01 : value))
writeFileSync(join(env('SM_OUTPUT_DATA_DIR'), 'predictions.csv'), `prediction\n${said.join('\n')}\n`)
