import { describe, expect, it } from 'vitest'
import { constant, loanModel, onnxFile, op, readBack, tensorValue, types } from '../support/finished-models.ts'
import { type Options, type Rows, refusal, served } from '../support/serve-finished.ts'

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

  it('of nodes may be those that Slipway calls its own by', async () => {
    const named = (name: string, ...node: Parameters<typeof op>) => ({ ...op(...node), name })
    const model = onnxFile({
      inputs: [tensorValue('X', types.float, ['N', 2])],
      nodes: [
        named('prediction', 'Neg', ['X'], ['minus']),
        named('made', 'Neg', ['minus'], ['plus']),
        named('X', 'MatMul', ['plus', 'ones'], ['prediction']),
        named('given:X', 'Identity', ['prediction'], ['unused']),
      ],
      constants: [constant('ones', [2, 1], Float32Array.of(1, 1))],
      outputs: [tensorValue('prediction', types.float, ['N', 1])],
    })
    const a = Float64Array.of(0, 1, 2)
    expect((await served(model, { a, b: a })).answers).toEqual([0, 2, 4])
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
    [
      'no feature of its name',
      two,
      { incomes: x, town: ['a'] },
      {},
      'no feature feeds its input "income"; did you mean "incomes"?',
    ],
    [
      'a name that is not made',
      two,
      { salary: x, town: ['a'] },
      { inputs: { income: 'sallary' } },
      'the feature "sallary", which is to feed its input "income", is not made; did you mean "salary"?',
    ],
    [
      'an input that there is not',
      two,
      { income: x, town: ['a'] },
      { inputs: { incom: 'income' } },
      'it has no input "incom"; did you mean "income"?',
    ],
    [
      'text for numbers',
      two,
      { income: ['a'], town: ['a'] },
      {},
      'its input "income" takes float32 numbers, and the feature "income" is text',
    ],
    [
      'numbers for text',
      two,
      { income: x, town: x },
      {},
      'its input "town" takes text, and the feature "town" is numbers',
    ],
    ['one feature too many', two, { income: x, town: ['a'], age: x }, {}, 'the feature "age" feeds none of its inputs'],
    [
      'too few columns',
      matrix(['N', 3]),
      { a: x, b: x },
      {},
      'its input "X" has 3 columns, and 2 features would feed it: a, b',
    ],
    ['one row at a time', matrix([1, 1]), { a: x }, {}, 'its input "X" takes exactly 1 row at a time'],
    ['an image', matrix(['N', 3, 224, 224]), { a: x }, {}, 'its input "X" has 4 axes'],
  ] as [string, Uint8Array, Rows, Options, string][])('are refused: %s', async (_, model, rows, given, said) => {
    expect(await refusal(served(model, rows, given))).toContain(`MODEL_INVALID m.onnx: ${said}`)
  })
})
