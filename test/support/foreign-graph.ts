import { node, nodeMessage, tensor, tensorMessage, valueInfo } from '../../lib/learners/onnx/messages.ts'
import { MessageWriter } from '../../lib/learners/onnx/protobuf.ts'

/**
 * A model as programs export them: a matrix in, and one of the usual answers out, half of the sigmoid of the sum of its
 * columns.
 */
export interface ForeignGraph {
  readonly columns: number
  /** What its answer is: two probabilities, one as a column or as a row, or a number. */
  readonly answer: 'probabilities' | 'column' | 'row'
  readonly matrix?: 'float' | 'double'
  /** What its input is called, and its answer. */
  readonly names?: { readonly input: string; readonly output: string }
}

/**
 * Writes such a model. Missing values count as 0.25.
 * @returns bytes of ONNX
 */
export function foreignGraph({ columns, answer, matrix = 'float', names }: ForeignGraph): Uint8Array {
  const { input, output } = names ?? { input: 'X', output: 'scores' }
  const numbers = matrix === 'float' ? Float32Array : Float64Array
  const graph = new MessageWriter()
  const add = (operator: string, inputs: string[], to: string, ...rest: Parameters<typeof node>[4][number][]): void => {
    graph.bytes(1, nodeMessage(node(operator, '', inputs, [to], rest), String))
  }
  add('IsNaN', [input], 'isMissing')
  add('Where', ['isMissing', 'quarter', input], 'whole')
  add('MatMul', ['whole', 'ones'], 'sum')
  add('Sigmoid', ['sum'], 'share')
  if (answer === 'probabilities') {
    add('Sub', ['one', 'share'], 'other')
    add('Concat', ['other', 'share'], output, ['axis', 'int', 1])
  } else if (answer === 'column') add('Identity', ['share'], output)
  else add('Reshape', ['share', 'flat'], output)
  graph.bytes(2, 'foreign')
  graph.bytes(5, tensorMessage(tensor('quarter', numbers.of(0.25))))
  graph.bytes(5, tensorMessage(tensor('one', numbers.of(1))))
  graph.bytes(5, tensorMessage(tensor('ones', new numbers(columns).fill(1), [columns, 1])))
  graph.bytes(5, tensorMessage(tensor('flat', BigInt64Array.of(-1n))))
  graph.bytes(11, valueInfo(input, matrix, columns))
  const width = answer === 'probabilities' ? 2 : answer === 'column' ? 1 : undefined
  graph.bytes(12, valueInfo(output, matrix, width))
  const opset = new MessageWriter().bytes(1, '').int(2, 17)
  return new MessageWriter().int(1, 8).bytes(2, 'tests').bytes(7, graph).bytes(8, opset).finish()
}
