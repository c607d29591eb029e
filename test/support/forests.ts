import { comparisons } from '../../lib/compiler/forest.ts'
import { elementTypes, type OnnxAttribute, writeOnnx } from '../../lib/compiler/onnx.ts'

/** A node of a made-up tree: a test and what follows, or a leaf's weight. */
export type MadeNode =
  | {
      readonly mode: (typeof comparisons)[number]
      readonly feature: number
      readonly threshold: number
      readonly missingTrue: boolean
      readonly yes: MadeNode
      readonly no: MadeNode
    }
  | { readonly weight: number }

/** A number generator as fast-check or a seed gives it: uniform whole numbers below some. */
export type Draw = (below: number) => number

const specials = [
  0,
  -0,
  1,
  -1,
  0.5,
  2 ** -149,
  -(2 ** -149),
  3.4028234663852886e38,
  Infinity,
  -Infinity,
  1e-30,
  100_000.5,
]

/** A tree of some leaves with every mode of comparison, and with thresholds where comparing is delicate. */
export function drawTree(draw: Draw, features: number, leaves: number, delicate = true): MadeNode {
  if (leaves <= 1) return { weight: Math.fround((draw(2_000) - 1_000) / 997) }
  const left = 1 + draw(leaves - 1)
  return {
    mode: comparisons[draw(comparisons.length)] as (typeof comparisons)[number],
    feature: draw(features),
    threshold: Math.fround(
      delicate && draw(3) === 0 ? (specials[draw(specials.length)] as number) : (draw(4_000) - 2_000) / 16,
    ),
    missingTrue: draw(2) === 0,
    yes: drawTree(draw, features, left, delicate),
    no: drawTree(draw, features, leaves - left, delicate),
  }
}

export const attribute = (name: string, value: Partial<OnnxAttribute> & { type: number }): OnnxAttribute =>
  ({ name, f: 0, i: 0, s: new Uint8Array(), floats: [], ints: [], strings: [], t: null, ...value }) as OnnxAttribute

/** Trees as an ONNX regressor with one input X [rows, features] and the output Y. */
export function forestModel(
  trees: readonly MadeNode[],
  features: number,
  more: readonly OnnxAttribute[] = [],
): Uint8Array {
  const ints: Record<string, number[]> = {}
  const floats: Record<string, number[]> = { nodes_values: [], target_weights: [] }
  const modes: string[] = []
  const push = (name: string, value: number): number => {
    ints[name] = [...(ints[name] ?? []), value]
    return value
  }
  trees.forEach((tree, id) => {
    let next = 0
    const number = (node: MadeNode): { node: MadeNode; id: number; yes?: number; no?: number }[] => {
      const own = next++
      if ('weight' in node) return [{ node, id: own }]
      const yes = number(node.yes)
      const no = number(node.no)
      return [{ node, id: own, yes: yes[0]?.id as number, no: no[0]?.id as number }, ...yes, ...no]
    }
    for (const { node, id: nodeId, yes = 0, no = 0 } of number(tree)) {
      const isLeaf = 'weight' in node
      push('nodes_treeids', id)
      push('nodes_nodeids', nodeId)
      push('nodes_featureids', isLeaf ? 0 : node.feature)
      push('nodes_truenodeids', yes)
      push('nodes_falsenodeids', no)
      push('nodes_missing_value_tracks_true', !isLeaf && node.missingTrue ? 1 : 0)
      modes.push(isLeaf ? 'LEAF' : node.mode)
      floats.nodes_values?.push(isLeaf ? 0 : node.threshold)
      if (!isLeaf) continue
      push('target_treeids', id)
      push('target_nodeids', nodeId)
      push('target_ids', 0)
      floats.target_weights?.push(node.weight)
    }
  })
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  const tensor = (name: string, columns: number) => ({
    name,
    type: { tensorType: { elemType: elementTypes.float, shape: { dim: [{ dimValue: 0 }, { dimValue: columns }] } } },
  })
  return writeOnnx({
    irVersion: 8,
    opsetImport: [
      { domain: 'ai.onnx.ml', version: 3 },
      { domain: '', version: 17 },
    ],
    functions: [],
    graph: {
      name: 'made',
      node: [
        {
          input: ['X'],
          output: ['Y'],
          opType: 'TreeEnsembleRegressor',
          domain: 'ai.onnx.ml',
          attribute: [
            ...Object.entries(ints).map(([name, values]) => attribute(name, { ints: values, type: 7 })),
            ...Object.entries(floats).map(([name, values]) => attribute(name, { floats: values, type: 6 })),
            attribute('nodes_modes', { strings: modes.map(bytes), type: 8 }),
            attribute('n_targets', { i: 1, type: 2 }),
            ...more,
          ],
        },
      ],
      initializer: [],
      input: [tensor('X', features)],
      output: [tensor('Y', 1)],
    },
  })
}

export const averaged: OnnxAttribute = attribute('aggregate_function', {
  s: new TextEncoder().encode('AVERAGE'),
  type: 3,
})
