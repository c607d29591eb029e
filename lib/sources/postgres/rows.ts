import type { ColumnBuffer } from './column-buffer.ts'
import { int32, type Put } from './values.ts'

/** A column on its way: where its values gather, and how one of them is read. */
export interface CopiedColumn {
  readonly buffer: ColumnBuffer
  readonly put: Put
}

/** Bytes before the first row: signature, flags, and the length of an extension that is not used. */
const headerBytes = 19
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')

/** Reads the messages of `COPY … TO STDOUT (FORMAT binary)`, each a row; the header comes with the first. */
export class RowReader {
  private begun = false
  private readonly columns: readonly CopiedColumn[]

  constructor(columns: readonly CopiedColumn[]) {
    this.columns = columns
  }

  /**
   * Puts the row of a message, `bytes` from `start` to `end`, into a row of the buffers.
   * @returns whether there was one: the last message is the end
   * @throws Error when it is no such message
   */
  read(bytes: Buffer, start: number, end: number, row: number): boolean {
    let at = this.begun ? start : this.skipHeader(bytes, start)
    if (at === end) return false
    const fields = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    if (fields === 0xffff) return false
    if (fields !== this.columns.length) throw new Error(`a row of ${fields} values, not ${this.columns.length}`)
    at += 2
    for (let i = 0; i < fields; i++) {
      const { buffer, put } = this.columns[i] as CopiedColumn
      const length = int32(bytes, at)
      at += 4
      if (length === -1) buffer.putNull(row)
      else {
        put(buffer, bytes, at, length, row)
        at += length
      }
    }
    if (at !== end) throw new Error(`a row of ${at - start} bytes in a message of ${end - start}`)
    return true
  }

  private skipHeader(bytes: Buffer, start: number): number {
    if (!bytes.subarray(start, start + signature.length).equals(signature))
      throw new Error('no header of a copy in binary form')
    this.begun = true
    return start + headerBytes
  }
}
