import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { adoptModel } from '../../lib/learners/onnx/adopt-model.ts'
import { rewriteMessage } from '../../lib/learners/onnx/rewrite.ts'
import { type ForeignGraph, foreignGraph } from '../support/foreign-graph.ts'

const inputs: readonly ModelInput[] = [
  { name: 'income', kind: 'number' },
  { name: 'town', kind: 'category', categories: ['Ulm', 'Bonn'] },
]
const rows: LearnerRows = {
  features: [Float32Array.of(0.5, -1, Number.NaN, 3), Float32Array.of(0, 1, 1, Number.NaN)],
  labels: new Float64Array(4),
}
/** The sigmoid of the sum, where a missing value counts as a quarter; texts by their places. */
const expected = [0.5 + 0, -1 + 1, 0.25 + 1, 3 + 0.25].map((sum) => 1 / (1 + Math.exp(-sum)))

async function adopted(graph: Partial<ForeignGraph>, task: 'binary' | 'regression' = 'binary') {
  const onnx = foreignGraph({ columns: 2, answer: 'probabilities', ...graph })
  const model = await adoptModel(onnx, { inputs, task, file: 'model.onnx' })
  const predictions = await model.score(rows)
  await model.release()
  return { model, predictions }
}

async function refusal(graph: Partial<ForeignGraph>, task: 'binary' | 'regression' = 'binary'): Promise<string> {
  return adopted(graph, task).then(
    () => 'nothing was refused',
    (error: Error) => error.message,
  )
}

describe('a model from outside', () => {
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
    const { predictions } = await adopted({ matrix, answer }, task)
    expect(predictions).toBeInstanceOf(task === 'regression' && matrix === 'double' ? Float64Array : Float32Array)
    predictions.forEach((value, row) => {
      expect(value).toBeCloseTo(expected[row] as number, 6)
    })
  })

  it('takes an input a feature, by its name, and two probabilities or a number by theirs', async () => {
    const { InferenceSession } = await import('onnxruntime-node')
    for (const task of ['binary', 'regression'] as const) {
      const { model } = await adopted({ answer: task === 'binary' ? 'probabilities' : 'row' }, task)
      const session = await InferenceSession.create(model.onnx)
      expect(session.inputNames).toEqual(['income', 'town'])
      expect(session.outputNames).toEqual([task === 'binary' ? 'probabilities' : 'prediction'])
      await session.release()
    }
  })

  it('may call its values as features and answers are called', async () => {
    for (const names of [
      { input: 'town', output: 'income' },
      { input: 'probabilities', output: 'prediction' },
      { input: 'program:matrix', output: 'code/town' },
      { input: 'program/matrix', output: 'program/given/X' },
      { input: 'whole matrix', output: 'probabilities' },
    ])
      for (const matrix of ['float', 'double'] as const)
        for (const answer of ['probabilities', 'row'] as const) {
          const { predictions } = await adopted({ names, matrix, answer })
          expect(predictions[0]).toBeCloseTo(expected[0] as number, 6)
        }
  })

  it('is the same bytes for the same model', async () => {
    const [one, other] = await Promise.all([adopted({}), adopted({})])
    expect(Buffer.compare(one.model.onnx, other.model.onnx)).toBe(0)
  })

  it('uses what it uses: shares by how much predictions change', async () => {
    const onnx = foreignGraph({ columns: 3, answer: 'row' })
    const three: ModelInput[] = ['much', 'little', 'constant'].map((name) => ({ name, kind: 'number' }))
    const model = await adoptModel(onnx, { inputs: three, task: 'regression', file: 'model.onnx' })
    const features = [1, 0.1, 0].map((scale, i) =>
      Float32Array.from({ length: 5_000 }, (_, row) => scale * Math.sin(row * (i + 1) * 12.9898)),
    )
    const [much = 0, little = 0, constant] = await model.importance({ features, labels: new Float64Array(5_000) }, 3)
    await model.release()
    expect(much + little).toBeCloseTo(1, 9)
    expect(much).toBeGreaterThan(5 * little)
    expect(little).toBeGreaterThan(0)
    expect(constant).toBe(0)
  })

  it('is refused with what it takes and what there is', async () => {
    expect(await refusal({ columns: 3 })).toBe(
      'model.onnx: it takes X float32 [rows, 3]; there are 2 features, income, town',
    )
  })

  it('is refused where it answers two numbers and one is wanted', async () => {
    expect(await refusal({}, 'regression')).toBe('model.onnx: none of its outputs is a number a row: scores')
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('no model')],
    ['half a model', foreignGraph({ columns: 2, answer: 'row' }).subarray(0, 200)],
  ])('is refused where it is %s', async (_, bytes) => {
    await expect(adoptModel(bytes, { inputs, task: 'binary', file: 'm.onnx' })).rejects.toThrow(
      /^m\.onnx: (ONNX Runtime refuses it|it takes)/,
    )
  })
})

describe('a message that is written anew', () => {
  it('is the same where nothing changes, whatever is in it', () => {
    const field = fc.record({ number: fc.integer({ min: 1, max: 3_000 }), bytes: fc.uint8Array({ maxLength: 300 }) })
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const message = Buffer.concat(
          fields.map(({ number, bytes }) =>
            Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes, varint(number * 8), varint(300)]),
          ),
        )
        const same = rewriteMessage(
          message,
          Object.fromEntries(fields.map(({ number }) => [number, (value: Uint8Array) => value])),
        )
        expect(Buffer.compare(same, message)).toBe(0)
        const without = rewriteMessage(
          message,
          Object.fromEntries(fields.map(({ number }) => [number, () => undefined])),
        )
        expect(without.length).toBe(fields.reduce((sum, { number }) => sum + varint(number * 8).length + 2, 0))
      }),
    )
  })

  it('is refused where it ends too early', () => {
    for (const bytes of [[10, 5, 1], [10], [8, 255], [13, 1]])
      expect(() => rewriteMessage(Uint8Array.from(bytes), {})).toThrow('the message ends')
  })
})

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
