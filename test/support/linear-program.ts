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

/** Rows of a channel, with labels where it has some; texts of these tests hold no commas. */
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
    labels: names.includes(columns.label) ? numbers(columns.label) : new Float64Array(lines.length),
    weights: columns.weight === undefined ? undefined : Float32Array.from(numbers(columns.weight)),
  }
}

const { l2 = '1', predictions = 'right' } = JSON.parse(env('SM_HPS')) as { l2?: string; predictions?: string }
const train = rowsOf(join(env('SM_CHANNEL_TRAIN'), 'train.csv'))
/** The same training for each, with what it predicts for these rows. */
const learnt = (validation: LearnerRows) =>
  linearLearner.train(
    {
      model: 'program',
      task: columns.task,
      parameters: { kind: 'linear', l2: Number(l2) },
      seed: columns.seed,
      threads: 1,
      inputs: columns.features,
      train,
      validation,
    },
    () => {},
  )
const { onnx, predictions: own } = learnt(rowsOf(join(env('SM_CHANNEL_VALIDATION'), 'validation.csv')))
const madeUp = rowsOf(join(env('SM_CHANNEL_PARITY'), 'parity.csv'))
const { predictions: ofMadeUp } = learnt(madeUp)
process.stdout.write(`mean=${[...own].reduce((sum, value) => sum + value, 0) / own.length}\n`)
writeFileSync(join(env('SM_MODEL_DIR'), 'model.onnx'), onnx)
const said = [...own].map((value) => (predictions === 'wrong' ? value + 0.01 : value))
writeFileSync(join(env('SM_OUTPUT_DATA_DIR'), 'predictions.csv'), `prediction\n${said.join('\n')}\n`)
const hasZero = (row: number): boolean => madeUp.features.some((values) => values[row] === 0)
const saidOfMadeUp = [...ofMadeUp].map((value, row) =>
  predictions === 'wrong of zeros' && hasZero(row) ? value + 0.01 : value,
)
writeFileSync(join(env('SM_OUTPUT_DATA_DIR'), 'parity.csv'), `${saidOfMadeUp.join('\n')}\n`)
