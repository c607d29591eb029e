import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { createStore, type Store } from '../lib/store/store.ts'

/** A request as the SDK hands it to what would send it, and the answer it takes. */
interface Request {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}
interface Response {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: Readable
}

interface StoredObject {
  readonly bytes: Buffer
  readonly etag: string
  readonly type: string | undefined
}

/**
 * A store in this process's memory, for tests of pipelines: what S3 promises and Slipway rests on (create-only and
 * compare-and-set writes, ranges, lists in order), of what fits into one request. Nothing of it outlives the process
 * but the copies in its cache.
 * @param cacheFolder where verified copies of what is read lie
 */
export function memoryStore(cacheFolder: string): Store {
  // Which Node versions work is said by package.json, not by a library in the midst of somebody's tests.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const objects = new Map<string, StoredObject>()
  const requestHandler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request: Request) => ({ response: answerTo(objects, request) }),
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  }
  return createStore({
    endpoint: 'http://memory.invalid',
    bucket: 'slipway',
    region: 'us-east-1',
    credentials: { accessKeyId: 'memory', secretAccessKey: 'memory' },
    cacheFolder,
    requestHandler: requestHandler as unknown as NonNullable<S3ClientConfig['requestHandler']>,
  })
}

function answerTo(objects: Map<string, StoredObject>, request: Request): Response {
  const { method, path, query = {} } = request
  const key = decodeURIComponent(path).split('/').slice(2).join('/')
  if (key === '') return method === 'GET' ? list(objects, query) : answer(200)
  if (method === 'PUT')
    return request.headers['x-amz-copy-source'] === undefined ? put(objects, key, request) : notImplemented()
  const stored = objects.get(key)
  if (method === 'DELETE') {
    objects.delete(key)
    return answer(204)
  }
  if (stored === undefined) return refuse(404, 'NoSuchKey')
  return method === 'HEAD' || method === 'GET' ? give(stored, request) : notImplemented()
}

function put(objects: Map<string, StoredObject>, key: string, { headers, body, query = {} }: Request): Response {
  if (Object.hasOwn(query, 'uploadId') || headers['content-encoding'] === 'aws-chunked') return notImplemented()
  const stored = objects.get(key)
  if (headers['if-none-match'] === '*' && stored !== undefined) return refuse(412, 'PreconditionFailed')
  const wanted = headers['if-match']
  if (wanted !== undefined && stored === undefined) return refuse(404, 'NoSuchKey')
  if (wanted !== undefined && stored?.etag !== wanted) return refuse(412, 'PreconditionFailed')
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from((body as Uint8Array | undefined) ?? [])
  const checksum = headers['x-amz-checksum-sha256']
  if (checksum !== undefined && checksum !== createHash('sha256').update(bytes).digest('base64'))
    return refuse(400, 'BadDigest')
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  objects.set(key, { bytes, etag, type: headers['content-type'] })
  return answer(200, { etag })
}

function give({ bytes, etag, type }: StoredObject, { method, headers }: Request): Response {
  const about = { etag, ...(type === undefined ? {} : { 'content-type': type }) }
  if (headers['if-none-match'] === etag) return answer(304, about)
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  const [from, to] = range === null ? [0, bytes.length] : [Number(range[1]), Number(range[2] || bytes.length - 1) + 1]
  const part = bytes.subarray(from, to)
  const sized = { ...about, 'content-length': String(part.length) }
  return answer(range === null ? 200 : 206, sized, method === 'HEAD' ? undefined : part)
}

/** One page of all keys: tests of pipelines have few. */
function list(objects: ReadonlyMap<string, StoredObject>, query: Request['query'] = {}): Response {
  const prefix = String(query.prefix ?? '')
  const delimiter = query.delimiter === undefined ? undefined : String(query.delimiter)
  const folders = new Set<string>()
  const contents: string[] = []
  for (const key of [...objects.keys()].filter((name) => name.startsWith(prefix)).sort()) {
    const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length)
    if (end >= 0) folders.add(key.slice(0, end + 1))
    else contents.push(entry(key, objects.get(key) as StoredObject))
  }
  const prefixes = [...folders].map((name) => `<CommonPrefixes><Prefix>${inXml(name)}</Prefix></CommonPrefixes>`)
  const xml = `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}${prefixes.join('')}</ListBucketResult>`
  return answer(200, { 'content-type': 'application/xml' }, Buffer.from(xml))
}

const entry = (key: string, { bytes, etag }: StoredObject): string =>
  `<Contents><Key>${inXml(key)}</Key><Size>${bytes.length}</Size><ETag>${inXml(etag)}</ETag></Contents>`

const inXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

function answer(statusCode: number, headers: Record<string, string> = {}, body?: Uint8Array): Response {
  return { statusCode, headers, body: Readable.from(body === undefined || body.length === 0 ? [] : [body]) }
}

const refuse = (status: number, code: string): Response =>
  answer(
    status,
    { 'content-type': 'application/xml' },
    Buffer.from(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`),
  )

/** What no test of a pipeline of a few rows asks for. */
const notImplemented = (): Response => refuse(501, 'NotImplemented')
