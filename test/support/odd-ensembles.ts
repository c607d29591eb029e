import {
  bytesOf,
  floatsOf,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  readOnnx,
  writeOnnx,
} from '../../lib/compiler/onnx.ts'
import type { Draw } from './forests.ts'
import {
  drawEnsemble,
  type EnsembleKind,
  ensembleKinds,
  floats,
  graphModel,
  ints,
  text,
  texts,
  value,
} from './graphs.ts'

const features = 3

/**
 * An ensemble that says something in an unusual way, or that says what cannot be; whether ONNX Runtime takes it is not
 * known.
 */
export function drawOddEnsemble(draw: Draw): { readonly onnx: Uint8Array; readonly oddities: string } {
  const one = <T>(values: readonly T[]): T => values[draw(values.length)] as T
  const kind = one(ensembleKinds)
  let ensemble = drawEnsemble(draw, kind, 'X', features)
  const names: string[] = []
  for (let times = 1 + draw(2); times > 0; times--) {
    const [name, change] = one(Object.entries(oddities))
    names.push(name)
    ensemble = change(ensemble, draw, kind)
  }
  const output = ensemble.output.map((name) => value(name, undefined, name === 'label' ? labelType(ensemble) : 1))
  const onnx = graphModel({ node: [ensemble], input: [value('X', [0, features])], output })
  return { onnx, oddities: `${kind}, ${names.join(', ')}` }
}

type Change = (ensemble: OnnxNode, draw: Draw, kind: EnsembleKind) => OnnxNode

const prefixOf = (kind: EnsembleKind): string => (kind === 'regressor' || kind === 'two targets' ? 'target' : 'class')
const labelType = ({ attribute }: OnnxNode): number =>
  attribute.some(({ name, strings }) => name === 'classlabels_strings' && strings.length > 0) ? 8 : 7
const attributeOf = (ensemble: OnnxNode, name: string): OnnxAttribute | undefined =>
  ensemble.attribute.find((each) => each.name === name)
const put = (ensemble: OnnxNode, ...attributes: OnnxAttribute[]): OnnxNode => ({
  ...ensemble,
  attribute: [
    ...ensemble.attribute.filter(({ name }) => !attributes.some((each) => each.name === name)),
    ...attributes,
  ],
})
const without = (ensemble: OnnxNode, ...names: string[]): OnnxNode => ({
  ...ensemble,
  attribute: ensemble.attribute.filter(({ name }) => !names.includes(name)),
})
const mapInts = (ensemble: OnnxNode, name: string, change: (value: number, i: number) => number): OnnxNode =>
  put(ensemble, ints(name, (attributeOf(ensemble, name)?.ints ?? []).map(change)))
const mapFloats = (ensemble: OnnxNode, name: string, change: (value: number, i: number) => number): OnnxNode =>
  put(ensemble, floats(name, (attributeOf(ensemble, name)?.floats ?? []).map(change)))
const pick = <T>(draw: Draw, values: readonly T[]): T => values[draw(values.length)] as T

/**
 * Rows of a table of attributes (`nodes_`, `target_`, `class_`) as they are, in another order, or more or fewer of
 * them.
 */
function reorder(ensemble: OnnxNode, prefix: string, order: readonly number[]): OnnxNode {
  const columns = ensemble.attribute.filter(({ name }) => name.startsWith(`${prefix}_`))
  const taken = <T>(values: readonly T[]): T[] => order.flatMap((i) => (i < values.length ? [values[i] as T] : []))
  return put(
    ensemble,
    ...columns.map((each) => ({
      ...each,
      ints: taken(each.ints),
      floats: taken(each.floats),
      strings: taken(each.strings),
    })),
  )
}
const rowsOf = (ensemble: OnnxNode, prefix: string): number[] => [
  ...(attributeOf(ensemble, `${prefix}_treeids`)?.ints ?? []).keys(),
]

const oddities: Readonly<Record<string, Change>> = {
  'a post-transform': (ensemble, draw) =>
    put(
      ensemble,
      text('post_transform', pick(draw, ['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO', 'PROBIT', 'logistic', ''])),
    ),
  'no post-transform': (ensemble) => without(ensemble, 'post_transform'),
  'an aggregate function': (ensemble, draw) =>
    put(ensemble, text('aggregate_function', pick(draw, ['SUM', 'AVERAGE', 'MIN', 'MAX', 'average']))),
  'base values': (ensemble, draw) =>
    put(
      ensemble,
      floats(
        'base_values',
        Array.from({ length: draw(4) }, () => pick(draw, [0.5, -1, 0, -0, 1e30])),
      ),
    ),
  'a base value that is no number': (ensemble, draw) =>
    put(ensemble, floats('base_values', [pick(draw, [Number.NaN, Number.POSITIVE_INFINITY])])),
  'weights that are all positive': (ensemble, _, kind) => mapFloats(ensemble, `${prefixOf(kind)}_weights`, Math.abs),
  'weights below one': (ensemble, _, kind) =>
    mapFloats(ensemble, `${prefixOf(kind)}_weights`, (weight) => Math.abs(weight) / 8),
  'weights that are zero': (ensemble, draw, kind) =>
    mapFloats(ensemble, `${prefixOf(kind)}_weights`, (weight) => (draw(2) === 0 ? pick(draw, [0, -0]) : weight)),
  'weights beyond numbers': (ensemble, draw, kind) =>
    mapFloats(ensemble, `${prefixOf(kind)}_weights`, (weight) => pick(draw, [weight, 3e38, -3e38])),
  'a weight of infinity': (ensemble, draw, kind) =>
    mapFloats(ensemble, `${prefixOf(kind)}_weights`, (weight) => (draw(4) === 0 ? Number.POSITIVE_INFINITY : weight)),
  'directions of missing values': (ensemble, draw) =>
    mapInts(ensemble, 'nodes_missing_value_tracks_true', () => pick(draw, [0, 1, 2, -1])),
  'no directions of missing values': (ensemble) => without(ensemble, 'nodes_missing_value_tracks_true'),
  'few directions of missing values': (ensemble) =>
    put(
      ensemble,
      ints(
        'nodes_missing_value_tracks_true',
        attributeOf(ensemble, 'nodes_missing_value_tracks_true')?.ints.slice(0, -1) ?? [],
      ),
    ),
  hitrates: (ensemble, draw) =>
    put(
      ensemble,
      floats(
        'nodes_hitrates',
        rowsOf(ensemble, 'nodes').map(() => draw(5)),
      ),
    ),
  'few hitrates': (ensemble) => put(ensemble, floats('nodes_hitrates', [1])),
  'votes for ids': (ensemble, draw, kind) => mapInts(ensemble, `${prefixOf(kind)}_ids`, () => draw(2)),
  'votes for the second': (ensemble, _, kind) => mapInts(ensemble, `${prefixOf(kind)}_ids`, () => 1),
  'votes for none there is': (ensemble, draw, kind) =>
    mapInts(ensemble, `${prefixOf(kind)}_ids`, (id) => (draw(5) === 0 ? pick(draw, [-1, 3, 7]) : id)),
  'votes of inner nodes': (ensemble, draw, kind) =>
    mapInts(ensemble, `${prefixOf(kind)}_nodeids`, (id) => (draw(5) === 0 ? 0 : id)),
  'votes of nodes there are not': (ensemble, draw, kind) =>
    mapInts(ensemble, `${prefixOf(kind)}_nodeids`, (id) => (draw(8) === 0 ? 99 : id)),
  'votes in another order': (ensemble, _, kind) =>
    reorder(ensemble, prefixOf(kind), rowsOf(ensemble, prefixOf(kind)).reverse()),
  'votes twice': (ensemble, _, kind) => {
    const rows = rowsOf(ensemble, prefixOf(kind))
    return reorder(ensemble, prefixOf(kind), [...rows, rows.length - 1])
  },
  'too few votes': (ensemble, _, kind) =>
    reorder(ensemble, prefixOf(kind), rowsOf(ensemble, prefixOf(kind)).slice(0, -1)),
  'a column that is short': (ensemble, draw) => {
    const columns = ensemble.attribute.filter(
      ({ ints, floats, strings }) => ints.length + floats.length + strings.length > 1,
    )
    const column = pick(draw, columns)
    const { ints, floats, strings } = column
    return put(ensemble, {
      ...column,
      ints: ints.slice(0, -1),
      floats: floats.slice(0, -1),
      strings: strings.slice(0, -1),
    })
  },
  'a column that is missing': (ensemble, draw) => without(ensemble, pick(draw, ensemble.attribute).name),
  'features there are not': (ensemble, draw) =>
    mapInts(ensemble, 'nodes_featureids', (id) => (draw(9) === 0 ? pick(draw, [-1, 3, 50]) : id)),
  'nodes in another order': (ensemble) => {
    const trees = attributeOf(ensemble, 'nodes_treeids')?.ints ?? []
    const nodes = attributeOf(ensemble, 'nodes_nodeids')?.ints ?? []
    // The root stays first.
    const order = [...trees.keys()].sort(
      (a, b) =>
        (trees[a] as number) - (trees[b] as number) ||
        Number(nodes[a] !== 0) - Number(nodes[b] !== 0) ||
        (nodes[b] as number) - (nodes[a] as number),
    )
    return reorder(ensemble, 'nodes', order)
  },
  'a root that is not first': (ensemble) => reorder(ensemble, 'nodes', rowsOf(ensemble, 'nodes').reverse()),
  'nodes of trees mixed': (ensemble) => {
    const nodes = attributeOf(ensemble, 'nodes_nodeids')?.ints ?? []
    return reorder(
      ensemble,
      'nodes',
      [...nodes.keys()].sort((a, b) => (nodes[a] as number) - (nodes[b] as number)),
    )
  },
  'other numbers of trees': (ensemble, draw, kind) => {
    const shift = pick(draw, [7, 1_000, -3])
    const moved = mapInts(ensemble, 'nodes_treeids', (id) => shift - id)
    return mapInts(moved, `${prefixOf(kind)}_treeids`, (id) => shift - id)
  },
  'other numbers of nodes': (ensemble, _, kind) =>
    ['nodes_nodeids', 'nodes_truenodeids', 'nodes_falsenodeids', `${prefixOf(kind)}_nodeids`].reduce(
      (changed, name) => mapInts(changed, name, (id) => 3 * id + 5),
      ensemble,
    ),
  'nodes twice': (ensemble, draw) =>
    mapInts(ensemble, 'nodes_nodeids', (id) => (draw(9) === 0 ? Math.max(0, id - 1) : id)),
  'children elsewhere': (ensemble, draw) =>
    mapInts(ensemble, 'nodes_truenodeids', (id) => (draw(9) === 0 ? id + 1 : id)),
  'classes of text': (ensemble, draw) =>
    put(
      draw(3) === 0 ? ensemble : without(ensemble, 'classlabels_int64s'),
      texts('classlabels_strings', ['no', 'yes', 'maybe'].slice(0, 2 + draw(2))),
    ),
  'labels in another order': (ensemble, draw) =>
    put(ensemble, ints('classlabels_int64s', pick(draw, [[1, 0], [5, 5], [2, 1, 0], [0], [0, 1, 2, 3]]))),
  'an operator of another domain': (ensemble, draw) => ({
    ...ensemble,
    domain: pick(draw, ['', 'ai.onnx', 'elsewhere']),
  }),
}

/** A model of trees with one or two entries of its ensemble's attributes changed, or an attribute left out. */
export function drawChanged(draw: Draw, onnx: Uint8Array): { readonly onnx: Uint8Array; readonly oddities: string } {
  const model = readOnnx(onnx)
  const oddities: string[] = []
  const changed = (ensemble: OnnxNode): OnnxNode => {
    const attribute = pick(draw, ensemble.attribute)
    oddities.push(attribute.name)
    if (draw(8) === 0) return without(ensemble, attribute.name)
    return put(ensemble, {
      ...attribute,
      i: isInt(attribute) ? draw(6) : 0,
      ints: withOther(draw, attribute.ints, () => draw(attribute.ints.length + 2) - 1),
      floats: withOther(draw, attribute.floats, () => draw(9) - 4),
      t: attribute.t ? changedTensor(draw, attribute.t) : null,
    })
  }
  const node = model.graph.node.map((each) => {
    if (!each.opType.startsWith('TreeEnsemble')) return each
    return Array.from({ length: 1 + draw(2) }).reduce<OnnxNode>(changed, each)
  })
  return { onnx: writeOnnx({ ...model, graph: { ...model.graph, node } }), oddities: oddities.join(', ') }
}

const isInt = ({ ints, floats, strings, s, t }: OnnxAttribute): boolean =>
  ints.length + floats.length + strings.length + s.length === 0 && !t

/** A list with one entry changed, or left out, or put twice. */
function withOther<T>(draw: Draw, values: readonly T[], other: () => T): T[] {
  if (values.length === 0) return []
  const at = draw(values.length)
  const way = draw(8)
  const [before, after] = [values.slice(0, at), values.slice(at + 1)]
  return [
    ...before,
    ...(way === 0 ? [] : way === 1 ? values.slice(at, at + 1).flatMap((each) => [each, each]) : [other()]),
    ...after,
  ]
}

function changedTensor(draw: Draw, tensor: OnnxTensor): OnnxTensor {
  const [numbers, small] = [floatsOf(tensor), bytesOf(tensor)]
  const floats = withOther(draw, numbers, () =>
    pick(draw, [0, -0, 1, 2.5, 33, -1, Number.NaN, Number.POSITIVE_INFINITY]),
  )
  const bytes = withOther(draw, small, () => draw(9))
  const dims = [numbers.length > 0 ? floats.length : bytes.length]
  return { ...tensor, dims, floatData: floats, int32Data: bytes, rawData: new Uint8Array() }
}
