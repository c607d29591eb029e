import type { ModelInput } from '../../learner.ts'
import { classAnswers } from '../../onnx/class-answers.ts'
import { calibratedClassAnswers } from '../../onnx/class-calibration.ts'
import { type GraphPart, node, tensor } from '../../onnx/messages.ts'
import type { TextInput } from '../design.ts'
import { matrix, numberTerms, type Term } from '../number-terms.ts'
import type { ClassesModel } from './model.ts'

/** Of TensorProto.DataType. */
const toFloat = 1

/**
 * A linear model of several classes as operators, in float64 as the one of one sum is (`../graph.ts`). Names of values
 * in between begin with a colon.
 */
export function classesGraph(
  model: ClassesModel,
  inputs: readonly ModelInput[],
  classes: readonly string[],
): GraphPart {
  const { design, weights, calibrations } = model
  const terms: Term[] = [
    ...(design.numbers.length === 0 ? [] : numberTerms(design.numbers, weights, inputs)),
    ...design.texts
      .filter(({ values }) => values > 0)
      .map((text) => textTerm(text, inputs[text.input] as ModelInput, weights)),
    {
      name: ':intercepts',
      nodes: [],
      constants: [
        tensor(
          ':intercepts',
          Float64Array.from(weights, (own) => own[design.columns - 1] as number),
        ),
      ],
    },
  ]
  const sum = node(
    'Sum',
    '',
    terms.map(({ name }) => name),
    [':sums'],
    [],
  )
  const answers = calibrations === undefined ? likely(classes) : calibratedClassAnswers(calibrations, ':sums', classes)
  return {
    nodes: [...terms.flatMap(({ nodes }) => nodes), sum, ...answers.nodes],
    constants: [...terms.flatMap(({ constants }) => constants), ...answers.constants],
  }
}

function likely(classes: readonly string[]): GraphPart {
  const answers = classAnswers(classes)
  return {
    nodes: [
      node('Softmax', '', [':sums'], [':likely'], [['axis', 'int', 1]]),
      node('Cast', '', [':likely'], ['probabilities'], [['to', 'int', toFloat]]),
      ...answers.nodes,
    ],
    constants: answers.constants,
  }
}

/** The weights of a text's value; any other text has the last ones, which are 0. */
function textTerm({ first, values }: TextInput, input: ModelInput, weights: readonly Float64Array[]): Term {
  const { name } = input
  const [index, table, looked, term] = [`:index:${name}`, `:weights:${name}`, `:looked:${name}`, `:of:${name}`]
  const keys = input.kind === 'category' ? input.categories : []
  const columns = [...Array.from({ length: values }, (_, code) => first + code), undefined]
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
      // [rows, 1, classes]
      node('Gather', '', [table, index], [looked], [['axis', 'int', 0]]),
      node('Squeeze', '', [looked, `:axis:${name}`], [term], []),
    ],
    constants: [
      tensor(table, matrix(columns, weights), [values + 1, weights.length]),
      tensor(`:axis:${name}`, BigInt64Array.of(1n)),
    ],
  }
}
