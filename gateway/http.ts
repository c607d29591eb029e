import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Collected, collect } from './bodies/collect.ts'
import { smallBody } from './bodies/json-bounds.ts'
import { emptyBody, HttpRequest, type RequestHandler } from './http-request.ts'
import type { Outgoing } from './protocols/protocol.ts'

export interface HttpOptions {
  readonly host: string
  readonly port: number
  /** Bytes that the largest body may have. */
  readonly bodyLimit: number
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  readonly handler: RequestHandler
}

/*
 * Node's own server and no framework: fastify's share of a single-row request was about a twelfth of its time in a
 * profile (taken before it was taken out), and of what that brings only routing would be used.
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

/** What a server has to do with at a moment. */
interface Traffic {
  /** Requests whose answers are not sent yet. */
  inFlight: number
  /** Whether every answer is the last of its connection. */
  isClosing: boolean
  /** Connections, ever. */
  accepted: number
  readonly sockets: Set<Socket>
}

/** Opens a port and answers what comes there. @throws what Node throws for a port that cannot be had */
export async function listen(options: HttpOptions): Promise<HttpServer> {
  const traffic: Traffic = { inFlight: 0, isClosing: false, accepted: 0, sockets: new Set() }
  const server: Server =
    options.tls === undefined ? createServer() : createTlsServer({ ...options.tls, minVersion: 'TLSv1.2' })
  server.headersTimeout = headMs
  server.requestTimeout = requestMs
  server.keepAliveTimeout = keepAliveMs
  server.on('connection', (socket: Socket) => {
    traffic.accepted++
    traffic.sockets.add(socket)
    socket.once('close', () => traffic.sockets.delete(socket))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) =>
    receive(traffic, options, request, response),
  )
  server.on('clientError', refuseNonsense)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => resolve())
  })
  return {
    port: (server.address() as AddressInfo).port,
    get inFlight() {
      return traffic.inFlight
    },
    drain() {
      traffic.isClosing = true
    },
    close: () => close(server, traffic),
  }
}

/** Reads a request whole, or refuses it by its head or its length, and has it answered. */
function receive(
  traffic: Traffic,
  { handler, bodyLimit }: HttpOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  traffic.inFlight++
  const request = new HttpRequest(incoming.method ?? 'GET', incoming.url ?? '/', incoming.headers)
  let limit: number | undefined
  // What it may have is asked for where it matters.
  const isTooLong = (bytes: number): boolean => {
    if (bytes <= smallBody && bytes <= bodyLimit) return false
    limit ??= handler.limitOf(request)
    return bytes > limit
  }
  const length = Number(incoming.headers['content-length'] ?? 0)
  const refusal = isTooLong(length) ? handler.tooLarge(request) : handler.admit(request)
  if (refusal !== undefined) {
    // What is on its way is let through unread, so that the client sees the answer and not a broken connection.
    incoming.resume()
    send(traffic, incoming, response, refusal)
    return
  }
  let body: Collected | undefined = collect(length)
  let size = 0
  let answered = false
  const refuse = (refusal: Outgoing): void => {
    send(traffic, incoming, response, refusal)
    answered = true
    body = undefined
    handler.bytes.giveBack(request)
  }
  incoming.on('data', (chunk: Buffer) => {
    if (answered) return
    size += chunk.length
    if (isTooLong(size)) refuse(handler.tooLarge(request))
    // What is small is kept whatever else is.
    else if (size > smallBody && !handler.bytes.take(request, size - request.held)) refuse(handler.noRoom(request))
    else body?.add(chunk)
  })
  incoming.on('end', () => {
    if (answered) return
    answered = true
    request.body = body?.whole() ?? emptyBody
    body = undefined
    void handler.answer(request).then((outgoing) => {
      handler.bytes.giveBack(request)
      send(traffic, incoming, response, outgoing)
    })
  })
  incoming.on('close', () => {
    // A client that went away in mid-body is owed nothing.
    if (answered) return
    answered = true
    traffic.inFlight--
    handler.bytes.giveBack(request)
  })
  incoming.on('error', () => {})
  response.on('error', () => {})
}

function send(
  traffic: Traffic,
  incoming: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Outgoing,
): void {
  traffic.inFlight--
  if (response.destroyed) return
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  headers.push('content-length', String(length))
  if (traffic.isClosing) headers.push('connection', 'close')
  response.writeHead(status, headers as never)
  if (incoming.complete) return void response.end(body)
  // A connection that is closed with bytes unread is reset, and the answer with it.
  response.write(body)
  const timer = setTimeout(() => response.end(), lingerMs).unref()
  incoming.once('end', () => {
    clearTimeout(timer)
    response.end()
  })
}

/** Answers what is no HTTP, or came too slowly. */
function refuseNonsense(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

async function close(server: Server, traffic: Traffic): Promise<void> {
  traffic.isClosing = true
  await quiet(() => traffic.accepted)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Node watches over slow senders no more when the port is closed, and takes those who never sent a byte for busy.
  const timers = [
    setTimeout(() => {
      for (const socket of traffic.sockets) if (socket.bytesRead === 0) socket.destroy()
    }, lingerMs),
    setTimeout(() => server.closeAllConnections(), requestMs),
  ]
  await closed
  for (const timer of timers) clearTimeout(timer)
}

/**
 * Waits for a turn of the event loop in which nobody came, at most for `lingerMs`: libuv accepts one connection a turn,
 * and those still queued when the port is closed, like connections whose bytes were not read yet, are reset by the
 * kernel.
 */
async function quiet(accepted: () => number): Promise<void> {
  for (const until = performance.now() + lingerMs; ; ) {
    const [before, began] = [accepted(), performance.now()]
    await new Promise((resolve) => setImmediate(resolve))
    const now = performance.now()
    if ((accepted() === before && now - began < 0.2) || now > until) return
  }
}
