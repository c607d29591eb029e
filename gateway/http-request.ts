import type { IncomingHttpHeaders } from 'node:http'
import type { ByteBudget } from './bodies/byte-budget.ts'
import type { PredictionRequest } from './predictions.ts'
import type { Incoming, Outgoing, Protocol, Served } from './protocols/protocol.ts'

export const emptyBody = Buffer.alloc(0)

/** A request as it came by HTTP. */
export class HttpRequest implements Incoming {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  body: Buffer
  readonly arrivedAt = performance.now()
  held = 0
  stepAside: (() => void) | undefined

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

  fields(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.headers).map((name) => [name, this.header(name) ?? '']))
  }
}

/**
 * Answers calls of a transport that says in messages, and not in paths, what is asked; the same limits and tokens hold.
 */
export interface CallHandler {
  readonly served: Served
  /** Whether bearers of an `Authorization` header may ask; undefined where everybody may. */
  readonly isAllowed: ((authorization: string | undefined) => boolean) | undefined
  /** Refuses for load's sake. @throws SlipwayError OVERLOADED */
  admit(): void
  /** @param name of the endpoint; without one the only one is meant @param version its number, or the route decides */
  predict(
    protocol: Protocol,
    request: PredictionRequest,
    name: string | undefined,
    version: string | undefined,
  ): Promise<Outgoing>
}

/** Answers requests without knowing of sockets. */
export interface RequestHandler {
  /** Looks at the head alone, and may refuse the request: then its body is not read. */
  admit(request: HttpRequest): Outgoing | undefined
  answer(request: HttpRequest): Promise<Outgoing>
  tooLarge(request: HttpRequest): Outgoing
  /** Bytes that its body may have. */
  limitOf(request: HttpRequest): number
  /** What is kept of large bodies while they come in and are answered. */
  readonly bytes: ByteBudget
  /** What is answered where there is no room for one. */
  noRoom(request: HttpRequest): Outgoing
  readonly calls: CallHandler
}
