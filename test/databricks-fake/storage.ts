import type { IncomingMessage, ServerResponse } from 'node:http'
import type { World } from './world.ts'

/** Blocks that were put and are of no file yet, by path and id. */
const blocks = new WeakMap<World, Map<string, Buffer>>()

/** Storage behind signed addresses: Amazon's and Google's PUT, both of Azure's ways. @returns the status */
export function storage(world: World, request: IncomingMessage, body: Buffer, response: ServerResponse): number {
  const { pathname, searchParams } = new URL(request.url ?? '', world.address)
  const path = decodeURIComponent(pathname.slice('/storage'.length))
  const { headers, method = '' } = request
  if (headers.authorization !== undefined) world.offences.push(`a token was sent to storage: ${method} ${path}`)
  const signature = searchParams.get('sig') ?? ''
  const mayWrite = signature.startsWith('write-')
  const header = headers['x-signed'] ?? headers['x-ms-client-request-id']
  if (!world.signatures.has(signature) || header !== signature || mayWrite !== (method !== 'GET'))
    return end(response, 403, 'Request has expired')
  const known = world.files.get(path)
  if (method === 'GET') return known === undefined ? end(response, 404, 'NoSuchKey') : end(response, 200, known)
  const { signing } = world.options
  const isOfRun = path.startsWith('/databricks/')
  if (isOfRun && signing === 'AZURE_SAS_URI') return putBlock(world, { path, searchParams, headers }, body, response)
  if (isOfRun && signing === 'AZURE_ADLS_GEN2_SAS_URI')
    return putPath(world, { path, searchParams, method }, body, response)
  if (method !== 'PUT') return end(response, 405, method)
  world.files.set(path, body)
  return end(response, 200, '', { etag: `"${body.length}"` })
}

interface BlockRequest {
  readonly path: string
  readonly searchParams: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

function putBlock(world: World, { path, searchParams, headers }: BlockRequest, body: Buffer, response: ServerResponse) {
  const own = blocks.get(world) ?? new Map<string, Buffer>()
  blocks.set(world, own)
  const comp = searchParams.get('comp')
  if (comp === 'block') {
    if (headers['x-ms-blob-type'] !== 'BlockBlob') return end(response, 400, 'MissingRequiredHeader')
    own.set(`${path} ${searchParams.get('blockid')}`, body)
    return end(response, 201, '')
  }
  if (comp !== 'blocklist') return end(response, 400, 'no comp')
  const ids = [...body.toString().matchAll(/<Uncommitted>([^<]+)<\/Uncommitted>/g)].map(([, id]) => id)
  const parts = ids.map((id) => own.get(`${path} ${id}`))
  if (parts.includes(undefined)) return end(response, 400, 'InvalidBlockList')
  world.files.set(path, Buffer.concat(parts as Buffer[]))
  return end(response, 201, '')
}

interface PathRequest {
  readonly path: string
  readonly searchParams: URLSearchParams
  readonly method: string
}

function putPath(world: World, { path, searchParams, method }: PathRequest, body: Buffer, response: ServerResponse) {
  const own = blocks.get(world) ?? new Map<string, Buffer>()
  blocks.set(world, own)
  if (method === 'PUT' && searchParams.get('resource') === 'file') {
    own.set(path, Buffer.alloc(0))
    return end(response, 201, '')
  }
  const known = own.get(path)
  const position = Number(searchParams.get('position'))
  if (known === undefined || method !== 'PATCH') return end(response, 404, 'PathNotFound')
  if (position !== known.length) return end(response, 400, 'InvalidFlushPosition')
  const action = searchParams.get('action')
  if (action === 'append') own.set(path, Buffer.concat([known, body]))
  const isFlushed = action === 'flush' || searchParams.get('flush') === 'true'
  if (isFlushed) world.files.set(path, own.get(path) as Buffer)
  return end(response, action === 'append' ? 202 : 200, '')
}

function end(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): number {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
  return status
}
