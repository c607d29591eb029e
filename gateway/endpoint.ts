import type { Column } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { Route, Variant } from '../pipelines/route.ts'
import type { GatewayPresence, TelemetryWindow, VariantCounts } from '../pipelines/telemetry.ts'
import { isCandidates } from '../stats/split.ts'
import { type AnswerCache, createAnswerCache } from './answer-cache.ts'
import { DeadlinePassed } from './batcher.ts'
import {
  type CapturedRow,
  createRecorder,
  type Outcome,
  type RecordedWindow,
  type Recorder,
  type Role,
  type UserEvents,
} from './recorder.ts'
import type { Scorer } from './scorer.ts'
import { type InputColumns, type InputKind, ScoringFailure } from './scoring.ts'
import { createVersions, type LoadedVersion, type Versions } from './versions.ts'

/** Requests of more rows go aside: so many are a third of a millisecond. */
const rowsHere = { onnxruntime: 128, kernel: 1024 } as const

/** What a request asks, read for the version that is to answer. */
export interface Input {
  readonly kind: InputKind
  readonly columns: InputColumns
  readonly rows: number
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
  /** What was sent: equal bodies may be answered from the cache. */
  readonly body: Buffer
}

export interface InferResult {
  readonly predictions: Float32Array
  readonly answeredBy: Variant
  readonly role: Role | 'fallback' | 'pinned'
  readonly version: LoadedVersion
  /** Whether the answer was kept from before; undefined without a cache. */
  readonly cached: boolean | undefined
}

export interface EndpointOptions {
  readonly name: string
  /** Loads and warms a version. */
  load(variant: Variant): Promise<Scorer>
  /** Share of requests whose rows are kept. */
  readonly captureRate: number
  /** A batch queue longer than this, ms, refuses requests. */
  readonly maxWaitMs: number
  /** Answers kept, by model digest and body; 0 keeps none. */
  readonly cacheEntries: number
}

interface View {
  readonly route: Route
  readonly champion: LoadedVersion
  readonly candidate: LoadedVersion | undefined
  readonly recorder: Recorder
}

/** Mirrored requests that may wait for the shadow; more are not mirrored, and counted. */
const shadowRows = 512

/** One served name: the versions its route names, loaded; who answers what; and what came of it. */
export class Endpoint {
  readonly name: string
  private readonly options: EndpointOptions
  /** What is loaded, for metadata and readings. */
  readonly versions: Versions
  private view: View | undefined
  /** Recorders of older revisions, until their last requests are counted. */
  private retired: Recorder[] = []
  private users: { rollout: string; events: UserEvents } = { rollout: '', events: new Map() }
  private refused: GatewayPresence['endpoints'][string]['refused'] = null
  private newestAsked = 0
  private readonly cache: AnswerCache | undefined

  constructor(options: EndpointOptions) {
    this.name = options.name
    this.options = options
    this.versions = createVersions(options.load)
    this.cache = options.cacheEntries > 0 ? createAnswerCache(options.cacheEntries) : undefined
  }

  get route(): Route | undefined {
    return this.view?.route
  }

  /** The champion as loaded, for metadata. */
  get champion(): LoadedVersion | undefined {
    return this.view?.champion
  }

  get refusal(): GatewayPresence['endpoints'][string]['refused'] {
    return this.refused
  }

  /**
   * Applies a revision of the route: loads and warms what it names, then switches in one assignment. Until then, and if
   * something cannot be loaded, what was applied before goes on. A newer revision overtakes one that is still loading.
   * @throws SlipwayError why a version could not be loaded
   */
  async apply(route: Route): Promise<void> {
    if (route.revision <= (this.view?.route.revision ?? 0)) return
    this.newestAsked = Math.max(this.newestAsked, route.revision)
    try {
      const [champion, candidate] = await Promise.all([
        this.versions.get(route.champion),
        route.rollout === null ? undefined : this.versions.get(route.rollout.candidate),
      ])
      if (route.revision <= (this.view?.route.revision ?? 0)) return
      const { id = '' } = route.rollout ?? {}
      if (this.users.rollout !== id) this.users = { rollout: id, events: new Map() }
      const recorder = createRecorder(route, champion.scorer.baseline, this.users.events, Date.now())
      if (this.view !== undefined) this.retired.push(this.view.recorder)
      this.view = { route, champion, candidate, recorder }
      this.refused = null
    } catch (error) {
      if (route.revision === this.newestAsked)
        this.refused = { revision: route.revision, why: (error as Error).message }
      throw error
    }
    // The one before stays, so that going back needs no loading.
    if (route.previous !== null) void this.versions.get(route.previous).catch(() => {})
    const named = [route.champion, route.previous, route.rollout?.candidate]
    this.versions.keepOnly(new Set(named.flatMap((variant) => variant?.digest ?? [])))
  }

  /**
   * Answers a request by the version the route gives it. A candidate that fails is stood in for by the champion.
   * @throws SlipwayError REQUEST_INVALID, OVERLOADED, DEADLINE_EXCEEDED, PREDICTION_FAILED, NOT_FOUND
   */
  infer(request: InferRequest): Promise<InferResult> {
    const { view } = this
    if (view === undefined)
      throw new SlipwayError('OVERLOADED', `endpoint ${this.name} is still loading`, { next: 'try again in a second' })
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
    const isBusy = other.aside.queued > shadowRows
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
        `endpoint ${this.name} has no version ${number} loaded; it has ${this.versions.numbers().join(', ')}`,
      )
    }
    const outcome = await this.ask(version, request.read(version), request, 'trusted')
    return this.result(outcome, version, 'pinned')
  }

  /** Asks a version. Refusals for the queue's sake are thrown: they say nothing about the version. */
  private async ask(
    { here, aside, scorer }: LoadedVersion,
    input: Input,
    request: InferRequest,
    trust: 'trusted' | 'apart' | 'fail',
  ): Promise<Outcome> {
    const { arrivedAt, deadline } = request
    const isSmall = input.rows <= rowsHere[scorer.engine.name]
    const batcher = here !== undefined && trust === 'trusted' && isSmall ? here : aside
    if (batcher.expectedWaitMs > this.options.maxWaitMs) {
      throw new SlipwayError('OVERLOADED', `endpoint ${this.name} has ${batcher.queued} rows waiting`, {
        next: 'try again in a second, or add gateways',
      })
    }
    try {
      if (trust === 'fail') throw new ScoringFailure('injected', `a drill makes version ${scorer.variant.version} fail`)
      const kept = this.cache?.get(scorer.variant.digest, request.body)
      const predictions = kept ?? (await batcher.score(input, deadline))
      if (kept === undefined) this.cache?.set(scorer.variant.digest, request.body, predictions)
      return outcomeOf(request, input.rows, predictions, undefined, this.cache && kept !== undefined)
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

  /**
   * Closes the windows of this interval: of older revisions whose last requests came in, and of the present one, which comes last.
   * @param wanted close the present one even if nothing happened in it
   */
  async closeWindows(
    now: number,
    wanted: boolean,
  ): Promise<
    (Omit<TelemetryWindow, 'slipway' | 'endpoint' | 'gateway' | 'seq' | 'capture' | 'labels'> & {
      captured: readonly CapturedRow[]
    })[]
  > {
    const { view } = this
    if (view === undefined) return []
    const closed = [...this.retired.map((recorder) => recorder.close(now)), view.recorder.close(now, wanted)].filter(
      (window) => window !== undefined,
    )
    this.retired = this.retired.filter(({ inFlight }) => inFlight > 0)
    const windows = []
    for (const window of closed) {
      windows.push({
        ...window,
        champion: await this.withProfile(window.champion),
        candidate: window.candidate === null ? null : await this.withProfile(window.candidate),
      })
    }
    return windows
  }

  private async withProfile(counts: RecordedWindow['champion']): Promise<VariantCounts> {
    const version = this.versions.byDigest(counts.digest)
    return { ...counts, profile: (await version?.scorer.takeProfile().catch(() => undefined)) ?? {} }
  }

  /** Waits for the answers that are due, then lets all versions go. */
  async close(): Promise<void> {
    await this.versions.close()
  }
}

function outcomeOf(
  { arrivedAt }: InferRequest,
  rows: number,
  predictions: Float32Array | undefined,
  failure: Outcome['failure'],
  cached?: boolean | undefined,
): Outcome {
  return { rows, ms: performance.now() - arrivedAt, predictions, failure, cached }
}
