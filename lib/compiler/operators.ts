import type { ForestInput, ScoreColumn } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'
import { elementTypes, floatsOf, longsOf, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './onnx.ts'

/** What is known of a value of the graph. */
export type GraphValue =
  | { readonly kind: 'constant'; readonly tensor: OnnxTensor }
  /** An input of text [rows, 1]. */
  | { readonly kind: 'text'; readonly name: string }
  /** Numbers for the trees [rows, columns of the inputs]. */
  | { readonly kind: 'features'; readonly inputs: readonly ForestInput[] }
  /** float32 [rows, columns]; sorted ones ascend in every row. */
  | { readonly kind: 'scores'; readonly columns: readonly ScoreColumn[]; readonly isSorted?: true }
  /** The same as a map from class to score for each row. */
  | { readonly kind: 'maps'; readonly columns: readonly ScoreColumn[] }
  /** Which class it is: whole numbers or text, of any shape. */
  | { readonly kind: 'label' }

/** Whether the trees made a value. */
export const isBehindTrees = ({ kind }: GraphValue): boolean => kind === 'scores' || kind === 'maps' || kind === 'label'

/**
 * What an operator makes of values; nothing where it is not understood.
 * @throws NotCompilable where there is more to say
 */
type Operator = (values: readonly GraphValue[], node: OnnxNode) => GraphValue | undefined

/**
 * The operators that may stand before and behind trees, by domain and name. All of them keep rows apart and in order.
 */
export const operators: Readonly<Record<string, Operator>> = {
  Identity: ([value]) => value,
  Constant: (_, node) => {
    const tensor = attributeOf(node, 'value')?.t
    return tensor ? { kind: 'constant', tensor } : undefined
  },
  Concat: concat,
  Cast: ([value], node) => {
    const to = attributeOf(node, 'to')?.i ?? 0
    if (value?.kind === 'label') return labelTypes.includes(to) ? value : undefined
    if (value?.kind !== 'scores' && value?.kind !== 'features') return undefined
    return to === elementTypes.float ? value : undefined
  },
  Mul: ([a, b]) => {
    const [scores, factor] = a?.kind === 'scores' ? [a, b] : [b, a]
    return scores?.kind === 'scores' && isOne(factor, scores.columns.length) ? scores : undefined
  },
  /** One minus scores. One minus that is not the score any more: it was rounded. */
  Sub: ([one, scores]) => {
    if (scores?.kind !== 'scores' || !isOne(one, scores.columns.length)) return undefined
    if (scores.columns.some(({ isComplement }) => isComplement)) return undefined
    return { ...scores, columns: scores.columns.map(({ of }) => ({ of, isComplement: true })) }
  },
  Gather: ([scores, indices], node) => {
    // The names of classes by their numbers.
    if (scores?.kind === 'constant' && indices?.kind === 'label') return indices
    if (scores?.kind !== 'scores' || indices?.kind !== 'constant' || !isColumnAxis(node)) return undefined
    const chosen = longsOf(indices.tensor)
    if (indices.tensor.dims.length !== 1 || indices.tensor.dims[0] !== chosen.length) return undefined
    const columns = chosen.flatMap((index) => scores.columns.at(index) ?? [])
    return columns.length === chosen.length && columns.length > 0 ? { ...scores, columns } : undefined
  },
  TopK: sort,
  ArgMax: ([scores]) => (scores?.kind === 'scores' ? { kind: 'label' } : undefined),
  'ai.onnx.ml.LabelEncoder': ([text], node) => ({ kind: 'features', inputs: [category(text, node)] }),
  'ai.onnx.ml.ZipMap': ([scores], node) =>
    scores?.kind === 'scores' && !scores.isSorted && isAscending(classesOf(node))
      ? { kind: 'maps', columns: scores.columns }
      : undefined,
}

/** int32, int64 and text. */
const labelTypes: readonly number[] = [6, elementTypes.int64, elementTypes.string]

const attributeOf = (node: OnnxNode, name: string): OnnxAttribute | undefined =>
  node.attribute.find((each) => each.name === name)

const isColumnAxis = (node: OnnxNode): boolean => [1, -1].includes(attributeOf(node, 'axis')?.i ?? 0)

/** The smallest so many of the scores, which is all of them in ascending order. */
function sort([scores, count]: readonly GraphValue[], node: OnnxNode): GraphValue | undefined {
  if (scores?.kind !== 'scores' || scores.isSorted || count?.kind !== 'constant') return undefined
  const { columns } = scores
  const isAll = columns.every(({ of, isComplement }, column) => of === column && !isComplement)
  const isAscending = attributeOf(node, 'largest')?.i === 0 && (attributeOf(node, 'sorted')?.i ?? 1) === 1
  const axis = attributeOf(node, 'axis')?.i ?? -1
  if (!isAll || !isAscending || ![1, -1].includes(axis)) return undefined
  return longsOf(count.tensor).length === 1 && longsOf(count.tensor)[0] === columns.length
    ? { ...scores, isSorted: true }
    : undefined
}

function concat(values: readonly GraphValue[], node: OnnxNode): GraphValue | undefined {
  const inputs = values.flatMap((value) => (value.kind === 'features' ? [value.inputs] : []))
  const scores = values.flatMap((value) => (value.kind === 'scores' && !value.isSorted ? [value.columns] : []))
  if (values.length === 0 || ![inputs.length, scores.length].includes(values.length)) return undefined
  if (!isColumnAxis(node)) throw new NotCompilable('Concat joins rows')
  return inputs.length > 0 ? { kind: 'features', inputs: inputs.flat() } : { kind: 'scores', columns: scores.flat() }
}

/** Whether a constant is one, or ones, and of a shape that leaves that of [rows, width] as it is. */
function isOne(value: GraphValue | undefined, width: number): boolean {
  if (value?.kind !== 'constant') return false
  const { dims } = value.tensor
  const values = floatsOf(value.tensor)
  const columns = dims.at(-1) ?? 1
  return (
    dims.length <= 2 &&
    dims.slice(0, -1).every((size) => size === 1) &&
    (columns === 1 || columns === width) &&
    values.length === columns &&
    values.every((each) => each === 1)
  )
}

function category(input: GraphValue | undefined, node: OnnxNode): ForestInput {
  const keys = attributeOf(node, 'keys_strings')?.strings
  const values = attributeOf(node, 'values_floats')?.floats
  // A default that is a tensor would count for more than one that is a number.
  const hasTensor = node.attribute.some(({ name }) => name.endsWith('_tensor'))
  if (input?.kind !== 'text' || keys === undefined || values === undefined || hasTensor)
    throw new NotCompilable('LabelEncoder maps something else than an input of text to numbers')
  if (keys.length !== values.length)
    throw new NotCompilable(`LabelEncoder has ${keys.length} keys and ${values.length} values`)
  const text = new TextDecoder()
  const codes = new Map<string, number>()
  // The first of equal keys counts.
  keys.forEach((bytes, i) => {
    const key = text.decode(bytes)
    if (key.includes('\u0000'))
      throw new NotCompilable('LabelEncoder maps a text with U+0000, which onnxruntime-node cannot be given')
    if (!codes.has(key)) codes.set(key, values[i] as number)
  })
  return { name: input.name, kind: 'category', codes, otherwise: attributeOf(node, 'default_float')?.f ?? -0 }
}

function classesOf(node: OnnxNode): readonly (number | string)[] {
  const text = new TextDecoder()
  const ints = attributeOf(node, 'classlabels_int64s')?.ints ?? []
  return ints.length > 0
    ? ints
    : (attributeOf(node, 'classlabels_strings')?.strings ?? []).map((each) => text.decode(each))
}

/** Maps are in the order of their keys: the last column is the last there only if keys ascend. */
const isAscending = (keys: readonly (number | string)[]): boolean =>
  keys.length > 0 && keys.every((key, i) => i === 0 || (keys[i - 1] as number | string) < key)
