import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Asset, readAssets } from './assets.ts'
import { hostsOf, refuseReading, refuseWriting, safeHeaders } from './guard.ts'
import { type Answered, type Live, watchDocuments } from './live.ts'

export interface ConsoleOptions {
  readonly host: string
  readonly port: number
  /** Where people open it, where that is not here: a proxy's address. */
  readonly address?: string | undefined
  /** What those who write have to show. */
  readonly token: string
  /** A document by its path below `/api/`; throws nothing. */
  read(path: string): Promise<Answered>
  /** How often a document is looked at while somebody listens, ms. */
  everyMs(path: string): number
  /** Carries out what a button asks for; throws nothing. */
  act(path: string, asked: unknown): Promise<{ readonly status: number; readonly body: unknown }>
}

export interface Console {
  readonly address: string
  stop(): Promise<void>
}

/** Bytes that a button may send. */
const bodyLimit = 16_384
/** A connection that has nothing to say says so this often, ms: what lies between would take it for dead. */
const heartbeatMs = 15_000
/** Documents that one page may listen to. */
const mostListened = 16

/** Serves the console: its front end, documents to read, and what its buttons ask for. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const assets = readAssets()
  const live = watchDocuments(options.read, options.everyMs)
  let hosts: ReadonlySet<string> = new Set()
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value)
    answer({ options, assets, live, hosts }, request, response).catch((error: Error) => {
      console.error('console: unforeseen:', error)
      if (response.headersSent) response.destroy()
      else say(response, 500, { error: { code: 'INTERNAL', message: error.message, next: null } })
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  hosts = hostsOf(port, options.address)
  return {
    address: options.address ?? `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Serving {
  readonly options: ConsoleOptions
  readonly assets: ReadonlyMap<string, Asset>
  readonly live: Live
  readonly hosts: ReadonlySet<string>
}

async function answer(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { options, assets, live, hosts } = serving
  const url = new URL(request.url ?? '/', 'http://console')
  const refuse = ({ status, message }: { status: number; message: string }): void =>
    say(response, status, { error: { code: 'USAGE', message, next: null } })
  if (request.method === 'POST') {
    const refusal = refuseWriting(request, hosts, options.token)
    if (refusal !== undefined) return refuse(refusal)
    const asked = await readJson(request)
    if (asked === undefined) return refuse({ status: 400, message: 'the body is no JSON, or too long' })
    const { status, body } = await options.act(url.pathname.replace(/^\/api\//, ''), asked)
    return say(response, status, body)
  }
  const refusal = refuseReading(request, hosts)
  if (refusal !== undefined) return refuse(refusal)
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse({ status: 405, message: `${request.method} is not taken here` })
  if (url.pathname === '/api/events') return tell(live, url.searchParams.getAll('of'), response)
  if (url.pathname.startsWith('/api/')) {
    const answered = await options.read(url.pathname.slice('/api/'.length))
    const isMissing = 'error' in answered && answered.error.code === 'NOT_FOUND'
    return say(response, 'document' in answered ? 200 : isMissing ? 404 : 503, answered)
  }
  return give(assets, url.pathname, response)
}

/** A file of the front end; any other address is a page of it, which finds its way by itself. */
function give(assets: ReadonlyMap<string, Asset>, path: string, response: ServerResponse): void {
  const named = assets.get(path.slice(1))
  const asset = named ?? (/\.\w{1,5}$/.test(path) ? undefined : assets.get('index.html'))
  if (asset === undefined) return void say(response, 404, { error: { code: 'NOT_FOUND', message: path, next: null } })
  const isHashed = named !== undefined && /-[A-Z0-9]{8}\.(?:js|css)$/.test(path)
  response.writeHead(200, {
    'content-type': asset.type,
    'content-length': asset.body.length,
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  })
  response.end(asset.body)
}

/** Server-sent events (html.spec.whatwg.org, 9.2): each document as it is now, and whenever it changes. */
function tell(live: Live, paths: readonly string[], response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write('retry: 1000\n\n')
  const ends = paths
    .slice(0, mostListened)
    .map((path) => live.listen(path, (text) => response.write(`event: document\ndata: ${text}\n\n`)))
  const heartbeat = setInterval(() => response.write(': here\n\n'), heartbeatMs)
  response.on('close', () => {
    clearInterval(heartbeat)
    for (const end of ends) end()
  })
}

/** Undefined for what is no JSON, or too long. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyLimit) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

function say(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(text)
}
