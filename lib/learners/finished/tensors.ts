import { type DatatypeName, datatypes, isBatchedBy, type TensorFacts, type TensorSpec } from '../../formats/tensors.ts'
import type { Refuse } from './brought.ts'
import { type GraphValue, readGraph } from './read-graph.ts'

/** Kinds of elements by their number in ONNX. */
const byNumber = new Map(Object.entries(datatypes).map(([name, { onnx }]) => [onnx as number, name as DatatypeName]))

/**
 * What a model of tensors alone takes and answers, as its graph says.
 * @throws SlipwayError of `refuse`, that names what is no tensor that can be sent
 */
export function tensorsOf(refuse: Refuse, model: Uint8Array): Pick<TensorFacts, 'inputs' | 'outputs' | 'isBatched'> {
  const graph = graphOf(refuse, model)
  const inputs = graph.inputs.map((value) => specOf(refuse, 'input', value))
  const outputs = graph.outputs.map((value) => specOf(refuse, 'output', value))
  if (inputs.length === 0) throw refuse('it has no inputs: there is nothing to ask it', 'export it with some')
  if (outputs.length === 0) throw refuse('it has no outputs', 'export it with some')
  return { inputs, outputs, isBatched: isBatchedBy([...inputs, ...outputs]) }
}

function graphOf(refuse: Refuse, model: Uint8Array) {
  try {
    return readGraph(model)
  } catch (error) {
    throw refuse(`this is no ONNX model: ${(error as Error).message}`, 'give a file as onnx.save writes it')
  }
}

function specOf(refuse: Refuse, what: 'input' | 'output', { name, type }: GraphValue): TensorSpec {
  if (type.kind !== 'tensor')
    throw refuse(
      `its ${what} "${name}" is of kind ${type.kind}, and only tensors are served`,
      what === 'output'
        ? 'export it with tensors as outputs: of skl2onnx, zipmap=False'
        : 'export it with tensors as inputs',
    )
  const datatype = byNumber.get(type.element)
  if (datatype === undefined)
    throw refuse(
      `its ${what} "${name}" has elements of type ${type.element} of ONNX, which is not served`,
      `cast it in the graph; served are ${Object.keys(datatypes).join(', ')}`,
    )
  const shape = type.shape?.map((size, axis) => size ?? type.axes?.[axis] ?? '')
  return { name, datatype, ...(shape !== undefined && { shape }) }
}
