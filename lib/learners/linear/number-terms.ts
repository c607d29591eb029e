import type { ModelInput } from '../learner.ts'
import { type GraphPart, node, tensor } from '../onnx/messages.ts'
import type { NumberInput } from './design.ts'

/** Of TensorProto.DataType. */
const toDouble = 11

/** Nodes and constants whose result is a term of the sums: [rows, sums] float64. */
export type Term = GraphPart & { readonly name: string }

/** Weights of some columns as a matrix [columns, sums]; columns that there are not have none. */
export function matrix(columns: readonly (number | undefined)[], weights: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    columns.flatMap((column) => weights.map((own) => (column === undefined ? 0 : (own[column] as number)))),
  )
}

/** All numbers at once, less their means; missing ones count as the mean, and their column adds its own weights. */
export function numberTerms(
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
