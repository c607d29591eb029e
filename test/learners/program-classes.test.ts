import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { program } from '../../lib/definition/learners.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { penguinModel } from '../support/penguins.ts'
import { placeFor, type TestPlace } from '../support/programs.ts'

/*
 * A program of several classes: it is told their names and gets their places, and its model and its predictions answer
 * in their order.
 */
const classes = ['Adelie', 'Chinstrap', 'Gentoo'] as const
/** Brings a model that it was given, and says what it would answer. */
const text = `import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const { SM_INPUT_CONFIG_DIR, SM_CHANNEL_VALIDATION, SM_MODEL_DIR, SM_OUTPUT_DATA_DIR, SM_HP_OFF } = process.env
const columns = JSON.parse(readFileSync(join(SM_INPUT_CONFIG_DIR, 'columns.json'), 'utf8'))
if (columns.task !== 'multiclass' || columns.classes.join() !== '${classes.join()}') throw new Error(JSON.stringify(columns))
const [, ...lines] = readFileSync(join(SM_CHANNEL_VALIDATION, 'validation.csv'), 'utf8').trimEnd().split('\\n')
const answers = lines.map((line) => {
  const [bill, flipper, label] = line.split(',').map(Number)
  if (![0, 1, 2].includes(label)) throw new Error(line)
  const sums = [(45 - bill) * 0.5, (bill - 45) * 0.5 - (flipper - 200) * 0.1, (flipper - 200) * 0.2].map(Math.exp)
  const all = sums.reduce((sum, each) => sum + each)
  return sums.slice(Number(SM_HP_OFF ?? 0)).map((each) => each / all)
})
writeFileSync(join(SM_OUTPUT_DATA_DIR, 'predictions.csv'), answers.map((each) => each.join(',') + '\\n').join(''))
copyFileSync('given.onnx', join(SM_MODEL_DIR, 'model.onnx'))
`
const places: TestPlace[] = []
afterAll(() => {
  for (const place of places) place.remove()
})

const bills = Float32Array.of(36, 50, 48, 40)
const rows = {
  features: [bills, Float32Array.of(180, 180, 225, 200)],
  labels: Float64Array.of(0, 1, 2, 0),
}
function train(model: Uint8Array, hyperparameters: Record<string, number> = {}) {
  const place = placeFor({ 'train.mjs': text, 'given.onnx': model as never })
  places.push(place)
  return programLearner.train(
    {
      model: 'penguins',
      task: 'multiclass',
      parameters: program({
        command: ['node', 'train.mjs'],
        folder: './trainer',
        hyperparameters,
        predictions: 'validation',
      }),
      seed: 1,
      inputs: [
        { name: 'bill', kind: 'number' },
        { name: 'flipper', kind: 'number' },
      ],
      classes,
      train: rows,
      validation: rows,
      threads: 1,
      place,
    },
    () => {},
  )
}

describe('a program that tells several classes apart', () => {
  it('says the probability of each for every row, as its model does', async () => {
    const { predictions } = await train(penguinModel(1, classes))
    expect(predictions).toHaveLength(12)
    for (const row of [0, 1, 2]) expect(predictions[row * 3 + row]).toBeGreaterThan(0.9)
    expect(readFileSync(join(places[0]?.root as string, 'input/config/columns.json'), 'utf8')).toContain('Chinstrap')
  })

  it('may not export them in an order of its own', async () => {
    await expect(train(penguinModel(1, ['Gentoo', 'Adelie', 'Chinstrap']))).rejects.toMatchObject({
      code: 'PROGRAM_FAILED',
      message: expect.stringContaining('has the classes Gentoo, Adelie, Chinstrap, and columns.json Adelie'),
    })
  })

  it('has to say as many numbers a row as there are classes', async () => {
    await expect(train(penguinModel(1, classes), { off: 1 })).rejects.toMatchObject({
      code: 'PROGRAM_FAILED',
      message: expect.stringMatching(/predictions.csv says ".*,.*" of row 1/),
      facts: { next: expect.stringContaining('write 3 numbers, the probabilities of the classes, for each of the 4') },
    })
  })
})
