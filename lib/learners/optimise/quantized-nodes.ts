import { graphFields } from '../finished/graph-changes.ts'
import { written } from '../finished/wire.ts'
import { type Attribute, node, nodeMessage, type Tensor, tensor } from '../onnx/messages.ts'
import { type Constants, type Matrix, matrixOf } from './constants.ts'
import { floatOf, intOf, type NodeOf } from './node-of.ts'

/** A graph whose nodes are being replaced. */
export interface Rewriting {
  readonly constants: Constants
  /** The version of ai.onnx: ReduceSum takes its axes as an input from 13 on, ReduceMax from 18 on. */
  readonly opset: number
  /** Names of what was made already, by what it was made of. */
  readonly made: Map<string, string>
  /** Constants to be added. */
  readonly tensors: Tensor[]
  /** A name that nothing has. */
  name(wanted: string): string
}

/** More of them in a sum may not fit 32 bits: 2^31 / 127². */
const mostInSum = 133_152
/** Of uint8 what stands for 0, and the largest distance from it. */
const [middle, reach] = [128, 127] as const
/** Of TensorProto.DataType. */
const toFloat = 1

/** A product by integers in the place of one by a constant matrix; or why it stays as it is. */
export function quantizedMatMul(given: NodeOf, rewriting: Rewriting): readonly Uint8Array[] | string | undefined {
  const { operator, inputs, outputs } = given
  const [x, w, bias] = inputs as [string, string, string?]
  const matrix = matrixOf(rewriting.constants, w)
  if (matrix === undefined) return undefined
  const isGemm = operator === 'Gemm'
  if (
    isGemm &&
    (intOf(given, 'transA', 0) !== 0 || floatOf(given, 'alpha', 1) !== 1 || floatOf(given, 'beta', 1) !== 1)
  )
    return 'Gemm with factors'
  const isTurned = isGemm && intOf(given, 'transB', 0) !== 0
  const weights = isTurned ? transposed(matrix) : matrix
  const why = whyNot(weights) ?? (weights.rows > mostInSum ? 'products of too long rows' : undefined)
  if (why !== undefined) return why
  const write = writerOf(rewriting)
  const { quantized, largest } = quantizedRows(x, write, rewriting)
  const columns = quantizedColumns(isTurned ? `${w} transposed` : w, weights, rewriting)
  const zero = constantOf(rewriting, 'zero', () => tensor('', Uint8Array.of(middle), []))
  const sums = write.node('MatMulInteger', [quantized, columns.values, zero, zero])
  const exact = write.node('Cast', [sums], [['to', 'int', toFloat]])
  const scaled = write.node('Mul', [exact, columns.scales])
  const hasBias = bias !== undefined && bias !== ''
  const product = write.node('Mul', [scaled, largest], [], hasBias ? undefined : outputs[0])
  if (hasBias) write.node('Add', [product, bias], [], outputs[0])
  return write.nodes
}

/** Rows of int8 looked up in the place of rows of a constant table; or why it stays as it is. */
export function quantizedGather(given: NodeOf, rewriting: Rewriting): readonly Uint8Array[] | string | undefined {
  const [w, indices] = given.inputs as [string, string]
  const matrix = matrixOf(rewriting.constants, w)
  if (matrix === undefined || intOf(given, 'axis', 0) !== 0) return undefined
  const why = whyNot(matrix)
  if (why !== undefined) return why
  const write = writerOf(rewriting)
  const rows = quantizedTable(w, matrix, rewriting)
  const axis: Attribute[] = [['axis', 'int', 0]]
  const found = write.node('Gather', [rows.values, indices], axis)
  const scales = write.node('Gather', [rows.scales, indices], axis)
  const exact = write.node('Cast', [found], [['to', 'int', toFloat]])
  const around = constantOf(rewriting, 'middle', () => tensor('', Float32Array.of(middle), []))
  const centred = write.node('Sub', [exact, around])
  write.node('Mul', [centred, scales], [], given.outputs[0])
  return write.nodes
}

function whyNot({ values }: Matrix): string | undefined {
  return values.every(Number.isFinite) ? undefined : 'matrices with weights that are no finite numbers'
}

/** What a matrix is multiplied with, as uint8 around 128, and what the largest of each row was: once for all users. */
function quantizedRows(x: string, write: Writer, rewriting: Rewriting) {
  const { made, opset } = rewriting
  const known = made.get(`rows:${x}`)
  const knownLargest = made.get(`largest:${x}`)
  if (known !== undefined && knownLargest !== undefined) return { quantized: known, largest: knownLargest }
  const constant = (name: string, value: () => Tensor): string => constantOf(rewriting, name, value)
  const sizes = write.node('Abs', [x])
  const along = (operator: 'ReduceMax' | 'ReduceSum', takesInput: boolean): string => {
    const keep: Attribute = ['keepdims', 'int', 1]
    return takesInput
      ? write.node(operator, [sizes, constant('last axis', () => tensor('', BigInt64Array.of(-1n)))], [keep])
      : write.node(operator, [sizes], [['axes', 'ints', [-1]], keep])
  }
  // A row of zeros has some scale too.
  const some = write.node('Max', [
    along('ReduceMax', opset >= 18),
    constant('tiny', () => tensor('', Float32Array.of(1e-30), [])),
  ])
  // ONNX Runtime's ReduceMax passes NaN over; what is NaN has to stay so.
  const nothing = write.node('Mul', [
    along('ReduceSum', opset >= 13),
    constant('nothing', () => tensor('', Float32Array.of(0), [])),
  ])
  const largest = write.node('Add', [some, nothing])
  const factor = write.node('Div', [constant('reach', () => tensor('', Float32Array.of(reach), [])), largest])
  const spread = write.node('Mul', [x, factor])
  const one = constant('one', () => tensor('', Float32Array.of(1), []))
  const zero = constant('zero', () => tensor('', Uint8Array.of(middle), []))
  const quantized = write.node('QuantizeLinear', [spread, one, zero])
  made.set(`rows:${x}`, quantized).set(`largest:${x}`, largest)
  return { quantized, largest }
}

/** A matrix as uint8 around 128, a scale a column: [rows, columns] and [columns], over what rows are spread to. */
function quantizedColumns(name: string, { rows, columns, values }: Matrix, rewriting: Rewriting) {
  const scales = new Float32Array(columns)
  const of = (row: number, column: number): number => values[row * columns + column] as number
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      scales[column] = Math.max(scales[column] as number, Math.abs(of(row, column)))
  scales.forEach((largest, column) => {
    scales[column] = largest / reach
  })
  const made = new Uint8Array(rows * columns)
  for (let i = 0; i < made.length; i++) made[i] = levelOf(values[i] as number, scales[i % columns] as number)
  return {
    values: constantOf(rewriting, `columns:${name}`, () => tensor('', made, [rows, columns])),
    scales: constantOf(rewriting, `scales of columns:${name}`, () =>
      tensor(
        '',
        scales.map((scale) => scale / reach),
      ),
    ),
  }
}

/** A table as uint8 around 128, a scale a row: [rows, columns] and [rows, 1]. */
function quantizedTable(name: string, { rows, columns, values }: Matrix, rewriting: Rewriting) {
  const scales = new Float32Array(rows)
  const made = new Uint8Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns)
    const scale = Math.fround(own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / reach)
    scales[row] = scale
    own.forEach((value, column) => {
      made[row * columns + column] = levelOf(value, scale)
    })
  }
  return {
    values: constantOf(rewriting, `table:${name}`, () => tensor('', made, [rows, columns])),
    scales: constantOf(rewriting, `scales of table:${name}`, () => tensor('', scales, [rows, 1])),
  }
}

/** A weight as uint8: a half goes to the even number, as ONNX Runtime rounds. */
function levelOf(value: number, scale: number): number {
  if (scale === 0) return middle
  const exact = value / scale
  const low = Math.floor(exact)
  const rest = exact - low
  const rounded = rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1
  return middle + Math.max(-reach, Math.min(reach, rounded))
}

function transposed({ rows, columns, values }: Matrix): Matrix {
  const turned = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column] as number
  return { rows: columns, columns: rows, values: turned }
}

/** A constant that is made once. @param what it is made of */
function constantOf({ made, tensors, name }: Rewriting, what: string, value: () => Tensor): string {
  const known = made.get(`constant:${what}`)
  if (known !== undefined) return known
  const called = name(`int8:${what}`)
  tensors.push({ ...value(), name: called })
  made.set(`constant:${what}`, called)
  return called
}

interface Writer {
  readonly nodes: Uint8Array[]
  node(operator: string, inputs: readonly string[], attributes?: readonly Attribute[], output?: string): string
}

function writerOf({ name }: Rewriting): Writer {
  const nodes: Uint8Array[] = []
  return {
    nodes,
    node(operator, inputs, attributes = [], output = name(`int8:${operator}`)) {
      const message = nodeMessage(node(operator, '', inputs, [output], attributes), (value) => value as string)
      nodes.push(written(graphFields.node, message))
      return output
    },
  }
}
