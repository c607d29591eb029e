import { SlipwayError } from '../../formats/errors.ts'
import { shapeInWords, type TensorFacts, type TensorSpec } from '../../formats/tensors.ts'

/** A client's mistake: what was found where, and what was expected. */
export const invalidTensor = (message: string, path = ''): SlipwayError =>
  new SlipwayError('REQUEST_INVALID', path === '' ? message : `${path}: ${message}`, { path })

/** A tensor as it is said to be, before its elements are read. */
export interface SaidTensor {
  readonly name: string
  readonly datatype: unknown
  readonly shape: readonly number[]
  /** Where it stands in what was sent. */
  readonly path: string
}

/** A shape as JSON has it. @throws SlipwayError REQUEST_INVALID for what is none */
export function readShape(shape: unknown, path: string): number[] {
  const isShape =
    Array.isArray(shape) && shape.length <= 16 && shape.every((axis) => Number.isSafeInteger(axis) && axis >= 0)
  if (!isShape) throw invalidTensor('a tensor needs a shape, an array of whole numbers from 0 on', path)
  return shape
}

/**
 * Requires that tensors are what a model takes: every input once, each of its datatype and shape, and axes of one name
 * of one size (ONNX IR, "Static tensor shapes").
 * @returns those that the model takes, in its order, and the names of others
 * @throws SlipwayError REQUEST_INVALID that names the input, what was expected and what was given
 */
export function checkTensors<Said extends SaidTensor>(
  { inputs, isBatched }: Pick<TensorFacts, 'inputs' | 'isBatched'>,
  given: readonly Said[],
): { readonly taken: readonly (readonly [TensorSpec, Said])[]; readonly ignored: readonly string[] } {
  const byName = new Map<string, Said>()
  for (const tensor of given) {
    if (byName.has(tensor.name)) throw invalidTensor(`a second tensor "${tensor.name}"`, tensor.path)
    byName.set(tensor.name, tensor)
  }
  const missing = inputs.filter(({ name }) => !byName.has(name))
  if (missing.length > 0)
    throw invalidTensor(
      `no tensor for ${missing.map(({ name }) => `"${name}"`).join(', ')}; the model takes ${inputs.map(inWords).join(', ')}`,
      'inputs',
    )
  const sizes = new Map<string, { readonly size: number; readonly by: string }>()
  const taken = inputs.map((spec) => {
    const tensor = byName.get(spec.name) as Said
    requireFit(spec, tensor, sizes)
    return [spec, tensor] as const
  })
  if (isBatched && taken.some(([, { shape }]) => shape[0] !== taken[0]?.[1].shape[0]))
    throw invalidTensor(
      `the first axis counts items: it is ${taken.map(([{ name }, { shape }]) => `${shape[0]} in "${name}"`).join(', ')}`,
      'inputs',
    )
  const known = new Set(inputs.map(({ name }) => name))
  return { taken, ignored: [...byName.keys()].filter((name) => !known.has(name)) }
}

/** `"image" FP32 [batch, 3, 8, 8]` */
const inWords = ({ name, datatype, shape }: TensorSpec): string => `"${name}" ${datatype} ${shapeInWords(shape)}`

function requireFit(
  { name, datatype, shape }: TensorSpec,
  given: SaidTensor,
  sizes: Map<string, { readonly size: number; readonly by: string }>,
): void {
  const { path } = given
  if (given.datatype !== datatype)
    throw invalidTensor(`input "${name}" is ${datatype}, got datatype ${String(given.datatype)}`, path)
  if (shape === undefined) return
  const expected = `input "${name}" has shape ${shapeInWords(shape)}`
  if (given.shape.length !== shape.length)
    throw invalidTensor(`${expected}, got ${given.shape.length} axes: [${given.shape.join(', ')}]`, path)
  for (const [i, axis] of shape.entries()) {
    const size = given.shape[i] as number
    if (axis === '') continue
    if (typeof axis === 'number') {
      if (size !== axis) throw invalidTensor(`${expected}, got [${given.shape.join(', ')}]`, path)
      continue
    }
    const before = sizes.get(axis)
    if (before === undefined) sizes.set(axis, { size, by: name })
    else if (before.size !== size)
      throw invalidTensor(
        `${expected}, got [${given.shape.join(', ')}]; ${axis} is ${before.size} in "${before.by}"`,
        path,
      )
  }
}
