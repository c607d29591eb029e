import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/**
 * What becomes of an answer. `cut` breaks the connection in the middle of it, `reset` before it begins though the
 * server has done what was asked, `short` ends a body early with a connection that closes, `altered` sends other bytes
 * of the same number; a number is a status that the server never said.
 */
export type Fault = 'cut' | 'reset' | 'short' | 'altered' | 403 | 500 | 503

/** A way to an HTTP server that spoils answers as it is told. */
export interface FaultyServer {
  readonly address: string
  /** Says of each answer what becomes of it; undefined lets it pass. */
  spoil(
    fault: (seen: { readonly n: number; readonly method: string; readonly path: string }) => Fault | undefined,
  ): void
  /** How many answers came to each fault, by its name. */
  readonly spoilt: Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** @param target address of the server, `http://127.0.0.1:8333` */
export async function startFaultyServer(target: string): Promise<FaultyServer> {
  const { hostname, port } = new URL(target)
  const spoilt: Record<string, number> = {}
  const open = new Set<Socket>()
  let n = 0
  let faultOf: Parameters<FaultyServer['spoil']>[0] = () => undefined
  const server = createServer((incoming, answer) => {
    const fault = faultOf({ n: n++, method: incoming.method ?? '', path: incoming.url ?? '' })
    if (fault !== undefined) spoilt[fault] = (spoilt[fault] ?? 0) + 1
    if (typeof fault === 'number') return refuse(incoming, answer, fault)
    const { method, url: path, rawHeaders: headers } = incoming
    // Headers as they came: the signature is of the host that the client has named.
    const asked = request({ host: hostname, port, method, path, headers, agent: false }, (given) => {
      if (fault === undefined) {
        answer.writeHead(given.statusCode ?? 502, given.rawHeaders)
        given.pipe(answer)
      } else void spoilWith(given, answer, fault)
    })
    asked.on('error', () => answer.destroy())
    incoming.on('error', () => asked.destroy())
    incoming.pipe(asked)
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
  })
  // A client that waits for the word to go on sends its body after it.
  server.on('checkContinue', (incoming, answer) => {
    answer.writeContinue()
    server.emit('request', incoming, answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spoil(fault) {
      faultOf = fault
    },
    spoilt,
    async stop() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Says a status as S3 does, without having asked the server. */
function refuse(incoming: IncomingMessage, answer: ServerResponse, status: number): void {
  const code = { 403: 'AccessDenied', 503: 'SlowDown' }[status] ?? 'InternalError'
  incoming.resume()
  incoming.once('end', () => {
    answer.writeHead(status, { 'content-type': 'application/xml' })
    answer.end(incoming.method === 'HEAD' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
  })
}

async function spoilWith(given: IncomingMessage, answer: ServerResponse, fault: Fault): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of given) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  if (fault === 'reset') return void answer.socket?.resetAndDestroy()
  if (fault === 'altered') {
    if (body.length > 0) body[body.length >> 1] = (body[body.length >> 1] as number) ^ 1
    answer.writeHead(given.statusCode ?? 502, given.rawHeaders)
    return void answer.end(body)
  }
  if (fault === 'short' && body.length > 0) {
    answer.writeHead(given.statusCode ?? 502, { ...withoutLength(given), connection: 'close' })
    answer.shouldKeepAlive = false
    return void answer.end(body.subarray(0, body.length >> 1))
  }
  answer.writeHead(given.statusCode ?? 502, given.rawHeaders)
  answer.flushHeaders()
  answer.write(body.subarray(0, body.length >> 1), () => answer.socket?.resetAndDestroy())
}

function withoutLength({ headers }: IncomingMessage): Record<string, string | string[]> {
  const { 'content-length': _, 'transfer-encoding': __, ...rest } = headers
  return rest as Record<string, string | string[]>
}
