import { brief } from '../../formats/brief.ts'
import { graphFields, withGraph } from '../finished/graph-changes.ts'
import { type FinishedGraph, readGraph } from '../finished/read-graph.ts'
import { fieldOf, fieldsOf, rewritten, textOf, written } from '../finished/wire.ts'
import { tensorMessage } from '../onnx/messages.ts'
import { type Constants, constantsOf, namesUsed } from './constants.ts'
import { type NodeOf, nodeOf } from './node-of.ts'
import { quantizedGather, quantizedMatMul, type Rewriting } from './quantized-nodes.ts'

/** What became of a model's weights. */
export interface Quantized {
  readonly model: Uint8Array
  /** Products with constant weights, and tables that rows are looked up in, that are int8 now. */
  readonly products: number
  readonly tables: number
  /** Why others were left as they are, by how many there are. */
  readonly left: Readonly<Record<string, number>>
}

/** Operators as they are written here: QuantizeLinear of a whole tensor, Abs and ReduceMax over the last axis. */
const oldestOpset = 11

/** Why a model's weights cannot be quantised at all, in words. */
export class NotQuantizable extends Error {}

/**
 * A model whose weights are int8: the constant matrices of MatMul and Gemm, a scale a column, and the tables of Gather,
 * a scale a row. What a matrix is multiplied with is quantised as it comes, a scale a row of it, where ONNX Runtime's
 * `quantize_dynamic` takes one of the whole batch: so an answer does not depend on what else is asked. Both are uint8
 * around 128, whose products no processor has to saturate (int8 times uint8 does without VNNI): sums of integers are
 * the same everywhere. (Dettmers et al., LLM.int8(), NeurIPS 2022, section 2.1, vector-wise quantisation.)
 * The same bytes for the same model.
 * @throws NotQuantizable where nothing can be
 */
export function quantized(model: Uint8Array): Quantized {
  const graph = readGraph(model)
  const opset = graph.opsets.get('') ?? 0
  if (opset < oldestOpset)
    throw new NotQuantizable(`it is of version ${opset} of the operators of ai.onnx, and int8 needs ${oldestOpset}`)
  const left: Record<string, number> = {}
  const counts = { products: 0, tables: 0 }
  const made = withGraph(model, (bytes) => {
    const constants = constantsOf(bytes)
    const rewriting = rewritingOf(graph, constants, opset)
    const nodes = fieldsOf(bytes).flatMap((field) => (field.number === graphFields.node ? [nodeOf(field)] : []))
    const replaced = nodes.map((node) => {
      const outcome = replacement(node, rewriting)
      if (outcome === undefined) return [node.raw]
      if (typeof outcome === 'string') {
        left[outcome] = (left[outcome] ?? 0) + 1
        return [node.raw]
      }
      counts[node.operator === 'Gather' ? 'tables' : 'products']++
      return outcome
    })
    return assembled(bytes, replaced.flat(), rewriting)
  })
  if (counts.products + counts.tables === 0) throw new NotQuantizable(nothingIn(graph, left))
  return { model: made, ...counts, left }
}

function nothingIn({ operators }: FinishedGraph, left: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(left).map(([reason, count]) => `${count} ${reason}`)
  if (reasons.length > 0) return `it has no weights that int8 makes smaller: ${reasons.join(', ')}`
  const trees = [...operators].filter((operator) => operator.startsWith('TreeEnsemble'))
  const what =
    trees.length > 0 ? 'trees, which have no weights to multiply with' : `operators ${[...operators].join(', ')}`
  return `it has no products with constant weights; it has ${brief(what, 200)}`
}

/** The nodes in the place of one; why it stays as it is; or undefined where it has no weights. */
function replacement(node: NodeOf, rewriting: Rewriting): readonly Uint8Array[] | string | undefined {
  if (node.domain !== '') return undefined
  if (node.operator === 'MatMul' || node.operator === 'Gemm') return quantizedMatMul(node, rewriting)
  return node.operator === 'Gather' ? quantizedGather(node, rewriting) : undefined
}

function rewritingOf(graph: FinishedGraph, constants: Constants, opset: number): Rewriting {
  const taken = new Set([...graph.names, ...graph.nodes])
  return {
    constants,
    opset,
    made: new Map(),
    tensors: [],
    name(wanted) {
      let name = wanted
      for (let number = 2; taken.has(name); number++) name = `${wanted}:${number}`
      taken.add(name)
      return name
    },
  }
}

/** A graph with other nodes, without the constants that nothing uses any more. */
function assembled(graph: Uint8Array, nodes: readonly Uint8Array[], { tensors, constants }: Rewriting): Uint8Array {
  const used = namesUsed(nodes)
  for (const field of fieldsOf(graph))
    if (field.number === graphFields.output) used.add(textOf(fieldOf(fieldsOf(field.bytes as Uint8Array), 1)?.bytes))
  const isGone = (name: string): boolean => constants.has(name) && !used.has(name)
  const kept = rewritten(graph, (field) => {
    const { number, bytes } = field
    if (number === graphFields.node) return undefined
    if (number === graphFields.initializer) return isGone(nameOfTensor(bytes as Uint8Array)) ? undefined : field.raw
    // Models of before IR 4 name their constants among their inputs.
    const isValue = number === graphFields.input || number === graphFields.valueInfo
    return isValue && isGone(textOf(fieldOf(fieldsOf(bytes as Uint8Array), 1)?.bytes)) ? undefined : field.raw
  })
  return Buffer.concat([
    ...nodes.filter((node) => !isIdleConstant(node, used)),
    kept,
    ...tensors.map((each) => written(graphFields.initializer, tensorMessage(each))),
  ])
}

const nameOfTensor = (tensor: Uint8Array): string => textOf(fieldOf(fieldsOf(tensor), 8)?.bytes)

/** A node Constant whose value nothing uses. */
function isIdleConstant(raw: Uint8Array, used: ReadonlySet<string>): boolean {
  const [field] = fieldsOf(raw)
  const { operator, outputs } = nodeOf(field as NonNullable<typeof field>)
  return operator === 'Constant' && outputs.every((name) => !used.has(name))
}
