import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { known, messageIn, problemsOf } from './messages.ts'
import { registry } from './registry.ts'
import { storage } from './storage.ts'
import { type Handlers, tracking, unsupported } from './tracking.ts'
import { type FakeOptions, type Fault, faultOf, invalid, Refusal, type World } from './world.ts'

/** A fake of a Databricks workspace and of the storage behind it, on a port of 127.0.0.1. */
export interface Fake {
  readonly address: string
  readonly world: World
  stop(): void
}

/** The token that is known from the beginning. */
export const token = 'dapi-secret-token'

export async function startFake(options: FakeOptions = {}): Promise<Fake> {
  const server = createServer((request, response) => {
    void answer(world, handlers, request, response).catch((error: Error) => {
      world.offences.push(`the fake itself: ${error.message}`)
      response.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  let id = 100
  const world: World = {
    options,
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    experiments: new Map(),
    runs: new Map(),
    models: new Map(),
    files: new Map(),
    tokens: new Set([token]),
    requests: [],
    faults: [],
    signatures: new Set(),
    offences: [],
    nextId: () => ++id,
  }
  const handlers = { ...tracking(world), ...registry(world) }
  for (const call of Object.keys(handlers))
    if (known.endpoints[call] === undefined) throw new Error(`MLflow knows no ${call}`)
  return {
    address: world.address,
    world,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(world: World, handlers: Handlers, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const { pathname, searchParams } = new URL(request.url ?? '', world.address)
  const call = callOf(request.method ?? '', pathname)
  const log = (status: number, asked: unknown = {}): void => void world.requests.push({ call, body: asked, status })
  const fault = faultOf(world, call)
  if (fault !== undefined && fault.answer !== 'cut') return misfortune(world, fault, response, log)
  if (pathname.startsWith('/storage/')) {
    if (fault?.answer === 'cut') cutShort(response)
    return log(storage(world, request, body, response))
  }
  if (pathname === '/oidc/v1/token') return log(oauth(world, request, body, response))
  try {
    if (!world.tokens.has((request.headers.authorization ?? '').replace(/^Bearer /, '')))
      throw new Refusal(403, 'PERMISSION_DENIED', 'Invalid access token.')
    // Not every workspace has files of runs in its files API; MLflow's client then asks for signed addresses.
    if (pathname.includes('/WorkspaceInternal/')) throw new Refusal(403, 'PERMISSION_DENIED', 'files of runs')
    if (call === 'GET /fs/directories') return respond(response, log, listed(world, pathname))
    if (call.endsWith(' /fs/files')) return log(file(world, request, pathname, { body, response }))
    const handler = handlers[call]
    const endpoint = known.endpoints[call]
    if (handler === undefined || endpoint === undefined) throw unsupported(call)
    const asked = body.length > 0 ? JSON.parse(body.toString()) : messageIn(endpoint.in, searchParams)
    const problems = problemsOf(endpoint.in, asked)
    if (problems.length > 0) throw invalid(problems.join('; '))
    const made = JSON.parse(JSON.stringify(handler(asked)))
    const wrong = problemsOf(endpoint.out, made)
    if (wrong.length > 0) throw new Error(`its answer to ${call}: ${wrong.join('; ')}`)
    respond(response, (status) => log(status, asked), made)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { status, code, message } = error
    respond(response, log, { error_code: code, message }, status)
  }
}

/** What a request is called: with folders of the files API left out. */
function callOf(method: string, pathname: string): string {
  if (pathname.startsWith('/storage/')) return `${method} /storage`
  const [, path = pathname] = /^\/api\/2\.0(\/.+)$/.exec(pathname) ?? []
  const [files] = /^\/fs\/(?:files|directories)(?=\/)/.exec(path) ?? []
  return `${method} ${files ?? path}`
}

function respond(response: ServerResponse, log: (status: number) => void, body: unknown, status = 200): void {
  log(status)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function misfortune(world: World, fault: Fault, response: ServerResponse, log: (status: number) => void): void {
  if (fault.answer === 'expire') world.signatures.clear()
  if (fault.answer === 'lost') {
    log(0)
    response.destroy()
    return
  }
  const status = fault.answer === 'expire' ? 403 : fault.answer === 'redirect' ? 307 : (fault.answer as number)
  const headers = { ...fault.headers, ...(status === 307 && { location: `${world.address}/elsewhere` }) }
  log(status)
  response.writeHead(status, headers).end(JSON.stringify({ error_code: 'FAULT', message: `a fault: ${status}` }))
}

/** Lets half of what is answered next go out. */
function cutShort(response: ServerResponse): void {
  const end = response.end.bind(response)
  response.end = ((content: Buffer) => {
    response.write(content.subarray(0, content.length >> 1), () => response.destroy())
    return response
  }) as typeof end
}

function listed({ files }: World, pathname: string): unknown {
  const folder = decodeURIComponent(pathname.slice('/api/2.0/fs/directories'.length)).replace(/\/?$/, '/')
  const found = new Map<string, unknown>()
  for (const [path, bytes] of files) {
    if (!path.startsWith(folder)) continue
    const [name = '', ...rest] = path.slice(folder.length).split('/')
    const isFolder = rest.length > 0
    found.set(name, {
      path: `${folder}${name}`,
      name,
      is_directory: isFolder,
      ...(!isFolder && { file_size: bytes.length }),
    })
  }
  if (found.size === 0) throw new Refusal(404, 'NOT_FOUND', `${folder} does not exist`)
  const made = { contents: [...found.values()] }
  const wrong = problemsOf('mlflow.filesystem.ListDirectoryResponse', made)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  return made
}

interface Exchange {
  readonly body: Buffer
  readonly response: ServerResponse
}

function file({ files, options }: World, { method }: IncomingMessage, pathname: string, { body, response }: Exchange) {
  if (options.storage !== 'files') throw unsupported('/fs/files')
  const path = decodeURIComponent(pathname.slice('/api/2.0/fs/files'.length))
  const known = files.get(path)
  if (method === 'PUT') files.set(path, body)
  else if (known === undefined) throw new Refusal(404, 'NOT_FOUND', path)
  response.writeHead(method === 'PUT' ? 204 : 200).end(method === 'PUT' ? undefined : known)
  return 200
}

/** Gives a service principal a token (RFC 6749, 4.4). */
function oauth({ options, tokens, nextId }: World, request: IncomingMessage, body: Buffer, response: ServerResponse) {
  const { id, secret } = options.principal ?? {}
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const asked = new URLSearchParams(body.toString())
  const isRight = asked.get('grant_type') === 'client_credentials' && asked.get('scope') === 'all-apis'
  const status = request.headers.authorization === basic && isRight ? 200 : 401
  const made = `oauth-${nextId()}`
  if (status === 200) tokens.add(made)
  const answered =
    status === 200 ? { access_token: made, token_type: 'Bearer', expires_in: 3_600 } : { error: 'invalid_client' }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answered))
  return status
}
