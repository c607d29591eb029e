import type { ModelInput } from '../../learner.ts'
import { classAnswers } from '../../onnx/class-answers.ts'
import { calibratedClassAnswers } from '../../onnx/class-calibration.ts'
import { type GraphPart, node, tensor } from '../../onnx/messages.ts'
import type { NumberInput, TextInput } from '../design.ts'
import type { ClassesModel } from './model.ts'

/** Of TensorProto.DataType. */
const [toFloat, toDouble] = [1, 11] as const

/** Nodes and constants whose result is a term of the sums: [rows, classes] float64. */
type Term = GraphPart & { readonly name: string }

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

/** Weights of some columns as a matrix [columns, classes]; columns that there are not have none. */
function matrix(columns: readonly (number | undefined)[], weights: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    columns.flatMap((column) => weights.map((own) => (column === undefined ? 0 : (own[column] as number)))),
  )
}

/** All numbers at once, less their means; missing ones count as the mean, and their column adds its own weights. */
function numberTerms(
  numbers: readonly NumberInput[],
  weights: readonly Float64Array[],
  inputs: readonly ModelInput[],
): Term[] {
  const shape = [numbers.length, weights.length]
  const slopes = matrix([...numbers.keys()], weights).map((weight, i) => {
    const { deviation } = numbers[Math.floor(i / weights.length)] as NumberInput
    return deviation === 0 ? 0 : weight / deviation
  })
  const missing = matrix(
    numbers.map(({ missingColumn }) => missingColumn),
    weights,
  )
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
        Float64Array.from(numbers, ({ mean }) => mean),
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
