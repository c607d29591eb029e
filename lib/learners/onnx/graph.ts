import { isOfClasses } from '../../formats/code-ref.ts'
import type { Task } from '../../formats/plan.ts'
import type { ModelInput } from '../learner.ts'
import { type GraphPart, type GraphValue, nodeMessage, tensorMessage, valueInfo } from './messages.ts'
import { MessageWriter } from './protobuf.ts'

/** What a learner says of its model's graph. */
export interface ModelGraph extends GraphPart {
  readonly name: string
  readonly task: Task
  /** Of a multiclass task: what its classes are called, in the order of their probabilities. */
  readonly classes?: readonly string[] | undefined
  /** Of a regression whose predictions float32 cannot hold. */
  readonly answers?: 'float64' | undefined
  /** Of a regression: how many numbers a row is answered with. */
  readonly width?: number | undefined
  readonly inputs: readonly ModelInput[]
  /** Version of ai.onnx.ml that its operators need. */
  readonly mlVersion: 3 | 5
}

/**
 * An ONNX model, byte for byte the same for the same graph. Inputs: one tensor [rows, 1] a feature, float32 or string,
 * by name. Outputs: `label` int64 [rows] and `probabilities` float32 [rows, 2]; of several classes `label` string
 * [rows] and `probabilities` float32 [rows, classes]; or `prediction` [rows, numbers], float32 or float64.
 */
export function modelBytes({
  name,
  task,
  classes,
  answers,
  width = 1,
  inputs,
  nodes,
  constants,
  mlVersion,
}: ModelGraph): Uint8Array {
  const nameOf = namesIn({ inputs, nodes, constants })
  const graph = new MessageWriter()
  for (const each of nodes) graph.bytes(1, nodeMessage(each, nameOf))
  graph.bytes(2, name)
  for (const constant of constants) graph.bytes(5, tensorMessage({ ...constant, name: nameOf(constant.name) }))
  for (const input of inputs) graph.bytes(11, valueInfo(input.name, input.kind === 'number' ? 'float' : 'string', 1))
  if (!isOfClasses(task)) graph.bytes(12, valueInfo('prediction', answers === 'float64' ? 'double' : 'float', width))
  else
    graph
      .bytes(12, valueInfo('label', classes === undefined ? 'int64' : 'string', undefined))
      .bytes(12, valueInfo('probabilities', 'float', classes?.length ?? 2))

  const opset = (domain: string, version: number): MessageWriter => new MessageWriter().bytes(1, domain).int(2, version)
  return new MessageWriter()
    .int(1, 8)
    .bytes(2, 'slipway')
    .bytes(7, graph)
    .bytes(8, opset('', 17))
    .bytes(8, opset('ai.onnx.ml', mlVersion))
    .finish()
}

/**
 * The name of a value in its graph. A name stands for one thing there: values in between give way to a feature that is
 * called the same.
 */
function namesIn({ inputs, nodes, constants }: Pick<ModelGraph, 'inputs' | 'nodes' | 'constants'>) {
  const ofInputs = new Set(inputs.map((input) => input.name))
  const between = [...nodes.flatMap(({ outputs }) => outputs), ...constants.map((constant) => constant.name)]
  const taken = new Set([...ofInputs, ...between])
  const renamed = new Map<string, string>()
  for (const name of between.filter((each) => ofInputs.has(each))) {
    let free = `:${name}`
    while (taken.has(free)) free = `:${free}`
    taken.add(free)
    renamed.set(name, free)
  }
  return (value: GraphValue): string => (typeof value === 'string' ? (renamed.get(value) ?? value) : value.name)
}
