/** Writes protobuf messages field by field: always the same bytes for the same calls. (protobuf.dev, Encoding.) */
export class MessageWriter {
  private chunks: Uint8Array[] = []

  /** Wire type 0. Negative numbers take ten bytes, as the specification has it. */
  int(field: number, value: number | bigint): this {
    return this.push(varint((BigInt(field) << 3n) | 0n), varint(BigInt.asUintN(64, BigInt(value))))
  }

  /** Wire type 5. */
  float(field: number, value: number): this {
    return this.push(varint((BigInt(field) << 3n) | 5n), new Uint8Array(Float32Array.of(value).buffer))
  }

  /** Wire type 2: text, bytes, or a nested message. */
  bytes(field: number, value: Uint8Array | string | MessageWriter): this {
    const content =
      typeof value === 'string'
        ? new TextEncoder().encode(value)
        : value instanceof MessageWriter
          ? value.finish()
          : value
    return this.push(varint((BigInt(field) << 3n) | 2n), varint(BigInt(content.length)), content)
  }

  packedFloats(field: number, values: Iterable<number>): this {
    return this.bytes(field, new Uint8Array(Float32Array.from(values).buffer))
  }

  packedInts(field: number, values: Iterable<number>): this {
    const content = new MessageWriter()
    for (const value of values) content.push(varint(BigInt.asUintN(64, BigInt(value))))
    return this.bytes(field, content)
  }

  finish(): Uint8Array {
    return Buffer.concat(this.chunks)
  }

  private push(...chunks: Uint8Array[]): this {
    this.chunks.push(...chunks)
    return this
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
