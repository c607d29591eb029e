import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

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
  /** From now on every answer is the last of its connection; new connections are taken as before. */
  drain(): void
  /** Closes the port, and resolves when what was sent to it is answered, or its sender took longer than any may. */
  close(): Promise<void>
}

/** Connections idle this long are closed, ms: longer than what load balancers usually keep theirs. */
const keepAliveMs = 72_000
/** Slow senders are cut off: the head must be here within this, ms. */
const headMs = 15_000
/** And the whole request within this, ms. */
export const requestMs = 30_000
/** So long is read on after an answer that came before the request's end, ms: its sender looks at it only then. */
const lingerMs = 2_000

export async function listen(options: HttpOptions): Promise<HttpServer> {
  let inFlight = 0
  let closing = false
  const server: Server =
    options.tls === undefined ? createServer() : createTlsServer({ ...options.tls, minVersion: 'TLSv1.2' })
  server.headersTimeout = headMs
  server.requestTimeout = requestMs
  server.keepAliveTimeout = keepAliveMs
  let accepted = 0
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    accepted++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const send = (request: IncomingMessage, response: ServerResponse, { status, headers, body }: Outgoing): void => {
    inFlight--
    if (response.destroyed) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    headers.push('content-length', String(length))
    if (closing) headers.push('connection', 'close')
    response.writeHead(status, headers as never)
    if (request.complete) return void response.end(body)
    // A connection that is closed with bytes unread is reset, and the answer with it.
    response.write(body)
    const timer = setTimeout(() => response.end(), lingerMs).unref()
    request.once('end', () => {
      clearTimeout(timer)
      response.end()
    })
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
      return send(request, response, refusal)
    }
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    let answered = false
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > options.bodyLimit) {
        if (!answered) send(request, response, options.tooLarge(head))
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
      void options.answer(head).then((outgoing) => send(request, response, outgoing))
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
    drain() {
      closing = true
    },
    async close() {
      closing = true
      await quiet(() => accepted)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Node watches over slow senders no more when the port is closed, and takes those who never sent a byte for busy.
      const timers = [
        setTimeout(() => {
          for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
        }, lingerMs),
        setTimeout(() => server.closeAllConnections(), requestMs),
      ]
      await closed
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

/**
 * Waits for a turn of the event loop in which nobody came: libuv accepts one connection a turn, and those still queued when the port
 * is closed, like connections whose bytes were not read yet, are reset by the kernel. Without such a turn within `lingerMs` it has to do.
 */
async function quiet(accepted: () => number): Promise<void> {
  for (const until = performance.now() + lingerMs; ; ) {
    const [before, began] = [accepted(), performance.now()]
    await new Promise((resolve) => setImmediate(resolve))
    const now = performance.now()
    if ((accepted() === before && now - began < 0.2) || now > until) return
  }
}

const emptyBody = Buffer.alloc(0)
