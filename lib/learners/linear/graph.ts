import type { ModelInput } from '../learner.ts'
import { binaryAnswers } from '../onnx/binary-answers.ts'
import { calibratedAnswers } from '../onnx/calibration.ts'
import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { TextInput } from './design.ts'
import type { LinearModel } from './model.ts'
import { numberTerms, type Term } from './number-terms.ts'

/** Of TensorProto.DataType. */
const [toFloat, toDouble] = [1, 11] as const

/**
 * A linear model as operators. Terms and their sum are float64, so that weights which cancel each other lose nothing. A
 * text is looked up, value to index to weight: no column of 0 and 1 is made. Names of values in between begin with a
 * colon.
 */
export function linearGraph(model: LinearModel, inputs: readonly ModelInput[]): GraphPart {
  const { design, weights } = model
  const terms: Term[] = [
    ...(design.numbers.length === 0 ? [] : numberTerms(design.numbers, [weights], inputs)),
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
