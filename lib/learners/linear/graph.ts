import type { ModelInput } from '../learner.ts'
import { binaryAnswers } from '../onnx/binary-answers.ts'
import { calibratedAnswers } from '../onnx/calibration.ts'
import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { NumberInput, TextInput } from './design.ts'
import type { LinearModel } from './model.ts'

/** Of TensorProto.DataType. */
const [toFloat, toDouble] = [1, 11] as const

/** Nodes and constants whose result is a term of the sum: [rows, 1] float64. */
type Term = GraphPart & { readonly name: string }

/**
 * A linear model as operators. Terms and their sum are float64, so that weights which cancel each other lose nothing. A
 * text is looked up, value to index to weight: no column of 0 and 1 is made. Names of values in between begin with a
 * colon.
 */
export function linearGraph(model: LinearModel, inputs: readonly ModelInput[]): GraphPart {
  const { design, weights } = model
  const terms: Term[] = [
    ...(design.numbers.length === 0 ? [] : numberTerms(design.numbers, weights, inputs)),
    ...design.texts
      .filter(({ values }) => values > 0)
      .map((text) => textTerm(text, inputs[text.input] as ModelInput, weights)),
    { name: ':intercept', nodes: [], constants: [tensor(':intercept', weights.subarray(design.columns - 1))] },
  ]
  const sum = node(
    'Sum',
    '',
    terms.map(({ name }) => name),
    [':sum'],
    [],
  )
  const answer = answerOf(model)
  return {
    nodes: [...terms.flatMap(({ nodes }) => nodes), sum, ...answer.nodes],
    constants: [...terms.flatMap(({ constants }) => constants), ...answer.constants],
  }
}

/** All numbers at once, less their means; missing ones count as the mean, and their column adds its own weight. */
function numberTerms(numbers: readonly NumberInput[], weights: Float64Array, inputs: readonly ModelInput[]): Term[] {
  const column = (of: (each: NumberInput, i: number) => number): Float64Array => Float64Array.from(numbers, of)
  const slopes = column(({ deviation }, i) => (deviation === 0 ? 0 : (weights[i] as number) / deviation))
  const missing = column(({ missingColumn }) => (missingColumn === undefined ? 0 : (weights[missingColumn] as number)))
  const shape = [numbers.length, 1]
  const values: Term = {
    name: ':of-numbers',
    nodes: [
      node(
        'Concat',
        '',
        numbers.map(({ input }) => inputs[input] as ModelInput),
        [':numbers'],
        [['axis', 'int', 1]],
      ),
      node('IsNaN', '', [':numbers'], [':missing'], []),
      node('Cast', '', [':numbers'], [':exact'], [['to', 'int', toDouble]]),
      node('Sub', '', [':exact', ':means'], [':centred'], []),
      node('Where', '', [':missing', ':zero', ':centred'], [':known'], []),
      node('MatMul', '', [':known', ':slopes'], [':of-numbers'], []),
    ],
    constants: [
      tensor(
        ':means',
        column(({ mean }) => mean),
      ),
      tensor(':zero', Float64Array.of(0)),
      tensor(':slopes', slopes, shape),
    ],
  }
  if (missing.every((weight) => weight === 0)) return [values]
  return [
    values,
    {
      name: ':of-missing',
      nodes: [
        node('Cast', '', [':missing'], [':is-missing'], [['to', 'int', toDouble]]),
        node('MatMul', '', [':is-missing', ':missing-weights'], [':of-missing'], []),
      ],
      constants: [tensor(':missing-weights', missing, shape)],
    },
  ]
}

/** The weight of a text's value; any other text has the last one, which is 0. */
function textTerm({ first, values }: TextInput, input: ModelInput, weights: Float64Array): Term {
  const { name } = input
  const [index, table, term] = [`:index:${name}`, `:weights:${name}`, `:of:${name}`]
  const keys = input.kind === 'category' ? input.categories : []
  return {
    name: term,
    nodes: [
      node(
        'LabelEncoder',
        'ai.onnx.ml',
        [input],
        [index],
        [
          ['default_int64', 'int', values],
          ['keys_strings', 'strings', keys],
          ['values_int64s', 'ints', keys.map((_, code) => code)],
        ],
      ),
      node('Gather', '', [table, index], [term], [['axis', 'int', 0]]),
    ],
    constants: [tensor(table, Float64Array.of(...weights.subarray(first, first + values), 0))],
  }
}

/** What is made of the sum: probabilities and label, or the prediction. */
function answerOf({ task, calibration, restore }: LinearModel): GraphPart {
  if (calibration !== undefined) {
    const answers = calibratedAnswers(calibration, ':score', ':')
    const score = node('Cast', '', [':sum'], [':score'], [['to', 'int', toFloat]])
    return { nodes: [score, ...answers.nodes], constants: answers.constants }
  }
  if (task === 'binary') {
    const answers = binaryAnswers(':')
    return {
      nodes: [
        node('Sigmoid', '', [':sum'], [':probability'], []),
        node('Cast', '', [':probability'], [':positive'], [['to', 'int', toFloat]]),
        ...answers.nodes,
      ],
      constants: answers.constants,
    }
  }
  if (restore === undefined)
    return { nodes: [node('Cast', '', [':sum'], ['prediction'], [['to', 'int', toFloat]])], constants: [] }
  // Rounded first: how many rows are scored at once may decide about the sum's last bit.
  return {
    nodes: [
      node('Cast', '', [':sum'], [':rounded'], [['to', 'int', toFloat]]),
      node('Cast', '', [':rounded'], [':exact-sum'], [['to', 'int', toDouble]]),
      node('Mul', '', [':exact-sum', ':scale'], [':scaled'], []),
      node('Add', '', [':scaled', ':offset'], ['prediction'], []),
    ],
    constants: [tensor(':scale', Float64Array.of(restore.scale)), tensor(':offset', Float64Array.of(restore.offset))],
  }
}
