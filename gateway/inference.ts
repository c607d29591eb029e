import type { Column, Numbers } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion, Route } from '../lib/formats/route.ts'
import { isCandidates } from '../lib/stats/assignment.ts'
import { type AnswerCache, createAnswerCache } from './answer-cache.ts'
import { DeadlinePassed } from './batcher.ts'
import type { CapturedRow, Outcome, Recorder, Role } from './recorder.ts'
import { type InputColumns, type InputKind, ScoringFailure } from './scoring.ts'
import type { LoadedVersion, Versions } from './versions.ts'

/** Requests of more rows go aside: so many are a third of a millisecond. */
const inlineRows = { onnxruntime: 128, compiled: 1024 } as const

/** What a request asks, read for the version that is to answer. */
export interface Input {
  readonly kind: InputKind
  readonly columns: InputColumns
  readonly rows: number
  /** Names that came along and that the model does not know. */
  readonly ignored?: readonly string[]
}

export interface InferRequest {
  readonly id: string
  /** Reads the request by a version's schema. @throws SlipwayError REQUEST_INVALID */
  read(version: LoadedVersion): Input
  /** A header of the request: where a rollout is sticky, it holds the key. */
  header(name: string): string | undefined
  /** Answer by this version, whatever the route says. */
  readonly version: number | undefined
  /** `performance.now()` at arrival, and until when an answer is wanted. */
  readonly arrivedAt: number
  readonly deadline: number
  /** For drills, where the gateway allows them: make the candidate fail. */
  readonly failCandidate: boolean
  /** What was sent: equal bodies of equal form may be answered from the cache. */
  readonly body: Buffer
  /** What besides the body and the version decides how `read` reads it: protocol and headers. */
  readonly form: string
}

export interface InferResult {
  readonly predictions: Numbers
  readonly answeredBy: ModelVersion
  readonly role: Role | 'fallback' | 'pinned'
  readonly version: LoadedVersion
  /** Whether the answer was kept from before; undefined without a cache. */
  readonly cached: boolean | undefined
}

export interface InferenceOptions {
  /** The endpoint's, for messages. */
  readonly name: string
  /** Share of requests whose rows are kept. */
  readonly captureRate: number
  /** A batch queue longer than this, ms, refuses requests. */
  readonly maxWaitMs: number
  /** Answers kept, by model digest, form of the request and body; 0 keeps none. */
  readonly cacheEntries: number
}

/** What a revision of a route has loaded, and what counts what comes of it. */
export interface View {
  readonly route: Route
  readonly champion: LoadedVersion
  readonly candidate: LoadedVersion | undefined
  readonly recorder: Recorder
}

/** Mirrored requests that may wait for the shadow; more are not mirrored, and counted. */
const shadowRows = 512

/** Who answers a request, and what is counted and kept of it. */
export class Inference {
  private readonly options: InferenceOptions
  private readonly versions: Versions
  private readonly cache: AnswerCache | undefined

  constructor(options: InferenceOptions, versions: Versions) {
    this.options = options
    this.versions = versions
    this.cache = options.cacheEntries > 0 ? createAnswerCache(options.cacheEntries) : undefined
  }

  /**
   * Answers a request by the version the route gives it. A candidate that fails is stood in for by the champion.
   * @throws SlipwayError REQUEST_INVALID, OVERLOADED, DEADLINE_EXCEEDED, PREDICTION_FAILED, NOT_FOUND
   */
  infer(view: View, request: InferRequest): Promise<InferResult> {
    if (request.version !== undefined) return this.inferPinned(request, request.version)
    const { rollout } = view.route
    if (view.candidate === undefined || rollout === null) return this.inferByChampion(view, request, undefined)
    const user = rollout.sticky === null ? undefined : request.header(rollout.sticky)
    const drawn = isCandidates(rollout.salt, user ?? request.id, rollout.share)
    if (rollout.mode !== 'split') return this.inferMirrored(view, request, user, drawn)
    return drawn ? this.inferByCandidate(view, request, user) : this.inferByChampion(view, request, user)
  }

  private async inferByChampion(view: View, request: InferRequest, user: string | undefined): Promise<InferResult> {
    const { champion, recorder } = view
    const input = request.read(champion)
    recorder.inFlight++
    try {
      const outcome = await this.ask(champion, input, request, 'trusted')
      const first = recorder.count('champion', outcome, user)
      this.capture(view, { role: 'champion', first }, request, champion, input, outcome)
      return this.result(outcome, champion, 'champion')
    } finally {
      recorder.inFlight--
    }
  }

  private async inferByCandidate(view: View, request: InferRequest, user: string | undefined): Promise<InferResult> {
    const { recorder } = view
    recorder.inFlight++
    try {
      const asked = await this.askCandidate(view, request)
      const first = recorder.count('candidate', asked.outcome, user)
      return await this.orFallback(view, request, asked, first)
    } finally {
      recorder.inFlight--
    }
  }

  /** The candidate's answer; without one the champion saves the request, which stays the candidate's for the comparison. */
  private async orFallback(
    view: View,
    request: InferRequest,
    { input, outcome }: { input: Input | undefined; outcome: Outcome },
    first: boolean,
  ): Promise<InferResult> {
    const { champion } = view
    const candidate = view.candidate as LoadedVersion
    if (outcome.predictions !== undefined && input !== undefined) {
      this.capture(view, { role: 'candidate', first }, request, candidate, input, outcome)
      return this.result(outcome, candidate, 'candidate')
    }
    return this.result(await this.ask(champion, request.read(champion), request, 'trusted'), champion, 'fallback')
  }

  /** Rows the champion takes and the candidate does not count against the candidate; rows neither takes are the client's fault. */
  private async askCandidate(
    view: View,
    request: InferRequest,
  ): Promise<{ input: Input | undefined; outcome: Outcome }> {
    const candidate = view.candidate as LoadedVersion
    let input: Input
    try {
      input = request.read(candidate)
    } catch (error) {
      const { rows } = request.read(view.champion)
      const failure = { kind: 'features' as const, message: (error as Error).message }
      return { input: undefined, outcome: outcomeOf(request, rows, undefined, failure) }
    }
    return { input, outcome: await this.ask(candidate, input, request, request.failCandidate ? 'fail' : 'apart') }
  }

  /** Shadow: the champion answers; bake: the candidate does. The other one is asked too, and keeps nobody waiting. */
  private async inferMirrored(
    view: View,
    request: InferRequest,
    user: string | undefined,
    drawn: boolean,
  ): Promise<InferResult> {
    const { recorder, champion, candidate } = view
    const isShadow = view.route.rollout?.mode === 'shadow'
    if (isShadow && !drawn) return this.inferByChampion(view, request, user)
    const other = isShadow ? (candidate as LoadedVersion) : champion
    const isBusy = other.offloaded.queued > shadowRows
    if (isBusy) recorder.countDropped()
    recorder.inFlight++
    try {
      const asked = isShadow ? this.askChampion(view, request) : this.askCandidate(view, request)
      if (!isBusy) void this.mirror(view, request, asked, isShadow)
      const { input, outcome } = await asked
      const first = recorder.count(isShadow ? 'champion' : 'candidate', outcome, user)
      if (!isShadow) return await this.orFallback(view, request, { input, outcome }, first)
      this.capture(view, { role: 'champion', first }, request, champion, input as Input, outcome)
      return this.result(outcome, champion, 'champion')
    } finally {
      recorder.inFlight--
    }
  }

  private async askChampion({ champion }: View, request: InferRequest): Promise<{ input: Input; outcome: Outcome }> {
    const input = request.read(champion)
    return { input, outcome: await this.ask(champion, input, request, 'trusted') }
  }

  private async mirror(
    view: View,
    request: InferRequest,
    asked: Promise<{ outcome: Outcome }>,
    isShadow: boolean,
  ): Promise<void> {
    const { recorder } = view
    recorder.inFlight++
    // The answer's own work goes first.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      const late = { ...request, arrivedAt: performance.now(), deadline: Number.POSITIVE_INFINITY }
      const version = isShadow ? (view.candidate as LoadedVersion) : view.champion
      const { input, outcome: mirrored } = isShadow
        ? await this.askCandidate(view, late)
        : await this.askAside(view.champion, late)
      recorder.count(isShadow ? 'candidate' : 'champion', mirrored, undefined)
      if (input !== undefined) this.capture(view, { role: 'shadow', first: true }, request, version, input, mirrored)
      const { outcome: answered } = await asked
      recorder.countPair(isShadow ? answered : mirrored, isShadow ? mirrored : answered)
    } catch {
      // What the answer met, it reports; a request that was refused is no pair.
    } finally {
      recorder.inFlight--
    }
  }

  private async askAside(
    version: LoadedVersion,
    request: InferRequest,
  ): Promise<{ input: Input | undefined; outcome: Outcome }> {
    const input = request.read(version)
    return { input, outcome: await this.ask(version, input, request, 'apart') }
  }

  private async inferPinned(request: InferRequest, number: number): Promise<InferResult> {
    const version = this.versions.byNumber(number)
    if (version === undefined) {
      throw new SlipwayError(
        'NOT_FOUND',
        `endpoint ${this.options.name} has no version ${number} loaded; it has ${this.versions.numbers().join(', ')}`,
      )
    }
    const outcome = await this.ask(version, request.read(version), request, 'trusted')
    return this.result(outcome, version, 'pinned')
  }

  /** Asks a version. Refusals for the queue's sake are thrown: they say nothing about the version. */
  private async ask(
    { inline, offloaded, scorer }: LoadedVersion,
    input: Input,
    request: InferRequest,
    trust: 'trusted' | 'apart' | 'fail',
  ): Promise<Outcome> {
    const { arrivedAt, deadline } = request
    const isSmall = input.rows <= inlineRows[scorer.engine.name]
    const batcher = inline !== undefined && trust === 'trusted' && isSmall ? inline : offloaded
    if (batcher.expectedWaitMs > this.options.maxWaitMs) {
      throw new SlipwayError('OVERLOADED', `endpoint ${this.options.name} has ${batcher.queued} rows waiting`, {
        next: 'try again in a second, or add gateways',
      })
    }
    try {
      if (trust === 'fail') throw new ScoringFailure('injected', `a drill makes version ${scorer.variant.version} fail`)
      if (input.rows === 0) return outcomeOf(request, 0, new Float32Array(0), undefined)
      const key = { digest: scorer.variant.digest, form: request.form, body: request.body }
      const kept = this.cache?.get(key)
      if (kept !== undefined) {
        // Drift is of all that was asked. Aside, nothing but scoring again gives the features.
        if (batcher === offloaded) void offloaded.score(input, Number.POSITIVE_INFINITY).catch(() => {})
        else {
          kept.count ??= scorer.countInline(input.kind, input.columns, kept.predictions)
          kept.count()
        }
        return outcomeOf(request, input.rows, kept.predictions, undefined, true)
      }
      const predictions = await batcher.score(input, deadline)
      this.cache?.set(key, predictions)
      return outcomeOf(request, input.rows, predictions, undefined, this.cache && false)
    } catch (error) {
      if (error instanceof DeadlinePassed)
        throw new SlipwayError('DEADLINE_EXCEEDED', `no answer within the ${Math.round(deadline - arrivedAt)} ms given`)
      if (!(error instanceof ScoringFailure)) throw error
      return outcomeOf(request, input.rows, undefined, error)
    }
  }

  private result(outcome: Outcome, version: LoadedVersion, role: InferResult['role']): InferResult {
    if (outcome.predictions !== undefined)
      return {
        predictions: outcome.predictions,
        answeredBy: version.scorer.variant,
        role,
        version,
        cached: outcome.cached,
      }
    const { kind, message } = outcome.failure as NonNullable<Outcome['failure']>
    if (kind === 'features') throw new SlipwayError('FEATURES_FAILED', message)
    throw new SlipwayError('PREDICTION_FAILED', `version ${version.scorer.variant.version} gives no answer: ${message}`)
  }

  private capture(
    view: View,
    who: Pick<CapturedRow, 'role' | 'first'>,
    request: InferRequest,
    { scorer }: LoadedVersion,
    input: Input,
    outcome: Outcome,
  ): void {
    const { captureRate } = this.options
    if (captureRate === 0 || outcome.predictions === undefined || input.kind !== 'rows') return
    // By the request's id, not by chance: a retry is captured again or not at all.
    if (!isCandidates('capture', request.id, captureRate)) return
    for (let row = 0; row < Math.min(input.rows, 16); row++) {
      const cells: Record<string, Column[number]> = {}
      for (const { name, masked } of scorer.facts.inputs)
        cells[name] = masked === true ? null : ((input.columns[name] as Column)[row] as Column[number])
      const kept: CapturedRow = {
        requestId: request.id,
        at: Date.now(),
        ...who,
        version: scorer.variant.version,
        row,
        score: outcome.predictions[row] as number,
        input: cells,
      }
      view.recorder.capture(kept)
    }
  }
}

function outcomeOf(
  { arrivedAt }: InferRequest,
  rows: number,
  predictions: Numbers | undefined,
  failure: Outcome['failure'],
  cached?: boolean | undefined,
): Outcome {
  return { rows, ms: performance.now() - arrivedAt, predictions, failure, cached }
}
