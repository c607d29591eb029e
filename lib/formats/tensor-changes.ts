import { shapeInWords, type TensorFacts, type TensorSpec } from './tensors.ts'

type Tensors = Pick<TensorFacts, 'inputs' | 'outputs' | 'isBatched'>

/** Why whoever asks a model of tensors could not ask another one the same, or not read its answers; a phrase each. */
export function breakingTensorChanges(before: Tensors, after: Tensors): string[] {
  const known = (specs: readonly TensorSpec[], { name }: TensorSpec) => specs.find((spec) => spec.name === name)
  const inputs = after.inputs.flatMap((now) => {
    const was = known(before.inputs, now)
    return was === undefined ? [`input "${now.name}" is new`] : changesOf('input', was, now, takesAll(was, now))
  })
  const outputs = before.outputs.flatMap((was) => {
    const now = known(after.outputs, was)
    return now === undefined ? [`output "${was.name}" is gone`] : changesOf('output', was, now, takesAll(now, was))
  })
  const single = before.isBatched && !after.isBatched ? ['a request is about one item now'] : []
  return [...inputs, ...outputs, ...single]
}

function changesOf(what: string, was: TensorSpec, now: TensorSpec, isAlike: boolean): string[] {
  const inWords = ({ datatype, shape }: TensorSpec): string => `${datatype} ${shapeInWords(shape)}`
  return was.datatype === now.datatype && isAlike
    ? []
    : [`${what} "${was.name}" was ${inWords(was)} and is ${inWords(now)}`]
}

/** Whether every shape of the first is one of the second's. */
function takesAll({ shape: some }: TensorSpec, { shape: all }: TensorSpec): boolean {
  if (all === undefined) return true
  return some?.length === all.length && all.every((axis, i) => typeof axis === 'string' || axis === some[i])
}
