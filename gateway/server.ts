import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Admission } from './admission.ts'
import { type AlertTaker, takeAlerts } from './alertmanager.ts'
import { chooseEncoding, compress, decompress } from './compression.ts'
import type { Endpoint } from './endpoint.ts'
import { type LabelsByEndpoint, readFeedback } from './feedback.ts'
import type { Incoming, Outgoing } from './http.ts'
import { type ErrorForm, errorAnswer } from './http-status.ts'
import type { InferResult, Input } from './inference.ts'
import { chooseMediaType, parseMediaType, requireReadableCharset } from './media.ts'
import type { Metrics } from './metrics.ts'
import { namesHeader } from './names.ts'
import { openApiDocument } from './open-api.ts'
import { readInvocation } from './protocols/invocations.ts'
import { modelMetadata, readInferRequest, serverMetadata } from './protocols/open-inference.ts'
import type { Asked } from './protocols/protocol.ts'
import { readPredict } from './protocols/tf-serving.ts'
import type { Tracer } from './tracing.ts'

/** How requests are taken. */
export interface ServerOptions {
  /** Bytes a body may have after decompression. */
  readonly bodyLimit: number
  /** Milliseconds a request may take unless it says otherwise. */
  readonly timeoutMs: number
  /** Requests must bear one of these tokens; undefined lets everybody ask. */
  readonly tokens: readonly string[] | undefined
  /** Drills may make the candidate fail: `x-slipway-fault: candidate`. */
  readonly allowFaults: boolean
  readonly version: string
}

/** What answering asks of the gateway around it. */
export interface ServerDeps {
  endpoint(name: string): Endpoint | undefined
  endpoints(): readonly Endpoint[]
  /** Decides which requests are refused before they are read, for load's sake. */
  readonly admission: Admission
  health(): object
  isReady(): boolean
  readonly metrics: Metrics
  readonly tracer: Tracer | undefined
  /** Keeps labels, on disk before it returns. */
  keepLabels(labels: LabelsByEndpoint): void
  readonly alert: AlertTaker | undefined
}

/** The gateway's side of HTTP, without sockets: each protocol a thin shell over `Endpoint.infer`. */
export interface RequestHandler {
  admit(request: Omit<Incoming, 'body'>): Outgoing | undefined
  answer(request: Incoming): Promise<Outgoing>
  tooLarge(request: Omit<Incoming, 'body'>): Outgoing
}

/** Names what is answered by: proxies and clients look there. */
function pushAnsweredBy(headers: string[], { answeredBy, role, cached, version }: InferResult): void {
  headers.push('x-model-name', answeredBy.model, 'x-model-version', String(answeredBy.version))
  headers.push(
    'x-model-digest',
    answeredBy.digest,
    'x-slipway-role',
    role,
    'x-slipway-engine',
    version.scorer.engine.name,
  )
  if (cached !== undefined) headers.push('x-cache', cached ? 'hit' : 'miss')
}

const header = ({ headers }: Pick<Incoming, 'headers'>, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A request id of the client's that may go into headers and logs, or one of ours. */
function requestIdOf(request: Incoming): string {
  const given = header(request, 'x-request-id')
  return given !== undefined && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID()
}

const jsonAnswer = (status: number, value: unknown): Outgoing => ({
  status,
  headers: ['content-type', 'application/json'],
  body: JSON.stringify(value),
})

/** What a path asks for. */
type Route = (request: Incoming) => Promise<Outgoing> | Outgoing

export function createHandler(deps: ServerDeps, options: ServerOptions): RequestHandler {
  const isAllowed = tokenCheck(options.tokens)

  const endpointOf = (name: string | undefined): Endpoint => {
    const all = deps.endpoints()
    const found = name === undefined ? (all.length === 1 ? all[0] : undefined) : deps.endpoint(name)
    if (found?.route !== undefined) return found
    const names = all.map((each) => each.name).join(', ') || 'none yet'
    throw new SlipwayError(
      'NOT_FOUND',
      name === undefined
        ? `more than one endpoint or none is served here (${names}): name it, as in /endpoints/<name>/invocations`
        : `there is no endpoint "${name.slice(0, 100)}"; there are ${names}`,
    )
  }

  /** Reads a request by its protocol, has it answered, and writes the answer. */
  const serve = async (
    request: Incoming,
    form: ErrorForm,
    endpointName: string | undefined,
    versionText: string | undefined,
    read: (body: Buffer) => Asked,
  ): Promise<Outgoing> => {
    const { arrivedAt } = request
    const id = requestIdOf(request)
    const parent = header(request, 'traceparent')
    const span = deps.tracer?.begin(parent, `infer ${endpointName ?? ''}`)
    const trace = span?.traceparent ?? (parent !== undefined && isTraceparent(parent) ? parent : undefined)
    const headers = trace === undefined ? ['x-request-id', id] : ['x-request-id', id, 'traceparent', trace]
    let status = 200
    let label = ''
    let version = ''
    let role = ''
    try {
      const endpoint = endpointOf(endpointName)
      label = endpoint.name
      const encoding = chooseEncoding(header(request, 'accept-encoding'))
      const body = await bodyOf(request)
      const asked = read(body)
      let ignored: Input['ignored']
      const timeout = header(request, 'x-request-timeout-ms')
      const result = await endpoint.infer({
        id,
        read(by) {
          const input = asked.read(by)
          ignored = input.ignored
          return input
        },
        header: (name) => header(request, name),
        version: versionOf(versionText),
        arrivedAt,
        deadline: arrivedAt + (timeout === undefined ? options.timeoutMs : timeoutOf(timeout, options.timeoutMs)),
        failCandidate: options.allowFaults && header(request, 'x-slipway-fault') === 'candidate',
        body,
        form: `${form} ${header(request, 'content-type')} ${header(request, 'inference-header-content-length')}`,
      })
      version = String(result.answeredBy.version)
      role = result.role
      span?.set({
        'slipway.endpoint': label,
        'slipway.model.version': result.answeredBy.version,
        'slipway.model.digest': result.answeredBy.digest,
        'slipway.role': role,
        'slipway.request.id': id,
      })
      const written = asked.write(result, id)
      pushAnsweredBy(headers, result)
      headers.push('content-type', written.contentType)
      if (form === 'sagemaker') headers.push('x-amzn-invoked-production-variant', role)
      if (written.headers !== undefined)
        for (const [name, value] of Object.entries(written.headers)) headers.push(name, value)
      if (ignored !== undefined && ignored.length > 0) headers.push('x-slipway-ignored', namesHeader(ignored))
      const packed = encoding === undefined ? undefined : await compress(written.body, encoding)
      if (packed === undefined) return { status, headers, body: written.body }
      headers.push('content-encoding', packed.encoding)
      return { status, headers, body: packed.body }
    } catch (error) {
      const answer = errorOutgoing(form, error, headers)
      status = answer.status
      return answer
    } finally {
      deps.metrics.count(label, version, role, status, (performance.now() - arrivedAt) / 1000)
      span?.end(status)
    }
  }

  const invocation = (request: Incoming, form: ErrorForm, name: string | undefined): Promise<Outgoing> =>
    serve(request, form, name, undefined, (body) =>
      readInvocation(body, header(request, 'content-type') ?? '', header(request, 'accept')),
    )
  const infer = (request: Incoming, name: string, version?: string): Promise<Outgoing> =>
    serve(request, 'open-inference', name, version, (body) => {
      // Whether the answer is binary is said in the body.
      chooseMediaType(header(request, 'accept'), ['application/json', 'application/octet-stream'])
      return readInferRequest(body, header(request, 'inference-header-content-length'))
    })
  const predict = (request: Incoming, name: string, version?: string): Promise<Outgoing> =>
    serve(request, 'tf-serving', name, version, (body) => {
      chooseMediaType(header(request, 'accept'), ['application/json'])
      return readPredict(body)
    })
  const loaded = (name: string, version: string | undefined) => {
    const endpoint = endpointOf(name)
    const found = version === undefined ? endpoint.champion : endpoint.versions.byNumber(versionOf(version) ?? 0)
    if (found === undefined) throw new SlipwayError('NOT_FOUND', `endpoint ${name} has no version ${version} loaded`)
    return { endpoint, version: found }
  }
  const ready = (): Outgoing => jsonAnswer(deps.isReady() ? 200 : 503, { ready: deps.isReady() })

  const bodyOf = async (request: Incoming): Promise<Buffer> => {
    requireReadableCharset(parseMediaType(header(request, 'content-type') ?? ''))
    return decompress(request.body, header(request, 'content-encoding'), options.bodyLimit)
  }
  const feedback = async (request: Incoming): Promise<Outgoing> => {
    const taskOf = (name: string | undefined) => {
      const { name: endpoint, champion } = endpointOf(name)
      return { endpoint, task: champion?.scorer.facts.task ?? ('regression' as const) }
    }
    const labels = readFeedback(await bodyOf(request), taskOf, Date.now())
    deps.keepLabels(labels)
    return jsonAnswer(202, { accepted: [...labels.values()].reduce((sum, list) => sum + list.length, 0) })
  }
  const alertmanager = async (request: Incoming): Promise<Outgoing> =>
    jsonAnswer(202, await takeAlerts(await bodyOf(request), deps.alert))

  /** Paths without parameters. */
  const fixed: Readonly<Record<string, Route>> = {
    'GET /v2/health/live': () => jsonAnswer(200, { live: true }),
    'GET /v2/health/ready': ready,
    'GET /ping': ready,
    'GET /v2': () => jsonAnswer(200, serverMetadata(options.version)),
    'POST /invocations': (request) => invocation(request, 'invocations', undefined),
    'POST /feedback': feedback,
    'POST /hooks/alertmanager': alertmanager,
    'GET /openapi.json': () => jsonAnswer(200, openApiDocument(deps.endpoints(), options.version)),
    'GET /health': () => jsonAnswer(deps.isReady() ? 200 : 503, deps.health()),
    'GET /metrics': async () => ({
      status: 200,
      headers: ['content-type', deps.metrics.contentType],
      body: await deps.metrics.text(),
    }),
  }
  /** Paths with a model's name, and maybe a version, the most used first. */
  const patterns: readonly (readonly [
    string,
    RegExp,
    (request: Incoming, name: string, version?: string) => Promise<Outgoing>,
  ])[] = [
    ['POST', /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer$/, infer],
    ['POST', /^\/v1\/models\/([^/:]+)(?:\/versions\/([^/:]+))?:predict$/, predict],
    ['POST', /^\/endpoints\/([^/]+)\/invocations$/, (request, name) => invocation(request, 'sagemaker', name)],
    [
      'GET',
      /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/ready$/,
      async (_request, name, version) => {
        loaded(name, version)
        return jsonAnswer(200, { ready: true })
      },
    ],
    [
      'GET',
      /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?$/,
      async (_request, name, version) => {
        const found = loaded(name, version)
        return jsonAnswer(200, modelMetadata(name, found.endpoint.versions.numbers(), found.version))
      },
    ],
  ]
  const routeOf = (request: Incoming): Promise<Outgoing> | Outgoing => {
    const query = request.url.indexOf('?')
    const whole = query < 0 ? request.url : request.url.slice(0, query)
    const path = whole.length > 1 && whole.endsWith('/') ? whole.slice(0, -1) : whole
    // HEAD is GET whose body is not sent (Node leaves it away).
    const asked = request.method === 'HEAD' ? 'GET' : request.method
    for (const [method, pattern, route] of patterns) {
      if (method !== asked) continue
      const match = pattern.exec(path)
      if (match !== null) return route(request, nameOf(match[1] as string), match[2])
    }
    const route = Object.hasOwn(fixed, `${asked} ${path}`) ? fixed[`${asked} ${path}`] : undefined
    if (route !== undefined) return route(request)
    throw new SlipwayError('NOT_FOUND', `there is nothing at ${request.method} ${path.slice(0, 200)}`)
  }

  return {
    admit(request) {
      if (isAllowed !== undefined && !isOpen(request.url) && !isAllowed(header(request, 'authorization'))) {
        const error = new SlipwayError('UNAUTHORIZED', 'a bearer token is needed')
        return errorOutgoing(formOf(request.url), error, ['www-authenticate', 'Bearer'])
      }
      // Cheapest before the body is read.
      if (request.method === 'POST' && !deps.admission.admits()) {
        // Copied, for whoever sends it adds to its headers.
        const refusal = refusals[formOf(request.url)]
        return { ...refusal, headers: [...refusal.headers] }
      }
      return undefined
    },
    async answer(request) {
      deps.admission.enter()
      try {
        return await routeOf(request)
      } catch (error) {
        return errorOutgoing(formOf(request.url), error)
      } finally {
        deps.admission.leave(performance.now() - request.arrivedAt)
      }
    },
    tooLarge: (request) =>
      errorOutgoing(
        formOf(request.url),
        new SlipwayError('REQUEST_TOO_LARGE', `the body is larger than ${options.bodyLimit} bytes`),
        ['connection', 'close'],
      ),
  }
}

/** What is answered to those who are too many: made once, for there may be many of them. */
const refusals = Object.fromEntries(
  (['open-inference', 'tf-serving', 'invocations', 'sagemaker'] as const).map((form) => [
    form,
    errorOutgoing(form, new SlipwayError('OVERLOADED', 'the gateway has more requests than it can answer')),
  ]),
) as Record<ErrorForm, Outgoing>

/** A name in a path; one that cannot be decoded is no name of ours. */
function nameOf(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What load balancers ask without a token. */
const isOpen = (url: string): boolean => /^\/(ping|v2\/health\/(live|ready))$/.test(url)

function versionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const version = Number(text)
  if (!Number.isInteger(version) || version < 1)
    throw new SlipwayError('NOT_FOUND', `there is no version "${text.slice(0, 40)}"`)
  return version
}

function timeoutOf(given: string, usual: number): number {
  const ms = Number(given)
  return Number.isFinite(ms) && ms > 0 ? ms : usual
}

/** W3C Trace Context, level 1. */
const isTraceparent = (text: string): boolean => /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)

/** The form of errors on a path, where no handler was reached. */
function formOf(url: string): ErrorForm {
  if (url.startsWith('/v1/')) return 'tf-serving'
  if (url.startsWith('/invocations')) return 'invocations'
  return url.startsWith('/endpoints/') ? 'sagemaker' : 'open-inference'
}

function errorOutgoing(form: ErrorForm, error: unknown, more: readonly string[] = []): Outgoing {
  const { status, body, headers } = errorAnswer(form, error)
  // What nobody foresaw is for the log, not for the client.
  if (!(error instanceof SlipwayError)) console.error((error as Error).stack)
  return { status, body, headers: [...more, ...Object.entries(headers).flat(), 'content-type', 'application/json'] }
}

/** Compares by digest, in constant time. */
function tokenCheck(
  tokens: readonly string[] | undefined,
): ((authorization: string | undefined) => boolean) | undefined {
  if (tokens === undefined) return undefined
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const known = tokens.map(digest)
  return (authorization) => {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return false
    const given = digest(token)
    return known.some((each) => timingSafeEqual(each, given))
  }
}
