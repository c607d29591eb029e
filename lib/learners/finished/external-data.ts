import { open, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import type { Refuse } from './brought.ts'
import { changedGraph, tensorFields, withGraph } from './graph-changes.ts'
import { type Field, fieldOf, fieldsOf, rewritten, textOf, written } from './wire.ts'

/** What one message of protobuf can hold, and one file of ONNX with it. */
const mostBytes = 2 ** 31 - 1

/** Constants that lie in another file: where, and how many bytes of it. */
interface Place {
  readonly location: string
  readonly offset: number
  readonly length: number | undefined
}

/**
 * A model as one file: what it keeps in files beside it is read and put in.
 * @param path of the model
 * @throws SlipwayError of `refuse`, that names the file that is missing, too short, or outside the model's folder
 */
export async function readWhole(path: string, refuse: Refuse): Promise<Uint8Array> {
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  )
  if (size === undefined) throw refuse('there is no such file', 'correct the path; it begins at the project')
  if (size === 0) throw refuse('it is empty (0 bytes)', 'export the model again')
  if (size > mostBytes) throw tooLarge(refuse)
  const model = await readFile(path)
  const places = placesIn(model, refuse)
  if (places.length === 0) return model
  const contents = new Map<string, Uint8Array>()
  let total = size
  for (const place of places) {
    const bytes = await readPlace(dirname(path), refuse, place)
    total += bytes.length
    if (total > mostBytes) throw tooLarge(refuse)
    contents.set(keyOf(place), bytes)
  }
  return changedConstants(model, (tensor) => {
    const place = placeOf(fieldsOf(tensor))
    if (place === undefined) return tensor
    const { external, location } = tensorFields
    const kept = rewritten(tensor, (field) =>
      [external, location].includes(field.number as never) ? undefined : field.raw,
    )
    return Buffer.concat([kept, written(tensorFields.raw, contents.get(keyOf(place)) as Uint8Array)])
  })
}

const tooLarge = (refuse: Refuse) =>
  refuse('with its external data it is larger than 2 GB', 'quantise it, or leave out what is not asked for')

function placesIn(model: Uint8Array, refuse: Refuse): Place[] {
  const places: Place[] = []
  try {
    changedConstants(model, (tensor) => {
      const place = placeOf(fieldsOf(tensor))
      if (place !== undefined) places.push(place)
      return tensor
    })
  } catch (error) {
    throw refuse(
      `this is no ONNX model: ${(error as Error).message}`,
      'give a file as onnx.save writes it, not cut off',
    )
  }
  return places
}

const changedConstants = (model: Uint8Array, tensor: (tensor: Uint8Array) => Uint8Array): Uint8Array =>
  withGraph(model, (graph) => changedGraph(graph, { tensor }))

function placeOf(tensor: readonly Field[]): Place | undefined {
  if (fieldOf(tensor, tensorFields.location)?.int !== 1) return undefined
  const pairs = new Map(
    tensor.flatMap(({ number, bytes }): [string, string][] => {
      if (number !== tensorFields.external || bytes === undefined) return []
      const pair = fieldsOf(bytes)
      return [[textOf(fieldOf(pair, 1)?.bytes), textOf(fieldOf(pair, 2)?.bytes)]]
    }),
  )
  const length = pairs.get('length')
  return {
    location: pairs.get('location') ?? '',
    offset: Number(pairs.get('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  }
}

const keyOf = ({ location, offset, length }: Place): string => `${location}\n${offset}\n${length}`

async function readPlace(folder: string, refuse: Refuse, { location, offset, length }: Place): Promise<Uint8Array> {
  const outside = refuse(
    `its external data is at ${JSON.stringify(location)}, outside the folder it is in`,
    'keep external data beside the model, and save it with a relative location',
  )
  if (location === '' || isAbsolute(location)) throw outside
  const missing = refuse(
    `its external data "${location}" is not there`,
    'bring it along: it lies beside the model where that was exported',
  )
  // Links lead out of a folder too.
  const home = await realpath(folder)
  if (isOutside(home, join(home, location))) throw outside
  const real = await realpath(join(home, location)).catch(() => {
    throw missing
  })
  if (isOutside(home, real)) throw outside
  const handle = await open(real)
  try {
    const { size } = await handle.stat()
    const count = length ?? size - offset
    if (!(offset >= 0 && count >= 0 && offset + count <= size))
      throw refuse(
        `its external data "${location}" has ${size} bytes, and a constant is at ${offset} to ${offset + count}`,
        'bring along the file that was exported with this very model',
      )
    const bytes = new Uint8Array(count)
    await handle.read(bytes, 0, count, offset)
    return bytes
  } finally {
    await handle.close()
  }
}

function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)
}
