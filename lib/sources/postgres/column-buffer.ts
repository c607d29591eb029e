import { SlipwayError } from '../../formats/errors.ts'

/** Rows of a buffer: DuckDB's vector size. */
export const vectorRows = 2_048
/** Bytes of a text that DuckDB keeps inside its 16 bytes a value (`duckdb_string_t` of its C header). */
const inlineBytes = 12

/** A text that is longer than that, and its row. */
interface LongText {
  readonly row: number
  readonly text: Buffer
}

/** Memory for one vector of DuckDB's, as bytes and as wider numbers. */
interface Vector {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly int16: Int16Array
  readonly int32: Int32Array
  readonly int64: BigInt64Array
}

/** Values of a column, as `ColumnBuffer` lays them out. */
export interface TakenColumn {
  /** From the start of its memory. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** A bit a row, 1 where there is a value; undefined where there always is. */
  readonly validity: Uint8Array<ArrayBuffer> | undefined
  readonly longTexts: readonly LongText[]
  /** Lets the memory be used again, once the values were copied. */
  giveBack(): void
}

/** Values of one column, laid out as DuckDB lays out a vector, until they are handed over: at most `vectorRows`. */
export class ColumnBuffer {
  readonly name: string
  private readonly width: number
  private vector: Vector
  bytes: Uint8Array<ArrayBuffer>
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  /** Memory that was given back: made anew each time, it would keep the collector busy longer than the rows take. */
  private readonly spare: Vector[] = []
  /** A bit a row, 1 where there is a value. */
  private readonly validity = new Uint8Array(vectorRows / 8).fill(255)
  private hasNulls = false
  private longTexts: LongText[] = []

  constructor(name: string, width: number) {
    this.name = name
    this.width = width
    this.vector = newVector(width)
    ;({ bytes: this.bytes, int16: this.int16, int32: this.int32, int64: this.int64 } = this.vector)
  }

  putNull(row: number): void {
    this.hasNulls = true
    this.validity[row >> 3] = (this.validity[row >> 3] as number) & ~(1 << (row & 7))
  }

  putText(from: Buffer, at: number, length: number, row: number): void {
    if (length > inlineBytes) {
      this.longTexts.push({ row, text: Buffer.from(from.subarray(at, at + length)) })
      return
    }
    const { bytes, int32 } = this
    const word = row * 4
    int32[word] = length
    // What a text leaves over is zero.
    int32[word + 1] = int32[word + 2] = int32[word + 3] = 0
    const start = word * 4 + 4
    for (let i = 0; i < length; i++) bytes[start + i] = from[at + i] as number
  }

  /** The values of the first rows; the buffer is empty afterwards. */
  take(rows: number): TakenColumn {
    const { vector } = this
    const taken = {
      bytes: vector.bytes.subarray(0, rows * this.width),
      validity: this.hasNulls ? this.validity.slice() : undefined,
      longTexts: this.longTexts,
      giveBack: () => void this.spare.push(vector),
    }
    this.vector = this.spare.pop() ?? newVector(this.width)
    ;({ bytes: this.bytes, int16: this.int16, int32: this.int32, int64: this.int64 } = this.vector)
    if (this.hasNulls) this.validity.fill(255)
    this.hasNulls = false
    this.longTexts = []
    return taken
  }

  /** Ends the reading at a value that a parquet file cannot hold. */
  refuse(value: string, cast: string): never {
    throw new SlipwayError(
      'COLUMN_TYPE',
      `column "${this.name}" holds ${value}, which its type in parquet cannot say`,
      {
        next: `read it by ?query= and write ${cast} in place of the column`,
      },
    )
  }
}

function newVector(width: number): Vector {
  const memory = new ArrayBuffer(vectorRows * width)
  const [two, four, eight] = [2, 4, 8].map((size) => Math.floor(memory.byteLength / size))
  return {
    bytes: new Uint8Array(memory),
    int16: new Int16Array(memory, 0, two),
    int32: new Int32Array(memory, 0, four),
    int64: new BigInt64Array(memory, 0, eight),
  }
}
