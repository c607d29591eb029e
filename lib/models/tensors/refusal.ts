import type { TensorFacts, Tensors } from '../../formats/tensors.ts'

/*
 * ONNX Runtime gives its errors no code that Node sees (1.30: `Error` with a message alone), so they are known by their
 * words. test/models/refusals.test.ts holds these to what it says.
 */
const byIndex =
  /running (Gather|Scatter|Q?EmbedLayerNorm)\w* node\b.*(out of (data bounds|range)|invalid (index|indice))/is
const byShape =
  /running (\w+) node\b.*(Attempting to broadcast|cannot be reshaped|dimension mismatch|dimensions must match)/is

/**
 * What a request asks that the graph has no answer to, though its tensors have the declared shapes: an index past the
 * end of a table (a token that the vocabulary does not have), or sizes that are any by the declaration and do not go
 * together inside (more tokens than there are positions). Whatever else the model fails at is its own fault.
 * @param error what ONNX Runtime said
 * @returns why it is not answered; undefined where the request is not to blame
 */
export function refusalOf(error: string, { inputs }: Pick<TensorFacts, 'inputs'>, given: Tensors): string | undefined {
  const index = byIndex.exec(error)
  if (index !== null) {
    const value = /\b(?:idx|index|indice) ?= ?(-?\d+)/.exec(error)?.[1]
    const range = /range (\[-?\d+, ?-?\d+\])/.exec(error)?.[1]
    const holder = value === undefined ? undefined : inputs.find(({ name }) => holds(given, name, value))
    const what =
      holder === undefined ? `an index is ${value ?? 'out of range'}` : `input "${holder.name}" holds ${value}`
    return `${what}, and the model looks it up in a table${range === undefined ? ' that ends before' : ` of indices ${range}`}`
  }
  const shape = byShape.exec(error)
  if (
    shape === null ||
    !inputs.some(({ shape }) => shape === undefined || shape.some((axis) => typeof axis === 'string'))
  )
    return undefined
  const sizes = inputs.map(({ name }) => `"${name}" [${given[name]?.shape.join(', ')}]`).join(', ')
  return `the sizes of ${sizes} do not go together in the model (${shape[1]}: ${shortly(error)})`
}

/** Whether an input of whole numbers holds one. */
function holds(given: Tensors, name: string, value: string): boolean {
  const data = given[name]?.data
  if (data === undefined || Array.isArray(data) || data instanceof Float32Array || data instanceof Float64Array)
    return false
  return data instanceof BigInt64Array || data instanceof BigUint64Array
    ? data.includes(BigInt(value))
    : data.includes(Number(value))
}

/** The last words, without places in ONNX Runtime's sources. */
const shortly = (error: string): string =>
  error
    .slice(error.search(/Attempting|The input tensor|Non concat|[^ ]* ?dimension/i))
    .replaceAll(/\s+/g, ' ')
    .trim()
