import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { byProgram } from '../../lib/learners/finished/brought.ts'
import { importanceOf } from '../../lib/learners/finished/importance.ts'
import { openFinished } from '../../lib/learners/finished/open.ts'
import { readModel } from '../../lib/learners/program/results.ts'
import {
  constant,
  constantAt,
  type GraphOf,
  loanModel,
  onnxFile,
  op,
  purposes,
  readBack,
  tensorValue,
  types,
} from '../support/finished-models.ts'
import { type ForeignGraph, foreignGraph } from '../support/foreign-graph.ts'
import { refusal, servedByProgram } from '../support/serve-finished.ts'

/*
 * A program's model is taken in as any finished model is; what is tried here is what only programs ask for: text as its
 * place among the values they were told of, float32 whatever the model takes, and advice for who exports it.
 */
const rows = {
  income: Float32Array.of(0.5, -1, Number.NaN, 3, 0),
  town: ['Ulm', 'Bonn', 'Bonn', null, 'Kiel'],
}
const categories = { town: ['Ulm', 'Bonn'] }
/**
 * The sigmoid of the sum, where a missing value and a text that is not known count as a quarter; texts by their places.
 */
const expected = [0.5 + 0, -1 + 1, 0.25 + 1, 3 + 0.25, 0 + 0.25].map((sum) => 1 / (1 + Math.exp(-sum)))

const adopted = (graph: Partial<ForeignGraph>, task: 'binary' | 'regression' = 'binary') =>
  servedByProgram(foreignGraph({ columns: 2, answer: 'probabilities', ...graph }), rows, categories, task)

describe('a model that a program exports', () => {
  it.each([
    ['float', 'probabilities', 'binary'],
    ['float', 'column', 'binary'],
    ['float', 'row', 'binary'],
    ['double', 'probabilities', 'binary'],
    ['double', 'column', 'binary'],
    ['double', 'row', 'binary'],
    ['float', 'column', 'regression'],
    ['float', 'row', 'regression'],
    ['double', 'column', 'regression'],
    ['double', 'row', 'regression'],
  ] as const)('answers what it answered: a matrix of %s, an answer as %s, %s', async (matrix, answer, task) => {
    const { answers, predictions, type, exact } = await adopted({ matrix, answer }, task)
    expect(type).toBe(task === 'regression' && matrix === 'double' ? 'float64' : 'float32')
    expect(exact.size).toBe(0)
    for (const [row, value] of expected.entries()) {
      expect(answers[row]).toBeCloseTo(value, 6)
      expect(predictions[row]).toBeCloseTo(value, 6)
    }
  })

  it('takes an input a feature, by its name, and answers probabilities or a number by theirs', async () => {
    for (const task of ['binary', 'regression'] as const) {
      const { wrapped } = await adopted({ answer: task === 'binary' ? 'probabilities' : 'row' }, task)
      const session = await InferenceSession.create(wrapped)
      expect([...session.inputNames].sort()).toEqual(['income', 'town'])
      expect(session.outputNames).toContain(task === 'binary' ? 'probabilities' : 'prediction')
      await session.release()
    }
  })

  it('may call its values as features and answers are called', async () => {
    for (const names of [
      { input: 'town', output: 'income' },
      { input: 'probabilities', output: 'prediction' },
      { input: 'given:town', output: 'made' },
      { input: 'constant', output: 'given:probabilities' },
      { input: 'whole matrix', output: 'probabilities' },
    ])
      for (const matrix of ['float', 'double'] as const)
        for (const answer of ['probabilities', 'row'] as const) {
          const { answers } = await adopted({ names, matrix, answer })
          expect(answers[0], JSON.stringify(names)).toBeCloseTo(expected[0] as number, 6)
        }
  })

  it('is the same bytes for the same model', async () => {
    const [one, other] = await Promise.all([adopted({}), adopted({})])
    expect(Buffer.compare(one.wrapped, other.wrapped)).toBe(0)
  })

  it('uses what it uses: shares by how much its answers move', async () => {
    const features = ['much', 'little', 'constant'].map((name) => ({ name, kind: 'number' as const }))
    const model = await openFinished(
      byProgram,
      { task: 'regression' },
      foreignGraph({ columns: 3, answer: 'row' }),
      features,
    )
    const columns = features.map(({ name }, i) => [
      name,
      Float32Array.from({ length: 5_000 }, (_, row) => ([1, 0.1, 0][i] as number) * Math.sin(row * (i + 1) * 12.9898)),
    ])
    const [much = 0, little = 0, none] = await importanceOf(model, features, Object.fromEntries(columns))
    await model.release()
    expect(much + little).toBeCloseTo(1, 9)
    expect(much).toBeGreaterThan(5 * little)
    expect(little).toBeGreaterThan(0)
    expect(none).toBe(0)
  })

  it('takes one input a column as well, of numbers and text, and answers the map of a ZipMap', async () => {
    const given = { income: Float32Array.of(20_000, 45_000), years: Float32Array.of(30, 40), purpose: ['car', 'boat'] }
    const { graph } = readBack(loanModel())
    const zipped = (years: number): Uint8Array =>
      onnxFile({
        ...graph,
        inputs: [graph.inputs[0], tensorValue('years', years, ['N', 1]), graph.inputs[2]],
        nodes: [
          ...graph.nodes,
          op('ZipMap', ['probabilities'], ['maps'], { classlabels_int64s: [0, 1] }, 'ai.onnx.ml'),
        ],
        outputs: [graph.outputs[0], { name: 'maps', type: { sequence: { of: {} } } }],
      })
    const { answers, predictions } = await servedByProgram(zipped(types.double), given, {}, 'binary')
    expect(answers).toEqual(predictions)
    for (const [row, answer] of answers.entries()) {
      const logit =
        (45_000 - (given.income[row] as number)) / 12_000 +
        (given.years[row] as number) / 1_000 -
        (purposes[given.purpose[row] as 'car'] ?? 0)
      expect(answer).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6)
    }
    expect(await refusal(servedByProgram(zipped(types.int64), given, {}, 'binary'))).toBe(
      'PROGRAM_FAILED model.onnx: its input "years" takes int64s, and it was trained on float32; ' +
        'export it with inputs of float32, float64 or text',
    )
  })

  it('keeps in files beside it what it likes, in its own folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-program-model-'))
    const model = (location: string): Uint8Array =>
      onnxFile({
        inputs: [tensorValue('x', types.float, ['N', 1])],
        nodes: [op('Mul', ['x', 'w'], ['y'])],
        constants: [constantAt('w', [1], { location, offset: 4, length: 4 })],
        outputs: [tensorValue('y', types.float, ['N', 1])],
      })
    writeFileSync(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(7, 3).buffer))
    writeFileSync(join(folder, 'model.onnx'), model('weights.bin'))
    const { answers } = await servedByProgram(await readModel(folder), { x: Float32Array.of(1, 2) })
    expect(answers).toEqual([3, 6])
    writeFileSync(join(folder, 'model.onnx'), model('../weights.bin'))
    expect(await refusal(readModel(folder))).toContain(
      'PROGRAM_FAILED model.onnx: its external data is at "../weights.bin", outside the folder it is in',
    )
  })
})

describe('a text that is taken as its place', () => {
  /** The place of a text, an unknown one as minus one, from an input of some type. */
  const placed = (element: number, more: Partial<GraphOf> = {}, opsets?: Readonly<Record<string, number>>) =>
    onnxFile(
      {
        inputs: [tensorValue('X', element, ['N', 1])],
        nodes: [
          op('Cast', ['X'], ['f'], { to: types.float }),
          op('IsNaN', ['f'], ['missing']),
          op('Where', ['missing', 'none', 'f'], ['y']),
          ...(more.nodes ?? []),
        ],
        constants: [constant('none', [1], Float32Array.of(-1)), ...(more.constants ?? [])],
        outputs: [tensorValue('y', types.float, ['N', 1])],
      },
      opsets && { opsets },
    )
  const towns = Array.from({ length: 1_000 }, (_, i) => `town ${i}, "${String.fromCodePoint(0xe0 + i)}"`)
  const texts = ['', ...towns.toReversed(), null, 'elsewhere']
  const known = ['', ...towns]
  const places = texts.map((town) => (town === null ? -1 : known.indexOf(town)))

  it.each(['float', 'float16', 'double'] as const)('has the place that it has in columns.json, in %s', async (type) => {
    const { answers, predictions } = await servedByProgram(placed(types[type]), { town: texts }, { town: known })
    expect(answers).toEqual(places)
    expect(predictions).toEqual(places)
  })

  it('may be one of which no value is known', async () => {
    const { answers } = await servedByProgram(placed(types.float), { town: [null, 'Ulm'] }, { town: [] })
    expect(answers).toEqual([-1, -1])
  })

  it.each([
    ['none of ai.onnx.ml', { '': 17 }, 2],
    ['ai.onnx.ml 1', { 'ai.onnx.ml': 1, '': 15 }, 2],
    ['ai.onnx.ml 2', { '': 13, 'ai.onnx.ml': 2 }, 2],
    ['ai.onnx.ml 4', { '': 17, 'ai.onnx.ml': 4 }, 4],
  ])('is given to operators of %s', async (_, opsets: Readonly<Record<string, number>>, version) => {
    const model = placed(types.float, {}, opsets)
    const { answers, wrapped } = await servedByProgram(model, { town: ['b', 'a', 'c'] }, { town: ['a', 'b'] })
    expect(answers).toEqual([1, 0, -1])
    const imports = readBack(wrapped).opsets.filter(({ domain }: { domain: string }) => domain === 'ai.onnx.ml')
    expect(imports).toEqual([{ domain: 'ai.onnx.ml', version }])
  })

  it('is refused where the graph has an older LabelEncoder, and only then', async () => {
    const encoder = op('LabelEncoder', ['X'], ['e'], { classes_strings: ['a'] }, 'ai.onnx.ml')
    const other = op('Scaler', ['f'], ['s'], { offset: Float32Array.of(1), scale: Float32Array.of(1) }, 'ai.onnx.ml')
    const opsets = { '': 15, 'ai.onnx.ml': 1 }
    const town = ['a', 'b']
    const old = onnxFile(
      {
        inputs: [tensorValue('X', types.string, ['N', 1]), tensorValue('town', types.float, ['N', 1])],
        nodes: [encoder, op('Identity', ['town'], ['y'])],
        outputs: [tensorValue('y', types.float, ['N', 1])],
      },
      { opsets },
    )
    expect(await refusal(servedByProgram(old, { X: town, town }, { X: town, town }))).toContain(
      'PROGRAM_FAILED model.onnx: it has a LabelEncoder of version 1 of ai.onnx.ml, too old for features of text',
    )
    const { answers } = await servedByProgram(placed(types.float, { nodes: [other] }, opsets), { town }, { town })
    expect(answers).toEqual([0, 1])
  })
})

describe('a model of a program that cannot be served', () => {
  const matrix = foreignGraph({ columns: 3, answer: 'probabilities' })
  const whole = foreignGraph({ columns: 2, answer: 'probabilities' })
  const named = (...outputs: string[]): Uint8Array =>
    onnxFile({
      inputs: [tensorValue('X', types.float, ['N', 2])],
      nodes: [op('Sigmoid', ['X'], ['s']), ...outputs.map((name) => op('ReduceMax', ['s'], [name], { axes: [1] }))],
      outputs: outputs.map((name) => tensorValue(name, types.float, ['N', 1])),
    })

  it.each([
    [
      'other columns than there are features',
      matrix,
      'its input "X" has 3 columns, and 2 features would feed it: income, town; export it with a column a feature, in the order of columns.json',
    ],
    [
      'two numbers where one is wanted',
      whole,
      'its output "scores" has 2 columns, and the score is one number; export it with one number a row',
    ],
    [
      'several answers',
      named('one', 'other'),
      '2 of its outputs may be the score: one, other; call the one that is meant probabilities or prediction',
    ],
    ['nothing', new Uint8Array(), 'this is no ONNX model: it has no graph'],
    ['text', Buffer.from('no model'), 'this is no ONNX model'],
    ['half a model', whole.subarray(0, 200), 'this is no ONNX model'],
  ])('is refused with what a program can do about it: %s', async (_, model, said) => {
    expect(await refusal(servedByProgram(model, rows, categories))).toContain(`PROGRAM_FAILED model.onnx: ${said}`)
  })

  it('is served where the answer that is meant is called as Slipway calls its own', async () => {
    for (const outputs of [
      ['raw', 'prediction'],
      ['probabilities', 'raw'],
    ]) {
      const x = Float32Array.of(0, 1)
      const { answers } = await servedByProgram(named(...outputs), { x, y: x }, {}, 'binary')
      expect(answers[0]).toBeCloseTo(0.5, 6)
    }
  })
})
