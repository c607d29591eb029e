import { deserialize, serialize } from 'node:v8'

/**
 * Columns or tensors of a large request as bytes. The thread that answers hands them on without looking into them: to
 * make texts of them, or to copy them one by one, would hold it up as long as reading the body.
 */
export class Packed<Value> {
  private readonly bytes: Uint8Array<ArrayBuffer>
  /** Whether they are asked for once: then they are handed over, and not copied. */
  private readonly isSole: boolean

  constructor(bytes: Uint8Array<ArrayBuffer>, isSole: boolean) {
    this.bytes = bytes
    this.isSole = isSole
  }

  /** Bytes to give away to another thread, which unpacks them. */
  take(): PackedBytes<Value> {
    return { packed: this.isSole ? this.bytes : this.bytes.slice() }
  }

  unpacked(): Value {
    return unpack<Value>({ packed: this.bytes })
  }
}

/** What one thread gives to another. */
export interface PackedBytes<Value> {
  readonly packed: Uint8Array<ArrayBuffer>
  /** Of what; never there. */
  readonly of?: Value
}

/** Bytes with a buffer of their own, which can be given away. */
export function pack<Value>(value: Value): PackedBytes<Value> {
  const bytes = serialize(value)
  const isOwn = bytes.byteLength === bytes.buffer.byteLength
  return { packed: (isOwn ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes)) as Uint8Array<ArrayBuffer> }
}

export const unpack = <Value>({ packed }: PackedBytes<Value>): Value => deserialize(packed) as Value

/** What a thread is sent: small values as they are. */
export type Sent<Value> = PackedBytes<Value> | { readonly plain: Value }

export const sent = <Value>(given: Value | Packed<Value>): Sent<Value> =>
  given instanceof Packed ? given.take() : { plain: given }

export const received = <Value>(given: Sent<Value>): Value => ('packed' in given ? unpack(given) : given.plain)
