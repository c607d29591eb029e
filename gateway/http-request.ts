import type { IncomingHttpHeaders } from 'node:http'
import type { Incoming, Outgoing } from './protocols/protocol.ts'

export const emptyBody = Buffer.alloc(0)

/** A request as it came by HTTP. */
export class HttpRequest implements Incoming {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  body: Buffer
  readonly arrivedAt = performance.now()

  constructor(method: string, url: string, headers: IncomingHttpHeaders, body: Buffer = emptyBody) {
    this.method = method
    this.url = url
    this.headers = headers
    this.body = body
  }

  header(name: string): string | undefined {
    const value = this.headers[name]
    return Array.isArray(value) ? value[0] : value
  }
}

/** Answers requests without knowing of sockets. */
export interface RequestHandler {
  /** Looks at the head alone, and may refuse the request: then its body is not read. */
  admit(request: HttpRequest): Outgoing | undefined
  answer(request: HttpRequest): Promise<Outgoing>
  tooLarge(request: HttpRequest): Outgoing
}
