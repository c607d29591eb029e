import type { Metadata } from '@grpc/grpc-js'
import type { PredictionRequest } from '../predictions.ts'

/** Headers that are the transport's own: messages come unpacked, and are of one type. */
const ofTransport = new Set(['content-type', 'content-encoding', 'accept', 'accept-encoding'])

/** A call as requests are known here: its metadata are its headers. */
export class CallRequest implements PredictionRequest {
  body: Buffer
  readonly arrivedAt = performance.now()
  deadline: number | undefined
  held = 0
  stepAside: (() => void) | undefined
  /** What came along, read once: a look-up in metadata checks its name each time. */
  private readonly headers: Readonly<Record<string, string | Buffer>>

  /** @param deadline by the machine's clock, ms since 1970; infinity where there is none */
  constructor(metadata: Metadata, deadline: Date | number, body: Buffer) {
    this.headers = metadata.getMap()
    this.body = body
    this.deadline = deadline === Number.POSITIVE_INFINITY ? undefined : this.arrivedAt + Number(deadline) - Date.now()
  }

  header(name: string): string | undefined {
    if (ofTransport.has(name)) return undefined
    const value = this.headers[name]
    return typeof value === 'string' ? value : undefined
  }

  fields(): Record<string, string> {
    const fields: Record<string, string> = {}
    for (const name of Object.keys(this.headers)) {
      const value = this.header(name)
      if (value !== undefined) fields[name] = value
    }
    return fields
  }

  /** Its client waits no longer. */
  giveUp(): void {
    this.deadline = Number.NEGATIVE_INFINITY
  }
}
