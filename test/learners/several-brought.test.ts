import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'
import { onnx, program } from '../../lib/definition/learners.ts'
import { byDefinition } from '../../lib/learners/finished/brought.ts'
import { openFinished } from '../../lib/learners/finished/open.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { constant, onnxFile, op, tensorValue, types } from '../support/finished-models.ts'
import { placeFor, type TestPlace } from '../support/programs.ts'

/*
 * Several numbers of a row from a finished model or a program: the columns of one output.
 */
const features = [
  { name: 'x', kind: 'number' },
  { name: 'y', kind: 'number' },
] as const
/** Two columns: x + y and x − y, of which the first is not always the smaller. */
const model = onnxFile({
  inputs: [tensorValue('x', types.float, ['N', 1]), tensorValue('y', types.float, ['N', 1])],
  nodes: [op('Concat', ['x', 'y'], ['X'], { axis: 1 }), op('MatMul', ['X', 'W'], ['numbers'])],
  constants: [constant('W', [2, 2], Float32Array.of(1, 1, 1, -1))],
  outputs: [tensorValue('numbers', types.float, ['N', 2])],
})
const rows = { x: Float32Array.of(1, 2, 3, 4), y: Float32Array.of(1, -1, 5, -2) }
const sums = [2, 0, 1, 3, 8, -2, 2, 6]
const ascending = [0, 2, 1, 3, -2, 8, 2, 6]

const open = (task: 'regression' | 'quantiles', outputs: readonly string[]) =>
  openFinished(byDefinition(onnx('numbers.onnx') as never), { task, outputs }, model, features)

describe('a finished model of several numbers', () => {
  it.each([
    ['regression', ['sum', 'difference'], sums],
    ['quantiles', ['0.1', '0.9'], ascending],
  ] as const)('of a %s answers its columns, and is served alike', async (task, outputs, expected) => {
    const opened = await open(task, outputs)
    expect([...(await opened.predict(rows))]).toEqual(expected)
    const session = await InferenceSession.create(opened.onnx())
    const { prediction } = await session.run({
      x: new Tensor('float32', rows.x, [4, 1]),
      y: new Tensor('float32', rows.y, [4, 1]),
    })
    expect(prediction?.dims).toEqual([4, 2])
    expect(Array.from(prediction?.data as Float32Array)).toEqual(expected)
    await opened.release()
  })

  it('has to have as many columns as numbers are wanted', async () => {
    const opened = await open('regression', ['a', 'b', 'c'])
    await expect(opened.predict(rows)).rejects.toMatchObject({
      message: expect.stringContaining('has 2 columns, and 3 numbers are wanted: a, b, c'),
    })
    await opened.release()
  })
})

const text = `import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const { SM_INPUT_CONFIG_DIR, SM_CHANNEL_TRAIN, SM_CHANNEL_VALIDATION, SM_MODEL_DIR, SM_OUTPUT_DATA_DIR, SM_HP_OFF } = process.env
const columns = JSON.parse(readFileSync(join(SM_INPUT_CONFIG_DIR, 'columns.json'), 'utf8'))
const [head, ...lines] = readFileSync(join(SM_CHANNEL_VALIDATION, 'validation.csv'), 'utf8').trimEnd().split('\\n')
const labels = columns.labels ?? [columns.label]
if (head !== ['x', 'y', ...labels].join()) throw new Error(head + JSON.stringify(columns))
const answers = lines.map((line) => {
  const [x, y] = line.split(',').map(Number)
  return [x + y, x - y + Number(SM_HP_OFF ?? 0)]
})
writeFileSync(join(SM_OUTPUT_DATA_DIR, 'predictions.csv'), answers.map((each) => each.join(',') + '\\n').join(''))
copyFileSync('given.onnx', join(SM_MODEL_DIR, 'model.onnx'))
`
const places: TestPlace[] = []
afterAll(() => {
  for (const place of places) place.remove()
})

function train(task: 'regression' | 'quantiles') {
  const place = placeFor({ 'train.mjs': text, 'given.onnx': model as never })
  places.push(place)
  const levels = task === 'quantiles' ? [0.1, 0.9] : undefined
  const labels = levels === undefined ? Float64Array.from(sums) : Float64Array.of(1, 2, 3, 4)
  const given = { features: [rows.x, rows.y], labels }
  return programLearner.train(
    {
      model: 'numbers',
      task,
      parameters: program({ command: ['node', 'train.mjs'], folder: './trainer', predictions: 'validation' }),
      seed: 1,
      inputs: features,
      outputs: levels?.map(String) ?? ['sum', 'difference'],
      levels,
      train: given,
      validation: given,
      threads: 1,
      place,
    },
    () => {},
  )
}

describe('a program of several numbers', () => {
  it('is told the targets, gets a label each, and says a number each', async () => {
    const { predictions } = await train('regression')
    expect([...predictions]).toEqual(sums)
    const told = JSON.parse(readFileSync(join(places.at(-1)?.root as string, 'input/config/columns.json'), 'utf8'))
    expect(told).toMatchObject({ labels: ['label:sum', 'label:difference'], outputs: ['sum', 'difference'] })
  })

  it('is told the levels of quantiles, and its own predictions are sorted as its model is', async () => {
    const { predictions } = await train('quantiles')
    expect([...predictions]).toEqual(ascending)
    const told = JSON.parse(readFileSync(join(places.at(-1)?.root as string, 'input/config/columns.json'), 'utf8'))
    expect(told).toMatchObject({ task: 'quantiles', label: 'label', quantiles: [0.1, 0.9] })
  })
})
