import { randomUUID } from 'node:crypto'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { TensorFacts, Tensors } from '../lib/formats/tensors.ts'
import { namesHeader } from '../lib/models/names.ts'
import { invalid } from '../lib/models/rows.ts'
import type { InferRequest, InferResult } from './ask-version.ts'
import { readableBody } from './body.ts'
import { chooseEncoding, compress } from './compression.ts'
import { type Directory, versionNumber } from './directory.ts'
import { errorAnswer } from './error-answers.ts'
import { explainAnswer, requireFewRows } from './explain.ts'
import { lookupHeader } from './lookups/report.ts'
import { chooseMediaType } from './media.ts'
import type { Metrics } from './metrics.ts'
import type {
  Asked,
  AskedTensors,
  Incoming,
  Outgoing,
  PredictionRoute,
  Protocol,
  Written,
} from './protocols/protocol.ts'
import { isRequestId } from './request-id.ts'
import type { Input } from './scoring.ts'
import type { Statistics } from './statistics.ts'
import type { RequestSpan, Tracer } from './tracing.ts'

/** How requests are taken. */
export interface PredictionOptions {
  /** Bytes a body may have after decompression. */
  readonly bodyLimit: number
  /** Milliseconds a request may take unless it says otherwise. */
  readonly timeoutMs: number
  /** Drills may make the candidate fail: `x-slipway-fault: candidate`. */
  readonly allowFaults: boolean
}

export interface PredictionDeps {
  readonly directory: Directory
  readonly metrics: Metrics
  readonly statistics: Statistics
  readonly tracer: Tracer | undefined
}

/** A request for predictions as an endpoint is asked, and which names of it the model did not know. */
interface Question extends InferRequest {
  ignored: Input['ignored']
  /** How many it asks about, once it is read. */
  rows: number
}

/** A request as it came; its body is unpacked in its place. */
export interface PredictionRequest extends Incoming {
  body: Buffer
}

/** Answers requests for predictions: reads one by its protocol, has its endpoint infer, and writes the answer. */
export class Predictions {
  private readonly deps: PredictionDeps
  private readonly options: PredictionOptions

  constructor(deps: PredictionDeps, options: PredictionOptions) {
    this.deps = deps
    this.options = options
  }

  /**
   * What goes wrong is answered too, and counted and traced like every other answer.
   * @param name, version as they stand in the path
   */
  async answer(
    { protocol, answers }: { readonly protocol: Protocol } & PredictionRoute,
    request: PredictionRequest,
    name: string | undefined,
    version: string | undefined,
  ): Promise<Outgoing> {
    const { directory, tracer } = this.deps
    const id = requestIdOf(request, protocol)
    const parent = request.header('traceparent')
    const span = tracer?.begin(parent, `infer ${name ?? ''}`)
    const trace = span?.traceparent ?? (parent !== undefined && isTraceparent(parent) ? parent : undefined)
    const headers = trace === undefined ? ['x-request-id', id] : ['x-request-id', id, 'traceparent', trace]
    let status = 200
    let label = ''
    let result: InferResult | undefined
    let question: Question | undefined
    try {
      const endpoint = directory.endpoint(name)
      label = endpoint.name
      const encoding = chooseEncoding(request.header('accept-encoding'))
      request.body = await readableBody(request, this.options.bodyLimit)
      const accept = request.header('accept')
      if (accept !== undefined) chooseMediaType(accept, answers)
      const asked = protocol.read(request)
      question = this.questionOf(request, protocol, asked, {
        id,
        version: versionNumber(endpoint, pinnedBy(protocol, asked.version ?? version)),
      })
      result = await endpoint.infer(question)
      if (span !== undefined) describe(span, label, id, result)
      if (result.lookups !== undefined) this.deps.metrics.lookups.count(label, result.lookups)
      const explained =
        asked.explain === true ? await explainAnswer(result as InferResult, question.deadline) : undefined
      const written = writtenBy(asked, explained === undefined ? result : { ...result, explained }, id)
      pushHeaders(headers, result, written, question.ignored)
      const packed = encoding === undefined ? undefined : await compress(written.body, encoding)
      if (packed === undefined) return { status, headers, body: written.body }
      headers.push('content-encoding', packed.encoding)
      return { status, headers, body: packed.body }
    } catch (error) {
      if (error instanceof SlipwayError && error.code === 'KEY_UNKNOWN')
        this.deps.metrics.lookups.countRefused(label, error.facts)
      const answer = errorAnswer(protocol, error, headers)
      status = answer.status
      return answer
    } finally {
      this.count(label, { question, result }, status, performance.now() - request.arrivedAt)
      span?.end(status)
    }
  }

  /** @param label name of the endpoint; '' where there is none @param ms from arrival to answer */
  private count(
    label: string,
    { question, result }: { readonly question: Question | undefined; readonly result: InferResult | undefined },
    status: number,
    ms: number,
  ): void {
    const { metrics, statistics, directory } = this.deps
    const by = result?.answeredBy.version
    metrics.count(label, by === undefined ? '' : String(by), result?.role ?? '', status, ms / 1000)
    if (status === 200 && by !== undefined) statistics.count(label, by, question?.rows, ms)
    else if (label !== '' && status !== 404) {
      // Who would have answered: the version that was asked for, or the champion.
      const asked = question?.version ?? directory.endpoint(label).champion?.scorer.modelVersion.version
      if (asked !== undefined) statistics.count(label, asked, undefined, ms)
    }
  }

  private questionOf(
    request: PredictionRequest,
    protocol: Protocol,
    asked: Asked,
    { id, version }: Pick<Question, 'id' | 'version'>,
  ): Question {
    const { timeoutMs, allowFaults } = this.options
    const { arrivedAt } = request
    const timeout = request.header('x-request-timeout-ms')
    const usual = arrivedAt + (timeout === undefined ? timeoutMs : timeoutOf(timeout, timeoutMs))
    const question: Question = {
      id,
      incoming: request,
      read(by) {
        const input = asked.read(by)
        question.ignored = input.ignored
        question.rows = input.rows
        if (asked.explain === true) requireFewRows(by.facts, input.rows)
        return input
      },
      readTensors(facts) {
        const input = requireTensors(asked, protocol, facts).read(facts)
        question.ignored = input.ignored
        question.rows = input.rows
        return input
      },
      version,
      arrivedAt,
      get deadline() {
        return request.deadline ?? usual
      },
      failCandidate: allowFaults && request.header('x-slipway-fault') === 'candidate',
      form: formOf(protocol, request),
      ignored: undefined,
      rows: 0,
    }
    return question
  }
}

/** @throws SlipwayError REQUEST_INVALID where a protocol asks no models of tensors */
function requireTensors({ tensors }: Asked, { name }: Protocol, { name: model }: TensorFacts): AskedTensors {
  if (tensors !== undefined) return tensors
  throw invalid(`model ${model} takes tensors, and ${name} sends rows: ask it at /v2/models/<endpoint>/infer`)
}

/** An answer in the form of its protocol. */
function writtenBy(asked: Asked, result: InferResult, id: string): Written {
  const { version, outputs, answeredBy, role } = result
  if (version.kind === 'rows') return asked.write(result as InferResult & { version: typeof version }, id)
  return (asked.tensors as AskedTensors).write(
    { facts: version.facts, outputs: outputs as Tensors, answeredBy, role },
    id,
  )
}

/** A version that is asked for whatever the route says. */
const pinnedBy = ({ anyVersion }: Protocol, version: string | undefined): string | undefined =>
  version === anyVersion ? undefined : version

/**
 * A request id of the client's that may go into headers and logs, or one of ours. What the client itself says goes
 * before what a proxy may have added.
 */
function requestIdOf(request: Incoming, { idHeader }: Protocol): string {
  const own = idHeader === undefined ? undefined : request.header(idHeader)
  const given = own ?? request.header('x-request-id')
  return given !== undefined && isRequestId(given) ? given : randomUUID()
}

/** W3C Trace Context, level 1. */
const isTraceparent = (text: string): boolean => /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)

function timeoutOf(given: string, usual: number): number {
  const ms = Number(given)
  return Number.isFinite(ms) && ms > 0 ? ms : usual
}

/** What besides the body and the version decides how a request is read. */
function formOf({ name, readsHeaders }: Protocol, request: Incoming): string {
  let form = `${name} ${request.header('content-type')}`
  if (readsHeaders !== undefined) for (const header of readsHeaders) form += ` ${request.header(header)}`
  return form
}

function describe(span: RequestSpan, endpoint: string, id: string, { answeredBy, role }: InferResult): void {
  span.set({
    'slipway.endpoint': endpoint,
    'slipway.model.version': answeredBy.version,
    'slipway.model.digest': answeredBy.digest,
    'slipway.role': role,
    'slipway.request.id': id,
  })
}

/** Names what is answered by, for proxies and clients look there; and how. */
function pushHeaders(
  headers: string[],
  { answeredBy, role, cached, version, lookups }: InferResult,
  written: Written,
  ignored: Input['ignored'],
): void {
  headers.push('x-model-name', answeredBy.model, 'x-model-version', String(answeredBy.version))
  headers.push('x-model-digest', answeredBy.digest)
  headers.push('x-slipway-role', role, 'x-slipway-engine', version.scorer.engine.name)
  if (cached !== undefined) headers.push('x-cache', cached ? 'hit' : 'miss')
  if (lookups !== undefined) headers.push('x-slipway-lookup', lookupHeader(lookups))
  headers.push('content-type', written.contentType)
  if (written.headers !== undefined)
    for (const [name, value] of Object.entries(written.headers)) headers.push(name, value)
  if (ignored !== undefined && ignored.length > 0) headers.push('x-slipway-ignored', namesHeader(ignored))
}
