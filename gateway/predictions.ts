import { randomUUID } from 'node:crypto'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { TensorFacts, Tensors } from '../lib/formats/tensors.ts'
import { namesHeader } from '../lib/models/names.ts'
import { invalid } from '../lib/models/rows.ts'
import type { InferRequest, InferResult } from './ask-version.ts'
import type { Holder } from './bodies/byte-budget.ts'
import { smallBody } from './bodies/json-bounds.ts'
import type { LargeBodies } from './bodies/large-bodies.ts'
import { type BodyLimits, limitOf } from './bodies/limits.ts'
import type { AskedApart } from './bodies/read-apart.ts'
import { readableBody } from './body.ts'
import { chooseEncoding, compress } from './compression.ts'
import { type Directory, versionNumber } from './directory.ts'
import { errorAnswer } from './error-answers.ts'
import { explainAnswer, requireFewRows } from './explain.ts'
import type { Waiter } from './late.ts'
import { lookupHeader } from './lookups/report.ts'
import { chooseMediaType } from './media.ts'
import type { Metrics } from './metrics.ts'
import type {
  Asked,
  AskedTensors,
  Incoming,
  Outgoing,
  Prediction,
  PredictionRoute,
  Protocol,
  TensorPrediction,
  Written,
} from './protocols/protocol.ts'
import { isRequestId } from './request-id.ts'
import type { Input } from './scoring.ts'
import type { Statistics } from './statistics.ts'
import type { RequestSpan, Tracer } from './tracing.ts'

/** How requests are taken. */
export interface PredictionOptions extends BodyLimits {
  /** Milliseconds a request may take unless it says otherwise. */
  readonly timeoutMs: number
  /** Drills may make the candidate fail: `x-slipway-fault: candidate`. */
  readonly allowFaults: boolean
  /** Protocols that are spoken besides Slipway's own. */
  readonly protocols?: readonly Protocol[]
}

export interface PredictionDeps {
  readonly directory: Directory
  readonly metrics: Metrics
  readonly statistics: Statistics
  readonly tracer: Tracer | undefined
  readonly largeBodies: LargeBodies
}

/** A request for predictions as an endpoint is asked, and which names of it the model did not know. */
interface Question extends InferRequest {
  ignored: Input['ignored']
  /** How many it asks about, once it is read. */
  rows: number
}

/** A request as it came; its body is unpacked in its place. */
export interface PredictionRequest extends Incoming, Holder {
  body: Buffer
  /** Called when it turns out to be large: it is bounded by its bytes then, and is no crowd. */
  stepAside?: (() => void) | undefined
  /** What came along besides the body, by names in lower case. */
  fields(): Record<string, string>
}

/** Answers requests for predictions: reads one by its protocol, has its endpoint infer, and writes the answer. */
export class Predictions {
  private readonly deps: PredictionDeps
  private readonly options: PredictionOptions
  /** Names of protocols that are not Slipway's own: threads do not know them. */
  private readonly outside: ReadonlySet<string>

  constructor(deps: PredictionDeps, options: PredictionOptions) {
    this.deps = deps
    this.options = options
    this.outside = new Set(options.protocols?.map(({ name }) => name))
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
    let asked: Asked | AskedApart
    let apart: AskedApart | undefined
    try {
      const endpoint = directory.endpoint(name)
      label = endpoint.name
      const encoding = chooseEncoding(request.header('accept-encoding'))
      request.body = await readableBody(request, limitOf(request, this.options), this.deps.largeBodies.budget)
      const accept = request.header('accept')
      if (accept !== undefined) chooseMediaType(accept, answers)
      const until = this.untilOf(request)
      if (request.body.length > smallBody && !this.outside.has(protocol.name))
        asked = apart = await this.deps.largeBodies.read(protocol, request, until)
      else asked = protocol.read(request)
      const pinned = versionNumber(endpoint, pinnedBy(protocol, asked.version ?? version))
      question = this.questionOf(request, protocol, asked, { id, version: pinned, until })
      await apart?.prepare(() => endpoint.readings(pinned))
      result = await endpoint.infer(question)
      if (span !== undefined) describe(span, label, id, result)
      if (result.lookups !== undefined) this.deps.metrics.lookups.count(label, result.lookups)
      const explained =
        asked.explain === true ? await explainAnswer(result as InferResult, question.deadline) : undefined
      const explainedResult = explained === undefined ? result : { ...result, explained }
      const written =
        apart === undefined
          ? writtenBy(asked as Asked, explainedResult, id)
          : await apart.write(answerOf(explainedResult), id)
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
      apart?.release()
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

  /** How long a client waits. */
  private untilOf(request: PredictionRequest): Waiter {
    const { timeoutMs } = this.options
    const { arrivedAt } = request
    const timeout = request.header('x-request-timeout-ms')
    const usual = arrivedAt + (timeout === undefined ? timeoutMs : timeoutOf(timeout, timeoutMs))
    return {
      arrivedAt,
      get deadline() {
        return request.deadline ?? usual
      },
    }
  }

  private questionOf(
    request: PredictionRequest,
    protocol: Protocol,
    asked: Asked | AskedApart,
    { id, version, until }: Pick<Question, 'id' | 'version'> & { readonly until: Waiter },
  ): Question {
    const { allowFaults } = this.options
    const { arrivedAt } = request
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
        return until.deadline
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
function requireTensors(
  { tensors }: Asked | AskedApart,
  { name }: Protocol,
  { name: model }: TensorFacts,
): Pick<AskedTensors, 'read'> {
  if (tensors !== undefined) return tensors
  throw invalid(`model ${model} takes tensors, and ${name} sends rows: ask it at /v2/models/<endpoint>/infer`)
}

/** An answer as protocols know it: of rows, or of tensors. */
function answerOf(result: InferResult): Prediction | TensorPrediction {
  const { version, outputs, answeredBy, role } = result
  if (version.kind === 'rows') return result as InferResult & { version: typeof version }
  return { facts: version.facts, outputs: outputs as Tensors, answeredBy, role }
}

/** An answer in the form of its protocol. */
function writtenBy(asked: Asked, result: InferResult, id: string): Written {
  const answer = answerOf(result)
  return 'version' in answer ? asked.write(answer, id) : (asked.tensors as AskedTensors).write(answer, id)
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
