import { datatypeOf, itemsOf, type TensorFacts, type Tensors, type TensorValue } from '../../formats/tensors.ts'
import { numbersOf, type Summaries, summariesOf } from '../../stats/tensor-summary.ts'

/** The first output of which an element is NaN, if there is one. */
export function outputWithNaN({ outputs }: Pick<TensorFacts, 'outputs'>, answer: Tensors): string | undefined {
  return outputs.find(({ name, datatype }) => {
    if (!datatype.startsWith('FP')) return false
    const tensor = answer[name] as TensorValue
    const number = numbersOf(tensor, datatype) as (at: number) => number
    for (let at = 0; at < tensor.data.length; at++) if (Number.isNaN(number(at))) return true
    return false
  })?.name
}

/** An answer's summaries: of its items, where the outputs have as many as the inputs; else of the answer as a whole. */
export function summarise(facts: TensorFacts, inputs: Tensors, answer: Tensors): Summaries {
  const items = itemsOf(facts, inputs)
  const isByItem = facts.outputs.every(({ name }) => answer[name]?.shape[0] === items)
  return summariesOf(facts.outputs, answer, facts.isBatched && isByItem ? items : 1)
}

/** Inputs of nothing: zeros and empty texts, axes that may be any of size 1. To try out and to warm up with. */
export function emptyInputs({ inputs }: Pick<TensorFacts, 'inputs'>): Tensors {
  return Object.fromEntries(
    inputs.map(({ name, datatype, shape = [] }) => {
      const sizes = shape.map((axis) => (typeof axis === 'number' ? axis : 1))
      return [name, { shape: sizes, data: datatypeOf(datatype).of(sizes.reduce((size, axis) => size * axis, 1)) }]
    }),
  )
}
