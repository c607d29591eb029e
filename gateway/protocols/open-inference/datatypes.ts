import { fromHalf } from '../../../lib/formats/half.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { utf8Of } from '../../text.ts'

/** Elements as they lie in binary tensor data. */
type Decoder = (bytes: Buffer, count: number, path: string) => ArrayLike<unknown>

/** Elements of fixed width, little-endian and unaligned: copied before they are viewed. */
function fixed<T extends ArrayLike<unknown>>(width: number, view: (buffer: ArrayBuffer) => T): Decoder {
  return (bytes, count, path) => {
    if (bytes.length !== count * width) throw invalid(`${bytes.length} bytes for ${count} elements of ${width}`, path)
    return view(new Uint8Array(bytes).buffer)
  }
}

/** Data types of tensors, and how their bytes are read. */
export const datatypes: Readonly<Record<string, Decoder>> = {
  BOOL: fixed(1, (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte !== 0)),
  INT8: fixed(1, (buffer) => new Int8Array(buffer)),
  INT16: fixed(2, (buffer) => new Int16Array(buffer)),
  INT32: fixed(4, (buffer) => new Int32Array(buffer)),
  INT64: fixed(8, (buffer) => new BigInt64Array(buffer)),
  UINT8: fixed(1, (buffer) => new Uint8Array(buffer)),
  UINT16: fixed(2, (buffer) => new Uint16Array(buffer)),
  UINT32: fixed(4, (buffer) => new Uint32Array(buffer)),
  UINT64: fixed(8, (buffer) => new BigUint64Array(buffer)),
  FP16: fixed(2, (buffer) => Float32Array.from(new Uint16Array(buffer), fromHalf)),
  // The upper half of a float32.
  BF16: fixed(2, (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer)),
  FP32: fixed(4, (buffer) => new Float32Array(buffer)),
  FP64: fixed(8, (buffer) => new Float64Array(buffer)),
  BYTES: (bytes, count, path) => {
    const texts: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY
      if (at + 4 + length > bytes.length) throw invalid('the binary data ends in the middle of an element', path)
      const text = utf8Of(bytes.subarray(at + 4, at + 4 + length))
      if (text === undefined) throw invalid(`element ${texts.length} of the binary data is no UTF-8 text`, path)
      texts.push(text)
      at += 4 + length
    }
    if (texts.length !== count)
      throw invalid(`${texts.length} elements in the binary data, ${count} by the shape`, path)
    return texts
  },
}
/** How elements of a datatype that is known are read. */
export const decoderOf = (datatype: string): Decoder => datatypes[datatype] as Decoder

export const isIntegral = (datatype: string): boolean => /^U?INT/.test(datatype)
