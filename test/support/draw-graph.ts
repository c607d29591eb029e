import { elementTypes, type OnnxNode, type OnnxTensor, type OnnxValue } from '../../lib/compiler/onnx.ts'
import type { Draw } from './forests.ts'
import {
  drawEnsemble,
  ensembleKinds,
  float,
  floats,
  floatTensor,
  graphModel,
  int,
  longTensor,
  node,
  tensorAttribute,
  texts,
  value,
} from './graphs.ts'

/**
 * A graph with operators before, between, behind and beside an ensemble, drawn so that some of it is usual and much of
 * it is not; whether ONNX Runtime takes it is not known.
 */
export function drawGraph(draw: Draw): { readonly onnx: Uint8Array; readonly operators: string } {
  const nodes: OnnxNode[] = []
  const initializer: OnnxTensor[] = []
  const input: OnnxValue[] = []
  let names = 0
  const fresh = (): string => `v${names++}`
  const one = <T>(values: readonly T[]): T => values[draw(values.length)] as T
  const add = (opType: string, from: string[], ...more: Parameters<typeof node>[3][]): string => {
    const name = fresh()
    nodes.push(
      node(
        opType,
        from,
        [name],
        more.flatMap((each) => each ?? []),
      ),
    )
    return name
  }
  const constant = (tensor: OnnxTensor): string => {
    const way = draw(8)
    const name = tensor.name
    if (way === 0) nodes.push(node('Constant', [], [name], [tensorAttribute('value', tensor)]))
    else initializer.push(tensor)
    if (way === 1) input.push(value(name, tensor.dims, tensor.dataType))
    // The same name for another value.
    if (way === 2 && draw(6) === 0) initializer.push({ ...tensor, floatData: tensor.floatData.map((each) => each + 1) })
    return name
  }
  const number = (width: number): string => {
    const dims = one([[], [1], [1, 1], [width], [1, width], [1, 1, 1], [2], [width, 1]])
    const size = dims.reduce((product, each) => product * each, 1)
    const scalar = one([1, 1, 1, 1, 0, 2, -1, 0.5])
    const values = Array.from({ length: size }, () => (draw(9) === 0 ? 3 : scalar))
    return constant(floatTensor(fresh(), dims, values))
  }
  const longs = (values: number[], dims = [values.length]): string => constant(longTensor(fresh(), dims, values))
  const axis = (usual: number): ReturnType<typeof int>[] =>
    draw(12) === 0 ? [int('axis', 0)] : [int('axis', one([usual, usual, -1]))]

  /** Operators that may be understood, by whether they would be, and one of the others. */
  const usual = (from: string, width: number): string =>
    one([
      () => add('Identity', [from]),
      () => add('Cast', [from], [int('to', elementTypes.float)]),
      () => add('Mul', draw(2) === 0 ? [from, number(width)] : [number(width), from]),
      () => add('Concat', [from], axis(1)),
      () => add('Gather', [from, longs([one([width - 1, -1])], one([[1], [1], [1], []]))], axis(1)),
      () => {
        const last = add('Gather', [from, longs([width - 1])], axis(1))
        const rest = add('Sub', draw(8) === 0 ? [last, number(1)] : [number(1), last])
        return add('Concat', draw(6) === 0 ? [last, rest] : [rest, last], axis(1))
      },
      () => add('Gather', [from, longs(Array.from({ length: width }, (_, i) => (draw(5) === 0 ? 0 : i)))], axis(1)),
    ])()
  const other = (from: string, width: number): string =>
    one([
      ...[
        'Exp',
        'Log',
        'Sigmoid',
        'Neg',
        'Relu',
        'Abs',
        'Sqrt',
        'Floor',
        'Softplus',
        'Tanh',
        'Flatten',
        'Transpose',
      ].map((opType) => () => add(opType, [from])),
      ...['Add', 'Sub', 'Div', 'Pow', 'Max', 'Mul'].map(
        (opType) => () =>
          add(
            opType,
            one([
              [from, number(width)],
              [number(width), from],
              [from, from],
            ]),
          ),
      ),
      () => add('Cast', [from], [int('to', one([elementTypes.double, elementTypes.int64, 10, 6]))]),
      () => add('Reshape', [from, longs(one([[-1, width], [-1], [-1, 1], [0, -1], [width, -1]]))]),
      () => add('Squeeze', [from, longs([1])]),
      () => add('Unsqueeze', [from, longs([one([0, 1, 2])])]),
      () => add('Clip', [from, constant(floatTensor(fresh(), [], [-1])), constant(floatTensor(fresh(), [], [1]))]),
      () =>
        add(
          'Concat',
          one([
            [from, from],
            [from, number(width)],
          ]),
          axis(1),
        ),
      () => add('Concat', [from, from], [int('axis', 0)]),
      () => add('ArgMax', [from], [int('axis', 1)]),
      () => add('Softmax', [from], [int('axis', 1)]),
    ])()
  const chain = (from: string, width: number, strange: number): string => {
    let at = from
    for (let steps = draw(4); steps > 0; steps--) at = draw(100) < strange ? other(at, width) : usual(at, width)
    return at
  }

  // Before: one input, or several side by side.
  const widths = one([[3], [3], [2, 1], [1, 1, 1]])
  const columns = widths.map((width, i) => {
    input.push(value(`X${i}`, [0, width]))
    return draw(4) === 0 ? add('Identity', [`X${i}`]) : `X${i}`
  })
  let features = 3
  if (draw(4) === 0) {
    input.push(value('T', [0, 1], elementTypes.string))
    const name = fresh()
    const attributes = [
      texts('keys_strings', ['a', 'b', one(['a', 'c'])]),
      floats('values_floats', [0, 1, 2]),
      ...(draw(2) === 0 ? [float('default_float', one([-3, 0.5, Number.NaN]))] : []),
    ]
    nodes.push(node('LabelEncoder', ['T'], [name], attributes, 'ai.onnx.ml'))
    columns.push(name)
    features++
  }
  const joined = columns.length === 1 ? (columns[0] as string) : add('Concat', columns, axis(1))
  const read = draw(3) === 0 ? (draw(2) === 0 ? other : usual)(joined, features) : joined

  const kind = one(ensembleKinds)
  const width = { regressor: 1, 'two targets': 2, logistic: 2, 'plain classes': 2, softmax: 3 }[kind]
  const trees = drawEnsemble(draw, kind, read, features)
  nodes.push(trees)

  // Behind and beside.
  const strange = one([0, 0, 30, 60])
  const ends = [chain('scores', width, strange)]
  if (draw(3) === 0) ends.push(chain(one(['scores', 'scores', ends[0] as string]), width, strange))
  if (draw(8) === 0) ends.push(other(joined, features))
  if (draw(6) === 0) other(one(['scores', joined]), width) // which no output needs
  const output = ends.filter((end, i) => ends.indexOf(end) === i).map((end) => value(end))
  if (trees.output.length === 2 && draw(2) === 0)
    output.push(value(draw(3) === 0 ? add('Cast', ['label'], [int('to', one([7, 7, 1, 6]))]) : 'label', undefined, 7))
  if (draw(25) === 0) input.push(value('unused', [0, 1]))
  return {
    onnx: graphModel({ node: nodes, initializer, input, output }),
    operators: nodes.map(({ opType, input: from, output: to }) => `${opType}(${from})->${to}`).join(' '),
  }
}
