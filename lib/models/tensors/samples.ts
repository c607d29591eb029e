import { SlipwayError } from '../../formats/errors.ts'
import { itemsOf, type TensorFacts, type Tensors, type TensorValue } from '../../formats/tensors.ts'
import { checkTensors, readShape } from './check-shapes.ts'
import { itemsFrom, tensorFromJson } from './elements.ts'
import { isNpy, isNpz, type NamedArray, readNpy, readNpz } from './npz.ts'

/** Items that ONNX Runtime gets at a time. */
const batchItems = 32

/** A sample as it is written: as requests are, or by name. */
type Sample = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Sample =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Sample inputs from a file: JSON, or a JSON value a line, `.npz` or `.npy`. A sample is a request of the Open
 * Inference Protocol, or an object of (nested) arrays by the names of inputs; a file has one or an array of them, one
 * of NumPy the arrays of one.
 * @returns requests of a few items each
 * @throws SlipwayError USAGE that names the file, the sample and what is wrong with it
 */
export function readSamples(file: string, bytes: Uint8Array, facts: TensorFacts): Tensors[] {
  const refuse = (what: string): SlipwayError =>
    new SlipwayError('USAGE', `${file}: ${what}`, {
      next: 'give JSON: {"<input>": [[…], …]}, a request of the Open Inference Protocol, or an array of either; or .npz',
    })
  const arrays = arraysIn(bytes, facts, refuse)
  if (arrays !== undefined) return attempt('', refuse, () => piecesOf(facts, readArrays(facts, arrays)))
  const samples = parse(Buffer.from(bytes).toString('utf8'), refuse)
  if (samples.length === 0) throw refuse('it has no samples')
  return samples.flatMap((sample, i) => {
    if (!isObject(sample)) throw refuse(`sample ${i + 1} is no object`)
    return attempt(`sample ${i + 1}: `, refuse, () => piecesOf(facts, readSample(facts, sample)))
  })
}

type Refuse = (what: string) => SlipwayError

function attempt<T>(name: string, refuse: Refuse, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SlipwayError) throw refuse(`${name}${error.message}`)
    throw error
  }
}

/** The arrays of a file of NumPy's, by names of inputs; undefined of any other file. */
function arraysIn(bytes: Uint8Array, { inputs }: TensorFacts, refuse: Refuse): Record<string, NamedArray> | undefined {
  if (!isNpy(bytes) && !isNpz(bytes)) return undefined
  try {
    const [only, ...others] = inputs
    if (isNpz(bytes)) return readNpz(bytes)
    if (only === undefined || others.length > 0)
      throw new Error(`one array for the inputs ${inputs.map(({ name }) => name).join(', ')}: save an .npz of them`)
    return { [only.name]: readNpy(bytes) }
  } catch (error) {
    throw refuse((error as Error).message)
  }
}

function readArrays(facts: TensorFacts, arrays: Readonly<Record<string, NamedArray>>): Tensors {
  const said = Object.entries(arrays).map(([name, array]) => ({ ...array, name, path: name }))
  const { taken } = checkTensors(facts, said)
  return Object.fromEntries(
    taken.map(([{ name }, { shape, data, datatype, path }]) => {
      if (datatype === 'BYTES') return [name, tensorFromJson({ name, datatype }, shape, data, path)]
      return [name, { shape, data }]
    }),
  )
}

function parse(text: string, refuse: Refuse): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [value]
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '')
    if (lines.length < 2) throw refuse(`it is no JSON: ${(error as Error).message}`)
    return lines.map((line, i) => {
      try {
        return JSON.parse(line)
      } catch (wrong) {
        throw refuse(`line ${i + 1} is no JSON: ${(wrong as Error).message}`)
      }
    })
  }
}

function readSample(facts: TensorFacts, sample: Sample): Tensors {
  const said = Array.isArray(sample.inputs) ? sample.inputs.map(saidTensor) : saidByName(facts, sample)
  const { taken } = checkTensors(facts, said)
  return Object.fromEntries(
    taken.map(([spec, { shape, data, path }]) => [spec.name, tensorFromJson(spec, shape, data, path)]),
  )
}

function saidTensor(given: unknown, i: number) {
  const { name, datatype, shape, data } = isObject(given) ? given : {}
  const path = `inputs[${i}]`
  return { name: String(name), datatype, shape: readShape(shape, path), data, path }
}

function saidByName({ inputs }: TensorFacts, sample: Sample) {
  return Object.entries(sample).map(([name, data]) => {
    const datatype = inputs.find((spec) => spec.name === name)?.datatype
    return { name, datatype, shape: nestedShape(data), data, path: name }
  })
}

/** The shape of nested arrays, by the first of each. */
function nestedShape(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...nestedShape(data[0])] : []
}

/** A large sample in pieces of a few items. */
function piecesOf(facts: TensorFacts, tensors: Tensors): Tensors[] {
  const items = itemsOf(facts, tensors)
  if (!facts.isBatched || items <= batchItems) return [tensors]
  return Array.from({ length: Math.ceil(items / batchItems) }, (_, i) =>
    Object.fromEntries(
      facts.inputs.map(({ name }) => [
        name,
        itemsFrom(tensors[name] as TensorValue, i * batchItems, Math.min(items, (i + 1) * batchItems)),
      ]),
    ),
  )
}
