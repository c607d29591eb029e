import type { Socket } from 'node:net'
import type { Connection, Submittable } from 'pg'

/** Codes of messages (PostgreSQL's "Message Formats") that may come between rows and are not for the driver. */
const copyData = 'd'.charCodeAt(0)
const passedOver = new Set([...'HNSA'].map((code) => code.charCodeAt(0)))
/** Bytes of a message's code and length. */
const headBytes = 5

/** Takes what a message of a copy holds, a row: `bytes` from `at` to `end`. */
export type OnRow = (bytes: Buffer, at: number, end: number) => void

type Listener = (bytes: Buffer) => void

/**
 * A `COPY … TO STDOUT` for the driver to carry out. The driver would make two objects and an event of each of millions
 * of rows; so while rows come, this listens to the connection in its place, and hands it back what follows the last
 * row, an error as well.
 */
export class CopyOut implements Submittable {
  /** Ends when the server has sent everything, with what went wrong otherwise. */
  readonly done: Promise<void>
  private readonly sql: string
  private readonly onRow: OnRow
  private settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  private stream: Socket | undefined
  private silence = 0
  private driver: Listener | undefined
  /** Pieces of a message that has not come whole, and the bytes it takes. */
  private pieces: Buffer[] = []
  private wanted = 0

  /** @param onRow what it throws ends the copy and the connection */
  constructor(sql: string, onRow: OnRow) {
    this.sql = sql
    this.onRow = onRow
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
  }

  /** Lets the server wait until `resume`; meanwhile its silence means nothing. */
  pause(): void {
    this.stream?.pause().setTimeout(0)
  }

  resume(): void {
    this.stream?.resume().setTimeout(this.silence)
  }

  /** Ends the copy, and the connection with it. */
  fail(error: Error): void {
    this.settle?.reject(error)
    this.stream?.removeListener('data', this.listen)
    this.stream?.destroy()
  }

  submit(connection: Connection): void {
    this.stream = connection.stream as Socket
    this.silence = this.stream.timeout ?? 0
    this.driver = this.stream.listeners('data')[0] as Listener
    this.stream.removeListener('data', this.driver)
    this.stream.on('data', this.listen)
    connection.query(this.sql)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.settle?.resolve()
  }

  handleError(error: Error): void {
    this.settle?.reject(error)
  }

  private readonly listen = (arrived: Buffer): void => {
    try {
      let bytes = arrived
      while (bytes.length > 0) {
        let next = bytes
        if (this.pieces.length > 0) {
          // What is put together is one message, not all that arrived: that would be copied whole.
          const missing = bytes.subarray(0, this.wanted)
          this.pieces.push(missing)
          this.wanted -= missing.length
          if (this.wanted > 0) return
          next = Buffer.concat(this.pieces)
          this.pieces = []
          bytes = bytes.subarray(missing.length)
        } else bytes = bytes.subarray(bytes.length)
        if (this.readMessages(next)) continue
        if (bytes.length > 0) this.driver?.(bytes)
        return
      }
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** @returns whether more is to be read here: not where the driver goes on */
  private readMessages(bytes: Buffer): boolean {
    let at = 0
    let next = headBytes
    while (at + headBytes <= bytes.length) {
      const code = bytes[at] as number
      next = at + 1 + bytes.readUInt32BE(at + 1)
      if (code !== copyData && !passedOver.has(code)) {
        this.handBack(bytes.subarray(at))
        return false
      }
      if (next > bytes.length) break
      if (code === copyData) this.onRow(bytes, at + headBytes, next)
      at = next
      next = at + headBytes
    }
    if (at < bytes.length) this.pieces.push(bytes.subarray(at))
    this.wanted = next - bytes.length
    return true
  }

  private handBack(rest: Buffer): void {
    const driver = this.driver as Listener
    this.stream?.removeListener('data', this.listen)
    this.stream?.on('data', driver)
    driver(rest)
  }
}
