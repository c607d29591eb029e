import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** A request as it came, body read whole. */
export interface Incoming {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  body: Buffer
  /** `performance.now()` when its head was here. */
  readonly arrivedAt: number
}

export interface Outgoing {
  readonly status: number
  /** Names and values by turns; the one who sends adds to them. */
  readonly headers: string[]
  readonly body: string | Buffer
}

export interface HttpOptions {
  readonly host: string
  readonly port: number
  /** Bytes a body may have. */
  readonly bodyLimit: number
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  /** Answers a request. It may look at the head alone first, and refuse it: then the body is not read. */
  admit(request: Omit<Incoming, 'body'>): Outgoing | undefined
  answer(request: Incoming): Promise<Outgoing>
  tooLarge(request: Omit<Incoming, 'body'>): Outgoing
}

/*
 * Node's own server and no framework: fastify's share of a single-row request was about a twelfth of its time in a profile (taken before
 * it was taken out), and of what that brings only routing would be used.
 */
export interface HttpServer {
  readonly port: number
  readonly inFlight: number
  /** Takes no more requests, and resolves when those it has are answered. */
  close(): Promise<void>
}

/** Connections idle this long are closed, ms: longer than what load balancers usually keep theirs. */
const keepAliveMs = 72_000

export async function listen(options: HttpOptions): Promise<HttpServer> {
  let inFlight = 0
  let closing = false
  const server: Server =
    options.tls === undefined ? createServer() : createTlsServer({ ...options.tls, minVersion: 'TLSv1.2' })
  // Slow senders are cut off: head and whole request must be here within these.
  server.headersTimeout = 15_000
  server.requestTimeout = 30_000
  server.keepAliveTimeout = keepAliveMs
  const send = (response: ServerResponse, { status, headers, body }: Outgoing): void => {
    inFlight--
    if (response.destroyed) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    headers.push('content-length', String(length))
    if (closing) headers.push('connection', 'close')
    response.writeHead(status, headers as never)
    response.end(body)
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    inFlight++
    const head: Incoming = {
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      headers: request.headers,
      body: emptyBody,
      arrivedAt: performance.now(),
    }
    const refusal =
      Number(request.headers['content-length'] ?? 0) > options.bodyLimit ? options.tooLarge(head) : options.admit(head)
    if (refusal !== undefined) {
      // What is on its way is let through unread, so that the client sees the answer and not a broken connection.
      request.resume()
      return send(response, refusal)
    }
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    let answered = false
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > options.bodyLimit) {
        if (!answered) send(response, options.tooLarge(head))
        answered = true
        first = rest = undefined
      } else if (first === undefined) first = chunk
      else {
        rest ??= [first]
        rest.push(chunk)
      }
    })
    request.on('end', () => {
      if (answered) return
      answered = true
      head.body = rest === undefined ? (first ?? emptyBody) : Buffer.concat(rest)
      void options.answer(head).then((outgoing) => send(response, outgoing))
    })
    request.on('close', () => {
      // A client that went away in mid-body is owed nothing.
      if (answered) return
      answered = true
      inFlight--
    })
    request.on('error', () => {})
    response.on('error', () => {})
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => resolve())
  })
  return {
    port: (server.address() as AddressInfo).port,
    get inFlight() {
      return inFlight
    },
    async close() {
      closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      while (inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10))
      server.closeIdleConnections()
      // Connections that were answered last are idle a moment later.
      setTimeout(() => server.closeAllConnections(), 200).unref()
      await closed
    },
  }
}

const emptyBody = Buffer.alloc(0)
