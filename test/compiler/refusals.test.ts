import { describe, expect, it } from 'vitest'
import { compileModel } from '../../lib/compiler/compile.ts'
import { elementTypes, type OnnxNode } from '../../lib/compiler/onnx.ts'
import type { Draw } from '../support/forests.ts'
import {
  drawEnsemble,
  type EnsembleKind,
  floatTensor,
  graphModel,
  int,
  ints,
  longTensor,
  type MadeGraph,
  node,
  texts,
  value,
} from '../support/graphs.ts'

const least: Draw = () => 0
const trees = (kind: EnsembleKind): OnnxNode => drawEnsemble(least, kind, 'X', 1)
const after = (kind: EnsembleKind, ...nodes: OnnxNode[]): MadeGraph => ({
  node: [trees(kind), ...nodes],
  initializer: [
    floatTensor('one', [1], [1]),
    floatTensor('one for each of two', [1, 2], [1, 1]),
    longTensor('last', [1], [1]),
    longTensor('last, no list', [], [1]),
  ],
  input: [value('X', [0, 1])],
  output: [value('Y')],
})
const columns = [int('axis', 1)]
const changed = (kind: EnsembleKind, change: (ensemble: OnnxNode) => OnnxNode): MadeGraph => ({
  ...after(kind),
  node: [change(trees(kind))],
  output: [value('scores')],
})

const refused: Record<string, [MadeGraph, string]> = {
  'ones that make two columns of one': [
    after('regressor', node('Mul', ['scores', 'one for each of two'], ['Y'])),
    'the operator Mul comes after the trees',
  ],
  'one minus what is one minus a score, which was rounded': [
    after('logistic', node('Sub', ['one', 'scores'], ['rest']), node('Sub', ['one', 'rest'], ['Y'])),
    'the operator Sub comes after the trees',
  ],
  'a column without its dimension': [
    after('logistic', node('Gather', ['scores', 'last, no list'], ['Y'], columns)),
    'the operator Gather comes after the trees',
  ],
  'scores of another type': [
    after('regressor', node('Cast', ['scores'], ['Y'], [int('to', elementTypes.double)])),
    'the operator Cast comes after the trees',
  ],
  'only what is one minus the last score': [
    after('logistic', node('Gather', ['scores', 'last'], ['p'], columns), node('Sub', ['one', 'p'], ['Y'])),
    'the last column of the output Y is not the last score of the trees',
  ],
  'maps in another order than columns': [
    after('logistic', node('ZipMap', ['scores'], ['Y'], [ints('classlabels_int64s', [1, 0])], 'ai.onnx.ml')),
    'the operator ZipMap comes after the trees',
  ],
  'one operator more beside what is understood': [
    { ...after('regressor', node('Exp', ['scores'], ['Y'])), output: [value('scores'), value('Y')] },
    'the operator Exp comes after the trees',
  ],
  'no output but a label': [
    { ...after('logistic'), output: [value('label', undefined, elementTypes.int64)] },
    'no output of the graph is made of the scores of its trees',
  ],
  'an output that is an input': [
    { ...after('regressor', node('Identity', ['X'], ['Y'])), output: [value('scores'), value('Y')] },
    'the output Y is not made by the trees',
  ],
  'an input that the trees do not read': [
    { ...after('regressor'), input: [value('X', [0, 1]), value('Z', [0, 1])], output: [value('scores')] },
    'the trees do not read the input Z',
  ],
  'an input of one row': [
    { ...after('regressor'), input: [value('X', [1, 1])], output: [value('scores')] },
    'the input X is of 1 rows',
  ],
  'two constants of one name': [
    {
      ...after('regressor', node('Mul', ['scores', 'one'], ['Y'])),
      initializer: [floatTensor('one', [1], [1]), floatTensor('one', [1], [2])],
    },
    'the name one stands for two things',
  ],
  'an operator of one’s own that has a usual name': [
    after('regressor', node('Identity', ['scores'], ['Y'], [], 'com.example')),
    'the operator Identity comes after the trees',
  ],
  'classes that are numbers and text': [
    changed('logistic', (each) => ({
      ...each,
      attribute: [...each.attribute, texts('classlabels_strings', ['a', 'b', 'c'])],
    })),
    'the classes are numbers and text',
  ],
  'votes of an inner node': [
    changed('regressor', (each) => ({
      ...each,
      attribute: each.attribute.map((one) => (one.name === 'target_nodeids' ? { ...one, ints: [0, 2] } : one)),
    })),
    'what votes as node 0 of tree 0 is no leaf',
  ],
}

describe('what is not understood', () => {
  it.each(Object.entries(refused))('%s: refused by name', async (_, [graph, message]) => {
    await expect(compileModel(graphModel(graph))).rejects.toMatchObject({ name: 'NotCompilable', message })
  })

  it('is not what comes before that: the same trees without it are compiled', async () => {
    for (const kind of ['regressor', 'logistic'] as const) {
      const { layout } = await compileModel(graphModel(changed(kind, (each) => each)))
      expect(layout.forest.outputs.map(({ name }) => name)).toEqual(['scores'])
    }
  })
})
