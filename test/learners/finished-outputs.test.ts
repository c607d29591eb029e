import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { compileModel } from '../../lib/compiler/compile.ts'
import { onnx } from '../../lib/definition/index.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { constant, type GraphOf, onnxFile, op, readBack, tensorValue, types } from '../support/finished-models.ts'
import { makeLocalModel } from '../support/local-model.ts'
import { proveCompiledModel } from '../support/prove.ts'
import { type Rows, refusal, served } from '../support/serve-finished.ts'

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

  it('keep their compiled trees only once those are proven on rows of a table', async () => {
    const { model, table, folder: local } = await makeLocalModel('binary')
    const { wrapped } = await served(readFileSync(new URL('lightgbm-binary.onnx', folder)), rows(5), {}, 'binary')
    writeFileSync(join(local, 'given.onnx'), wrapped)
    const code = `module.exports.default = ({ x, y }) => ({ f0: x, f1: y, f2: x, f3: y, f4: x })`
    writeFileSync(join(local, 'given.js'), code)
    const facts: ModelFacts = {
      ...model.facts,
      learner: onnx('given.onnx'),
      features: Object.keys(rows(5)).map((name) => ({ name, kind: 'number' })),
      featureCode: { name: 'features', digest: digestOf(code), host: {} },
    }
    const given = { ...model, facts, onnxFile: join(local, 'given.onnx'), codeFile: join(local, 'given.js') }
    const report = await proveCompiledModel({ model: given, table, folder: local })
    expect(report).toMatchObject({ status: 'proven', proof: { tableRows: table.rows, fuzzRows: 303_104 } })
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
    const made = model(
      [tensorValue('y', types.float, ['N', 3])],
      [op('Concat', ['x', 'x', 'x'], ['x3'], { axis: 1 }), op('CumSum', ['x3', 'one'], ['y'])],
    )
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
    const made = model([tensorValue('y', types.float, ['M', 1])], [op('ReduceSum', ['x'], ['y'], { keepdims: 1 })])
    expect(await refusal(served(made, { x }))).toContain('its output "y" is [1, 1] for 2 rows')
  })
})
