import { crc32, inflateRawSync } from 'node:zlib'
import { type DatatypeName, datatypeOf, sizeOf, type TensorData, type TensorValue } from '../../formats/tensors.ts'

/*
 * Arrays as NumPy saves them: `.npy` holds one, `.npz` is a zip of several by name. Formats:
 * numpy.org/doc/stable/reference/generated/numpy.lib.format.html and PKWARE's APPNOTE 4.3.
 */

/** An array with the datatype that its elements have. */
export interface NamedArray extends TensorValue {
  readonly datatype: DatatypeName
}

/** By the type that NumPy names in `descr`, little-endian or of one byte. */
const datatypes: Readonly<Record<string, DatatypeName>> = {
  b1: 'BOOL',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
}

const startsWith = (bytes: Uint8Array, magic: string): boolean =>
  Buffer.from(bytes.subarray(0, magic.length)).toString('latin1') === magic
export const isNpy = (bytes: Uint8Array): boolean => startsWith(bytes, '\x93NUMPY')
/** A zip without any file in it begins otherwise. */
export const isNpz = (bytes: Uint8Array): boolean => startsWith(bytes, 'PK\x03\x04') || startsWith(bytes, 'PK\x05\x06')

/** @throws Error that says what of the array is none that a tensor could have */
export function readNpy(bytes: Uint8Array): NamedArray {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!isNpy(bytes) || bytes.length < 12) throw new Error('it is no .npy')
  const [length, at] = bytes[6] === 1 ? [buffer.readUInt16LE(8), 10] : [buffer.readUInt32LE(8), 12]
  const header = buffer.subarray(at, at + length).toString('latin1')
  const [, descr = ''] = /'descr': *'([^']+)'/.exec(header) ?? []
  const [, sizes] = /'shape': *\(([^)]*)\)/.exec(header) ?? []
  if (sizes === undefined) throw new Error('its header says no shape')
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]))
  if (/'fortran_order': *True/.test(header) && shape.length > 1)
    throw new Error('its elements are in the order of Fortran: save np.ascontiguousarray(…)')
  const data = buffer.subarray(at + length)
  const [, order = '', kind = ''] = /^([<|=>]?)(\w+)$/.exec(descr) ?? []
  if (order !== '>' && kind.startsWith('U')) return texts(data, shape, Number(kind.slice(1)))
  const datatype = order === '>' ? undefined : datatypes[kind]
  if (datatype === undefined)
    throw new Error(
      `its elements are of type "${descr || 'object'}"; read are ${Object.keys(datatypes).join(', ')} and U`,
    )
  return { datatype, shape, data: numbers(data, datatype, sizeOf(shape)) }
}

function numbers(data: Buffer, datatype: DatatypeName, size: number): TensorData {
  const room = datatypeOf(datatype).of(size) as Exclude<TensorData, string[]>
  if (data.length !== room.byteLength)
    throw new Error(`it has ${data.length} bytes for ${size} elements of ${datatype}`)
  new Uint8Array(room.buffer).set(data)
  return room
}

/** Texts of so many characters of four bytes each, filled up with zeros. */
function texts(data: Buffer, shape: readonly number[], width: number): NamedArray {
  const size = sizeOf(shape)
  if (data.length !== size * width * 4) throw new Error(`it has ${data.length} bytes for ${size} texts of ${width}`)
  const textAt = (i: number): string => {
    const points = Array.from({ length: width }, (_, k) => data.readUInt32LE(4 * (i * width + k)))
    return String.fromCodePoint(...points).replace(/\0+$/, '')
  }
  return { datatype: 'BYTES', shape, data: Array.from({ length: size }, (_, i) => textAt(i)) }
}

const [ofEnd, ofEntry] = [0x06054b50, 0x02014b50]

/** The arrays of a file, by their names. @throws Error that names the array, and says what is wrong */
export function readNpz(bytes: Uint8Array): Record<string, NamedArray> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(ofEnd)
  const end = buffer.lastIndexOf(mark)
  if (end < 0 || end + 22 > buffer.length) throw new Error('it is cut off')
  const count = buffer.readUInt16LE(end + 10)
  let at = buffer.readUInt32LE(end + 16)
  const arrays: Record<string, NamedArray> = {}
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || buffer.readUInt32LE(at) !== ofEntry) throw new Error('its list of arrays is broken')
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => buffer.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ]
    const name = buffer.toString('utf8', at + 46, at + 46 + nameLength).replace(/\.npy$/, '')
    try {
      arrays[name] = readNpy(contentOf(buffer, at))
    } catch (error) {
      throw new Error(`array "${name}": ${(error as Error).message}`)
    }
    at += 46 + nameLength + extra + comment
  }
  return arrays
}

/** What an entry of the list of a zip holds. */
function contentOf(buffer: Buffer, entry: number): Uint8Array {
  const [crc, packed, size, start] = [16, 20, 24, 42].map((field) => buffer.readUInt32LE(entry + field)) as [
    number,
    number,
    number,
    number,
  ]
  if (start + 30 > buffer.length) throw new Error('it is cut off')
  const from = start + 30 + buffer.readUInt16LE(start + 26) + buffer.readUInt16LE(start + 28)
  const stored = buffer.subarray(from, from + packed)
  const method = buffer.readUInt16LE(entry + 10)
  if (method !== 0 && method !== 8) throw new Error(`it is packed by method ${method}`)
  const content = method === 0 ? stored : inflateRawSync(stored, { maxOutputLength: Math.max(1, size) })
  if (content.length !== size || crc32(content) !== crc) throw new Error('its checksum is another one')
  return content
}
