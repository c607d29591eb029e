import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { compileModel } from '../../lib/compiler/compile.ts'
import type { Feature } from '../../lib/code/run-features.ts'
import { onnx } from '../../lib/definition/index.ts'
import type { OnnxLearner } from '../../lib/formats/learner.ts'
import { readModelFile } from '../../lib/jobs/model-files.ts'
import { fromHalf, halfOf } from '../../lib/learners/finished/elements.ts'
import { openFinished } from '../../lib/learners/finished/open.ts'
import {
  constant,
  constantAt,
  type GraphOf,
  loanModel,
  onnxFile,
  op,
  readBack,
  tensorValue,
  types,
} from '../support/finished-models.ts'

type Options = Parameters<typeof onnx>[1]
const options = (given: Options = {}): OnnxLearner => onnx('m.onnx', given)
type Rows = Readonly<Record<string, Feature>>

/** A model opened for rows, what it says of them as it was given, and what it says as Slipway serves it. */
async function served(model: Uint8Array, rows: Rows, given: Options = {}, task: 'binary' | 'regression' = 'regression') {
  const features = Object.entries(rows).map(([name, values]) => ({
    name,
    kind: ArrayBuffer.isView(values) ? ('number' as const) : ('category' as const),
  }))
  const finished = await openFinished(options(given), task, model, features)
  const predictions = await finished.predict(rows)
  const wrapped = finished.onnx()
  await finished.release()
  const session = await InferenceSession.create(wrapped, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const count = predictions.length
  const feeds = Object.entries(rows).map(([name, values]) => {
    if (!ArrayBuffer.isView(values)) return [name, new Tensor('string', values as string[], [count, 1])]
    return finished.exact.has(name)
      ? [name, new Tensor('float64', Float64Array.from(values as Float64Array), [count, 1])]
      : [name, new Tensor('float32', Float32Array.from(values as Float64Array), [count, 1])]
  })
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  const output = (task === 'binary' ? results.probabilities : results.prediction) as Tensor
  expect(output.dims).toEqual([count, task === 'binary' ? 2 : 1])
  const data = Array.from(output.data as ArrayLike<number>)
  const answers = task === 'binary' ? data.filter((_, i) => i % 2 === 1) : data
  return { predictions: Array.from(predictions), answers, wrapped, exact: finished.exact, type: output.type, results }
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'served',
    (error) => `${error.code} ${error.message}; ${error.facts?.next}`,
  )

describe('models of converters', () => {
  const folder = new URL('../compiler/models/', import.meta.url)
  const rows = (columns: number): Rows =>
    Object.fromEntries(
      Array.from({ length: columns }, (_, i) => [
        `f${i}`,
        Float64Array.from({ length: 5_000 }, (_, row) => ((row * 7919 * (i + 1)) % 1_000) / 250 - 2),
      ]),
    )

  it.each([
    ['lightgbm-binary.onnx', 'probabilities', 1],
    ['lightgbm-regression.onnx', 'variable', 0],
    ['sklearn-random-forest-binary.onnx', 'probabilities', 1],
    ['sklearn-hist-gradient-boosting-regression.onnx', 'variable', 0],
    ['xgboost-binary.onnx', 'probabilities', 1],
    ['sklearn-random-forest-multiclass.onnx', 'probabilities', 2],
  ])('%s answers as it was given, and its trees are compiled', async (file, output, column) => {
    const model = readFileSync(new URL(file, folder))
    const given = rows(5)
    const { answers, wrapped } = await served(model, given, { class: column })
    const session = await InferenceSession.create(model, { intraOpNumThreads: 1 })
    const matrix = Float32Array.from({ length: 25_000 }, (_, i) => given[`f${i % 5}`]?.[Math.floor(i / 5)] as number)
    const result = (await session.run({ X: new Tensor('float32', matrix, [5_000, 5]) }, [output]))[output] as Tensor
    const width = result.dims[1] as number
    expect(answers).toEqual(Array.from({ length: 5_000 }, (_, row) => result.data[row * width + column]))
    expect(new Set(answers).size).toBeGreaterThan(10)
    await expect(compileModel(wrapped)).resolves.toBeDefined()
  })

  it.each(['lightgbm-binary-zipmap.onnx', 'sklearn-random-forest-binary-zipmap.onnx'])(
    '%s answers the probability of a class by its name',
    async (file) => {
      const model = readFileSync(new URL(file, folder))
      const [one, zero, usual] = await Promise.all(
        [{ class: 1 }, { class: '0' }, {}].map((given) => served(model, rows(5), given, 'binary')),
      )
      expect(one?.answers).toEqual(one?.predictions)
      expect(zero?.answers).toEqual(zero?.predictions)
      expect(usual?.answers).toEqual(one?.answers)
      one?.answers.forEach((answer, row) => {
        expect(answer + (zero?.answers[row] as number)).toBeCloseTo(1, 6)
      })
      expect(await refusal(served(model, rows(5), { class: 'maybe' }, 'binary'))).toMatch(
        /^MODEL_INVALID m\.onnx: its output ".*" has no class "maybe"; its classes are 0, 1$/,
      )
    },
  )

  it('is given float64 where it takes float64, and answers for the last bit of it', async () => {
    const model = onnxFile({
      inputs: [tensorValue('X', types.double, ['N', 2])],
      nodes: [op('Sub', ['X', 'c'], ['d']), op('ReduceSum', ['d', 'axis'], ['y'], { keepdims: 1 })],
      constants: [constant('c', [2], Float64Array.of(1e9, 0.1)), constant('axis', [1], BigInt64Array.of(1n))],
      outputs: [tensorValue('y', types.double, ['N', 1])],
    })
    const a = Float64Array.of(1e9 + 0.25, 1e9 - 1, 1e9)
    const { answers, predictions, exact, type } = await served(model, { a, b: Float64Array.of(0.1, 0.1, 0.2) })
    expect([...exact].sort()).toEqual(['a', 'b'])
    expect(type).toBe('float64')
    expect(answers).toEqual([0.25, -1, 0.1])
    expect(predictions).toEqual(answers)
  })
})

describe('inputs', () => {
  const numbers = Float64Array.of(0, 1, 2, 3, 100)
  /** Twice the number, from an input of some type. */
  const twice = (element: number, shape?: readonly (number | string)[]) =>
    onnxFile({
      inputs: [tensorValue('x', element, shape)],
      nodes: [op('Cast', ['x'], ['f'], { to: types.float }), op('Add', ['f', 'f'], ['y'])],
      outputs: [tensorValue('y', types.float, shape)],
    })

  it.each(Object.entries(types).filter(([name]) => !['string', 'bool'].includes(name)))(
    'of %s are given what they hold, [rows] and [rows, 1]',
    async (_, element) => {
      for (const shape of [['N', 1], ['N'], ['N', 'K'], undefined]) {
        const { answers, predictions } = await served(twice(element, shape), { x: numbers })
        expect(answers).toEqual([0, 2, 4, 6, 200])
        expect(predictions).toEqual(answers)
      }
    },
  )

  it('of int64 keep every digit that float64 has', async () => {
    const large = 2 ** 53 - 1
    const model = onnxFile({
      inputs: [tensorValue('id', types.int64, ['N', 1])],
      nodes: [op('Sub', ['id', 'c'], ['d']), op('Cast', ['d'], ['y'], { to: types.float })],
      constants: [constant('c', [1], BigInt64Array.of(BigInt(large - 7)))],
      outputs: [tensorValue('y', types.float, ['N', 1])],
    })
    const { answers } = await served(model, { id: Float64Array.of(large, large - 1, large - 7) })
    expect(answers).toEqual([7, 6, 0])
  })

  it.each([
    ['a fraction', types.int64, 2.5, '2.5 in row 3, and its input "x" takes int64s'],
    ['a missing number', types.int32, Number.NaN, 'NaN in row 3, and its input "x" takes int32s'],
    ['more than it holds', types.uint8, 256, '256 in row 3, and its input "x" takes uint8s'],
    ['a 2', types.bool, 2, '2 in row 3, and its input "x" takes truth values'],
  ])('of whole numbers refuse %s, with its row', async (_, element, value, said) => {
    const x = Float64Array.of(0, 1, value)
    expect(await refusal(served(twice(element, ['N', 1]), { x }))).toContain(`the feature "x" is ${said}`)
  })

  it('of one column each, of numbers and text, take the features of their names or those that are named', async () => {
    const rows = {
      income: Float64Array.of(20_000, 45_000, 70_000, 30_000),
      age: Float64Array.of(30, 40, 50, 60),
      purpose: ['car', 'travel', 'boat', ''],
    }
    const { answers } = await served(loanModel(), rows, { inputs: { years: 'age' } }, 'binary')
    const weight: Record<string, number> = { car: 0.4, travel: -1.2 }
    answers.forEach((answer, row) => {
      const logit =
        (45_000 - (rows.income[row] as number)) / 12_000 +
        (rows.age[row] as number) / 1_000 -
        (weight[rows.purpose[row] as string] ?? 0)
      expect(answer).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6)
    })
  })

  it('of a matrix take their columns in the order that is named', async () => {
    const model = onnxFile({
      inputs: [tensorValue('X', types.float, ['N', 2])],
      nodes: [op('MatMul', ['X', 'W'], ['y'])],
      constants: [constant('W', [2, 1], Float32Array.of(1, 100))],
      outputs: [tensorValue('y', types.float, ['N', 1])],
    })
    const rows = { a: Float64Array.of(1, 2), b: Float64Array.of(3, 4) }
    expect((await served(model, rows)).answers).toEqual([301, 402])
    expect((await served(model, rows, { inputs: { X: ['b', 'a'] } })).answers).toEqual([103, 204])
    expect((await served(model, rows, { inputs: { X: ['a', 'a'] } }).catch((error) => error)).message).toBe(
      'm.onnx: the feature "b" feeds none of its inputs',
    )
  })

  it('may have constants for defaults, as models of ONNX IR 3 list them', async () => {
    const graph = {
      inputs: [tensorValue('x', types.float, ['N', 1]), tensorValue('two', types.float, [1])],
      nodes: [op('Mul', ['x', 'two'], ['y'])],
      constants: [constant('two', [1], Float32Array.of(2))],
      outputs: [tensorValue('y', types.float, ['N', 1])],
    }
    const model = onnxFile(graph, { ir: 3, opsets: { '': 7 } })
    expect((await served(model, { x: numbers })).answers).toEqual([0, 2, 4, 6, 200])
  })
})

describe('names', () => {
  it('of features may be those of anything in the model, in graphs within it too', async () => {
    const inner = (factor: string) => ({
      nodes: [op('Mul', ['b', factor], ['prediction'])],
      name: 'branch',
      outputs: [tensorValue('prediction', types.float, ['N', 1])],
    })
    const model = onnxFile({
      // What is fed by "a" is called as the feature "b" is, and something in between as "a".
      inputs: [tensorValue('b', types.float, ['N', 1]), tensorValue('x', types.float, ['N', 1])],
      nodes: [
        op('ReduceSum', ['x'], ['sum'], { keepdims: 0 }),
        op('Greater', ['sum', 'zero'], ['a']),
        op('If', ['a'], ['label'], { then_branch: inner('ten'), else_branch: inner('hundred') }),
      ],
      constants: [
        constant('zero', [], Float32Array.of(0)),
        constant('ten', [1], Float32Array.of(10)),
        constant('hundred', [1], Float32Array.of(100)),
      ],
      outputs: [tensorValue('label', types.float, ['N', 1])],
    })
    const a = Float64Array.of(1, 2, 3)
    const given = { inputs: { b: 'a', x: 'b' } }
    expect((await served(model, { a, b: Float64Array.of(1, 1, 1) }, given)).answers).toEqual([10, 20, 30])
    expect((await served(model, { a, b: Float64Array.of(-1, -1, -1) }, given)).answers).toEqual([100, 200, 300])
  })

  it('stay as they are where they are not in the way, and so does all else of the model', async () => {
    const { wrapped } = await served(
      loanModel(),
      { income: Float64Array.of(1), years: Float64Array.of(30), purpose: ['car'] },
      {},
      'binary',
    )
    const [before, after] = [readBack(loanModel()), readBack(wrapped)]
    expect(after.metadata).toEqual(before.metadata)
    expect(after.opsets).toEqual(before.opsets)
    expect(after.graph.constants.slice(0, 3)).toEqual(before.graph.constants)
    const kept = after.graph.nodes.filter(({ name }: { name?: string }) => !name)
    expect(kept.map(({ operator }: { operator: string }) => operator)).toEqual(
      before.graph.nodes.map(({ operator }: { operator: string }) => operator),
    )
  })
})

describe('outputs', () => {
  const model = (outputs: GraphOf['outputs'], nodes: GraphOf['nodes']) =>
    onnxFile({ inputs: [tensorValue('x', types.float, ['N', 1])], nodes, outputs })
  const x = Float64Array.of(0.25, 0.5)

  it.each([
    ['float16', types.float16, 'float32'],
    ['float32', types.float, 'float32'],
    ['float64', types.double, 'float64'],
  ] as const)('of %s answer in %s', async (_, element, type) => {
    const made = model([tensorValue('y', element, ['N', 1])], [op('Cast', ['x'], ['y'], { to: element })])
    const { answers, predictions, type: answered } = await served(made, { x })
    expect(answers).toEqual([0.25, 0.5])
    expect(predictions).toEqual(answers)
    expect(answered).toBe(type)
    const { answers: probabilities, type: always } = await served(made, { x }, {}, 'binary')
    expect(probabilities).toEqual([0.25, 0.5])
    expect(always).toBe('float32')
  })

  it('of [rows] are one score a row', async () => {
    const made = model(
      [tensorValue('y', types.float, ['N'])],
      [op('ReduceMax', ['x'], ['y'], { axes: [1], keepdims: 0 })],
    )
    expect((await served(made, { x })).answers).toEqual([0.25, 0.5])
    const { results } = await served(made, { x: Float64Array.of(0.25, 0.75) }, {}, 'binary')
    expect([...((results.label as Tensor).data as BigInt64Array)]).toEqual([0n, 1n])
  })

  it('of several columns answer with the one that is named', async () => {
    const made = model([tensorValue('y', types.float, ['N', 3])], [op('Concat', ['x', 'x', 'x'], ['x3'], { axis: 1 }), op('CumSum', ['x3', 'one'], ['y'])])
    const withAxis = readBack(made)
    withAxis.graph.constants = [constant('one', [], BigInt64Array.of(1n))]
    const bytes = onnxFile(withAxis.graph)
    for (const column of [0, 1, 2])
      expect((await served(bytes, { x }, { class: column })).answers).toEqual([...x].map((each) => each * (column + 1)))
    expect(await refusal(served(bytes, { x }))).toBe(
      'MODEL_INVALID m.onnx: its output "y" has 3 columns, and the score is one number; say which: class: 1',
    )
    expect(await refusal(served(bytes, { x }, { class: 3 }))).toContain('has no column 3; its columns are 0 to 2')
  })

  it('that are several are chosen by name', async () => {
    const made = model(
      [tensorValue('y', types.float, ['N', 1]), tensorValue('z', types.float, ['N', 1])],
      [op('Identity', ['x'], ['y']), op('Neg', ['x'], ['z'])],
    )
    expect((await served(made, { x }, { output: 'z' })).answers).toEqual([-0.25, -0.5])
    expect(await refusal(served(made, { x }))).toBe(
      "MODEL_INVALID m.onnx: 2 of its outputs may be the score: y, z; say which: output: 'y'",
    )
    expect(await refusal(served(made, { x }, { output: 'w' }))).toContain('it has no output "w"; its outputs are y, z')
  })

  it.each([
    ['labels', types.int64, 'labels (int64)'],
    ['truth values', types.bool, 'truth values'],
  ])('of %s are no scores', async (_, element, words) => {
    const made = model([tensorValue('y', element, ['N', 1])], [op('Cast', ['x'], ['y'], { to: element })])
    expect(await refusal(served(made, { x }))).toContain(`none of its outputs can be a score: "y" is ${words}`)
    expect(await refusal(served(made, { x }, { output: 'y' }))).toContain('its output "y" cannot be a score')
  })

  it('of a sequence that no ZipMap made are none either', async () => {
    const made = model(
      [{ name: 'y', type: { sequence: { of: tensorValue('', types.float, ['N', 1]).type } } }],
      [op('SequenceConstruct', ['x'], ['y'])],
    )
    expect(await refusal(served(made, { x }))).toContain('"y" is of kind sequence, which no ZipMap made')
  })

  it('of a binary task are probabilities, and of all tasks numbers', async () => {
    const made = model([tensorValue('y', types.float, ['N', 1])], [op('Log', ['x'], ['y'])])
    expect(await refusal(served(made, { x: Float64Array.of(1, 20) }, {}, 'binary'))).toMatch(
      /its output "y" is 2\.99\d* in row 2, which is no probability/,
    )
    expect(await refusal(served(made, { x: Float64Array.of(1, 0) }))).toContain('its output "y" is -Infinity in row 2')
  })

  it('of another number of rows than were asked about are refused', async () => {
    const made = model(
      [tensorValue('y', types.float, ['M', 1])],
      [op('ReduceSum', ['x'], ['y'], { keepdims: 1 })],
    )
    expect(await refusal(served(made, { x }))).toContain('its output "y" is [1, 1] for 2 rows')
  })
})

describe('features that do not fit', () => {
  const x = Float64Array.of(1)
  const two = onnxFile({
    inputs: [tensorValue('income', types.float, ['N', 1]), tensorValue('town', types.string, ['N', 1])],
    nodes: [
      op('LabelEncoder', ['town'], ['t'], { keys_strings: ['Ulm'], values_floats: Float32Array.of(1) }, 'ai.onnx.ml'),
      op('Add', ['income', 't'], ['y']),
    ],
    outputs: [tensorValue('y', types.float, ['N', 1])],
  })
  const matrix = (shape: readonly (number | string)[]) =>
    onnxFile({
      inputs: [tensorValue('X', types.float, shape)],
      nodes: [op('Identity', ['X'], ['y'])],
      outputs: [tensorValue('y', types.float, shape)],
    })

  it.each([
    ['no feature of its name', two, { incomes: x, town: ['a'] }, {}, 'no feature feeds its input "income"; did you mean "incomes"?'],
    ['a name that is not made', two, { salary: x, town: ['a'] }, { inputs: { income: 'sallary' } }, '"sallary", which is to feed its input "income", is not made; did you mean "salary"?'],
    ['an input that there is not', two, { income: x, town: ['a'] }, { inputs: { incom: 'income' } }, 'it has no input "incom"; did you mean "income"?'],
    ['text for numbers', two, { income: ['a'], town: ['a'] }, {}, 'its input "income" takes float32 numbers, and the feature "income" is text'],
    ['numbers for text', two, { income: x, town: x }, {}, 'its input "town" takes text, and the feature "town" is numbers'],
    ['one feature too many', two, { income: x, town: ['a'], age: x }, {}, 'the feature "age" feeds none of its inputs'],
    ['too few columns', matrix(['N', 3]), { a: x, b: x }, {}, 'its input "X" has 3 columns, and 2 features would feed it: a, b'],
    ['one row at a time', matrix([1, 1]), { a: x }, {}, 'its input "X" takes exactly 1 row at a time'],
    ['an image', matrix(['N', 3, 224, 224]), { a: x }, {}, 'its input "X" has 4 axes'],
  ] as [string, Uint8Array, Rows, Options, string][])('are refused: %s', async (_, model, rows, given, said) => {
    expect(await refusal(served(model, rows, given))).toContain(`MODEL_INVALID m.onnx: ${said}`)
  })
})

describe('float16', () => {
  it('is the nearest there is, as ONNX Runtime has it', async () => {
    const model = onnxFile({
      inputs: [tensorValue('x', types.float, ['N'])],
      nodes: [op('Cast', ['x'], ['y'], { to: types.float16 })],
      outputs: [tensorValue('y', types.float16, ['N'])],
    })
    const session = await InferenceSession.create(model)
    await fc.assert(
      fc.asyncProperty(fc.float32Array({ minLength: 1, noNaN: true }), async (values) => {
        const { data } = (await session.run({ x: new Tensor('float32', values, [values.length]) })).y as Tensor
        const { buffer, byteOffset } = data as Uint16Array
        expect(Array.from(values, halfOf)).toEqual([...new Uint16Array(buffer, byteOffset, values.length)])
      }),
    )
  })

  it('is read as it was written, all of them', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = fromHalf(bits)
      if (!Number.isNaN(value)) expect(halfOf(value)).toBe(bits)
    }
  })
})

describe('a file', () => {
  const graph = {
    inputs: [tensorValue('x', types.float, ['N', 1])],
    nodes: [op('Mul', ['x', 'w'], ['y'])],
    outputs: [tensorValue('y', types.float, ['N', 1])],
  }
  const folderWith = (files: Readonly<Record<string, Uint8Array | string>>): string => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-onnx-'))
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    return folder
  }
  const external = (place: Readonly<Record<string, string | number>>) =>
    onnxFile({ ...graph, constants: [constantAt('w', [1], place)] })
  const bytes = new Uint8Array(Float32Array.of(7, 3).buffer)
  const read = (folder: string) => readModelFile(folder, options())

  it('with external data is the same file as one that holds it', async () => {
    const folder = folderWith({ 'm.onnx': external({ location: 'w.bin', offset: 4, length: 4 }), 'w.bin': bytes })
    const model = await read(folder)
    expect((await served(model, { x: Float64Array.of(1, 2) })).answers).toEqual([3, 6])
    const [w] = readBack(model).graph.constants
    expect(w).toMatchObject({ name: 'w', dims: [1], type: types.float })
    expect(w.location).toBe(undefined)
    // What lies elsewhere in another place is the same model.
    const moved = folderWith({ 'm.onnx': external({ location: 'v.bin', offset: 0 }), 'v.bin': bytes.slice(4) })
    expect(Buffer.compare(await read(moved), model)).toBe(0)
  })

  it.each([
    ['missing', { location: 'w.bin' }, 'its external data "w.bin" is not there'],
    ['outside its folder', { location: '../w.bin' }, 'its external data is at "../w.bin", outside the folder it is in'],
    ['at an absolute path', { location: '/etc/hostname' }, 'its external data is at "/etc/hostname", outside'],
    ['behind a link that leads out', { location: 'link.bin' }, 'its external data is at "link.bin", outside'],
    ['too short', { location: 'short.bin', offset: 0, length: 4 }, 'its external data "short.bin" has 2 bytes, and a constant is at 0 to 4'],
  ])('with external data that is %s is refused', async (_, place, said) => {
    const folder = folderWith({ 'm.onnx': external(place), 'short.bin': bytes.slice(0, 2) })
    symlinkSync('/etc/hostname', join(folder, 'link.bin'))
    expect(await refusal(read(folder))).toContain(`MODEL_INVALID m.onnx: ${said}`)
  })

  const good = onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] })
  it.each([
    ['nothing', '', 'it is empty (0 bytes)'],
    ['text', 'not a model at all, but a sentence', 'this is no ONNX model'],
    ['half of one', good.slice(0, good.length / 2), 'this is no ONNX model'],
    ['an operator nobody knows', onnxFile({ ...graph, nodes: [op('Frobnicate', ['x'], ['y'])] }), 'ONNX Runtime does not know its operator Frobnicate'],
    ['an operator of somebody', onnxFile({ ...graph, nodes: [op('Fold', ['x'], ['y'], {}, 'com.acme')] }, { opsets: { '': 17, 'com.acme': 1 } }), 'ONNX Runtime does not know its operator Fold of com.acme'],
    ['operators of the future', onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] }, { opsets: { '': 99 } }), 'it needs version 99 of the operators of ai.onnx, and ONNX Runtime here knows them up to'],
    ['operators of long ago', onnxFile({ ...graph, nodes: [op('Abs', ['x'], ['y'])] }, { opsets: { '': 6 } }), 'it is of version 6 of the operators of ai.onnx'],
    ['a format of the future', onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] }, { ir: 99 }), 'its format is ONNX IR 99'],
    ['a value that nothing makes', onnxFile({ ...graph, constants: [] }), 'ONNX Runtime cannot load it: '],
  ])('of %s is refused by name', async (_, content, said) => {
    const refused = await refusal(read(folderWith({ 'm.onnx': content })))
    expect(refused).toContain(`MODEL_INVALID m.onnx: ${said}`)
    expect(refused).not.toContain('onnxruntime_src')
  })

  it('that is not there is refused by name', async () => {
    expect(await refusal(read(folderWith({})))).toContain('MODEL_INVALID m.onnx: there is no such file')
  })

  it('whose bytes were changed anywhere is served or refused, and never more than that', async () => {
    const whole = loanModel()
    const rows = { income: Float64Array.of(1), years: Float64Array.of(30), purpose: ['car'] }
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = whole.slice()
        changed[at] = (changed[at] as number) ^ change
        const folder = folderWith({ 'm.onnx': changed })
        expect(await refusal(read(folder).then((model) => served(model, rows, {}, 'binary')))).toMatch(
          /^(served|MODEL_INVALID m\.onnx: )/,
        )
      }),
      { numRuns: 150 },
    )
  })
})
