/** What becomes of the fields of a message, by number: other bytes, or nothing where the field is left out. Others stay. */
export type FieldRewrites = Readonly<Record<number, (value: Uint8Array) => Uint8Array | undefined>>

/**
 * Writes a protobuf message anew with some of its fields changed, whatever else is in it (protobuf.dev, Encoding).
 * @param rewrites of fields of wire type 2: texts, bytes and messages
 * @throws Error where it is no protobuf message
 */
export function rewriteMessage(message: Uint8Array, rewrites: FieldRewrites): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { field, start, end, value } of fieldsOf(message)) {
    const rewrite = rewrites[field]
    if (rewrite === undefined || value === undefined) {
      parts.push(message.subarray(start, end))
      continue
    }
    const changed = rewrite(value)
    if (changed !== undefined) parts.push(varint((field << 3) | 2), varint(changed.length), changed)
  }
  return Buffer.concat(parts)
}

/** The bytes of every occurrence of a field of wire type 2. */
export function valuesOf(message: Uint8Array, wanted: number): Uint8Array[] {
  return [...fieldsOf(message)].flatMap(({ field, value }) => (field === wanted && value !== undefined ? [value] : []))
}

/** The number in a field of wire type 0; 0 where it is not there. */
export function numberOf(message: Uint8Array, wanted: number): number {
  let found = 0
  for (const { field, number } of fieldsOf(message)) if (field === wanted && number !== undefined) found = number
  return found
}

interface Field {
  readonly field: number
  readonly start: number
  readonly end: number
  /** Of wire type 2. */
  readonly value?: Uint8Array
  /** Of wire type 0. */
  readonly number?: number
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0
  const readVarint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('the message ends within a number')
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
  }
  while (at < message.length) {
    const start = at
    const tag = readVarint()
    const [field, type] = [Math.floor(tag / 8), tag % 8]
    if (type === 0) {
      const number = readVarint()
      yield { field, start, end: at, number }
      continue
    }
    const from = type === 2 ? readVarint() : undefined
    const begin = at
    at += from ?? (type === 1 ? 8 : type === 5 ? 4 : Number.NaN)
    if (!(at <= message.length)) throw new Error('the message ends within a field')
    yield { field, start, end: at, ...(from !== undefined && { value: message.subarray(begin, at) }) }
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
