import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import type { TensorSpec } from '../../lib/formats/tensors.ts'
import { refusalOf } from '../../lib/models/tensors/refusal.ts'
import { constant, onnxFile, op, tensorValue, types } from '../support/finished-models.ts'
import { textEncoder } from '../support/tensor-models.ts'

/*
 * What ONNX Runtime says of indices and sizes that a graph has no answer to: it is known by its words, so a version of
 * it that says it otherwise has to fail here.
 */
const table = constant('P', [5], Float32Array.of(1, 2, 3, 4, 5))
const one = constant('one', [1], BigInt64Array.of(1n))
const cast = op('Cast', ['x'], ['f'], { to: types.float })

/** What is said of whole numbers that a graph of one input takes. */
async function said(
  nodes: object[],
  x: readonly number[],
  { shape = ['n'] as TensorSpec['shape'], constants = [table] } = {},
) {
  const model = onnxFile({
    inputs: [tensorValue('x', types.int64, ['n'])],
    nodes: nodes as never,
    constants,
    outputs: [tensorValue('y', types.float, ['m'])],
  })
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 })
  const data = BigInt64Array.from(x, BigInt)
  const error = await session.run({ x: new Tensor('int64', data, [x.length]) }).then(
    () => '',
    ({ message }: Error) => message,
  )
  await session.release()
  expect(error).not.toBe('')
  return refusalOf(error, { inputs: [{ name: 'x', datatype: 'INT64', shape }] }, { x: { shape: [x.length], data } })
}

describe('a request that a graph has no answer to', () => {
  it.each([
    [
      'Gather',
      [op('Gather', ['P', 'x'], ['y'], { axis: 0 })],
      'input "x" holds 7, and the model looks it up in a table of indices [-5,4]',
    ],
    [
      'GatherElements',
      [op('GatherElements', ['P', 'x'], ['y'], { axis: 0 })],
      'an index is out of range, and the model looks it up in a table that ends before',
    ],
    [
      'GatherND',
      [op('Unsqueeze', ['x', 'one'], ['u']), op('GatherND', ['P', 'u'], ['y'])],
      'input "x" holds 7, and the model looks it up in a table that ends before',
    ],
    [
      'ScatterElements',
      [cast, op('ScatterElements', ['P', 'x', 'f'], ['y'], { axis: 0 })],
      'input "x" holds 7, and the model looks it up in a table of indices [-5,4]',
    ],
  ])('is told by the index: %s', async (_, nodes, expected) => {
    expect(await said(nodes, [1, 7, 2], { constants: [table, one] })).toBe(expected)
  })

  it.each([
    ['Add', [cast, op('Add', ['f', 'P'], ['y'])], [table]],
    ['MatMul', [cast, op('MatMul', ['f', 'P'], ['y'])], [table]],
    ['Reshape', [cast, op('Reshape', ['f', 'S'], ['y'])], [constant('S', [2], BigInt64Array.of(2n, 2n))]],
    [
      'Concat',
      [cast, op('Unsqueeze', ['f', 'one'], ['u']), op('Concat', ['u', 'Q'], ['y'], { axis: 1 })],
      [one, constant('Q', [5, 1], new Float32Array(5))],
    ],
  ])('is told by sizes that do not go together: %s', async (operator, nodes, constants) => {
    expect(await said(nodes, [1, 2, 3], { constants })).toMatch(
      new RegExp(`^the sizes of "x" \\[3\\] do not go together in the model \\(${operator}: .*3.*\\)$`),
    )
  })

  it('has nothing to do with sizes where the declaration leaves no choice', async () => {
    expect(await said([cast, op('Add', ['f', 'P'], ['y'])], [1, 2, 3], { shape: [3] })).toBeUndefined()
  })

  it('names the input of several that holds the index', async () => {
    const session = await InferenceSession.create(textEncoder(20), { logSeverityLevel: 4 })
    const mask = { shape: [1, 2], data: BigInt64Array.of(1n, 1n) }
    const ids = { shape: [1, 2], data: BigInt64Array.of(3n, 20n) }
    const feeds = {
      input_ids: new Tensor('int64', ids.data, ids.shape),
      attention_mask: new Tensor('int64', mask.data, mask.shape),
    }
    const { message } = (await session.run(feeds).catch((error: Error) => error)) as Error
    await session.release()
    const inputs = ['attention_mask', 'input_ids'].map(
      (name): TensorSpec => ({ name, datatype: 'INT64', shape: ['b', 's'] }),
    )
    expect(refusalOf(message, { inputs }, { input_ids: ids, attention_mask: mask })).toBe(
      'input "input_ids" holds 20, and the model looks it up in a table of indices [-20,19]',
    )
  })

  it.each([
    'its output "y" holds NaN',
    "Non-zero status code returned while running Conv node. Name:'' Status Message: out of memory",
    'its thread ended',
  ])('is none where the model fails otherwise: %s', (message) => {
    expect(refusalOf(message, { inputs: [{ name: 'x', datatype: 'INT64', shape: ['n'] }] }, {})).toBeUndefined()
  })
})
