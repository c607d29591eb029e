import { SlipwayError } from '../lib/formats/errors.ts'
import type { Route } from '../lib/formats/route.ts'
import { isCandidates } from '../lib/stats/assignment.ts'
import {
  type AskOptions,
  type InferRequest,
  type InferResult,
  mostWaiting,
  outcomeOf,
  VersionAsker,
} from './ask-version.ts'
import type { Reading } from './bodies/read-apart.ts'
import type { Joins } from './lookups/joins.ts'
import type { Outcome, Recorder } from './recorder.ts'
import { type Sampled, sampleRows } from './row-sample.ts'
import type { AnyInput } from './scoring.ts'
import type { LoadedVersion, Versions } from './versions.ts'

export interface InferenceOptions extends AskOptions {
  /** Share of requests whose rows are kept. */
  readonly captureRate: number
}

/** What a revision of a route has loaded, and what counts what comes of it. */
export interface View {
  readonly route: Route
  readonly champion: LoadedVersion
  readonly candidate: LoadedVersion | undefined
  readonly recorder: Recorder
  /** Since when the candidate gets nothing, for nobody watches the rollout, ISO; undefined while it does. */
  readonly suspendedAt: string | undefined
  /** Where some version looks something up. */
  readonly joins: Joins | undefined
}

/**
 * Mirrored rows that may wait for the shadow (requests of tensors: `mostWaiting`); more are not mirrored, and counted.
 */
const shadowRows = 512

/** What a version is asked: the request as it reads it, with what it looks up. */
function readInput({ joins }: View, request: InferRequest, version: LoadedVersion): AnyInput {
  if (version.kind === 'tensors') return request.readTensors(version.facts)
  const join = joins?.of(version)
  return join === undefined ? request.read(version) : join.join(request.read(join.asked))
}

/** What a version was asked, if it could read it, and what came of it. */
interface Asked {
  readonly input: AnyInput | undefined
  readonly outcome: Outcome
  /** The champion's, where it was asked whether the request is to blame. */
  readonly champions?: Pick<Asked, 'input' | 'outcome'>
}

/** Who answers a request, and what is counted and kept of it. */
export class Inference {
  private readonly options: InferenceOptions
  private readonly versions: Versions
  private readonly asker: VersionAsker

  constructor(options: InferenceOptions, versions: Versions) {
    this.options = options
    this.versions = versions
    this.asker = new VersionAsker(options)
  }

  /**
   * Answers a request by the version the route gives it. A candidate that fails is stood in for by the champion.
   * @throws SlipwayError REQUEST_INVALID, OVERLOADED, DEADLINE_EXCEEDED, PREDICTION_FAILED, NOT_FOUND
   */
  infer(view: View, request: InferRequest): Promise<InferResult> {
    if (request.version !== undefined) return this.inferPinned(view, request, request.version)
    const { route, candidate, suspendedAt } = view
    const { rollout } = route
    if (candidate === undefined || rollout === null || suspendedAt !== undefined)
      return this.inferByChampion(view, request, undefined)
    const user = rollout.sticky === null ? undefined : request.incoming.header(rollout.sticky)
    const drawn = isCandidates(rollout.salt, user ?? request.id, rollout.share)
    if (rollout.mode !== 'split') return this.inferMirrored(view, request, user, drawn)
    return drawn ? this.inferByCandidate(view, request, user) : this.inferByChampion(view, request, user)
  }

  /** Versions that a request may be asked, as they read it. @param number the one it asks for */
  readings({ champion, candidate, joins }: View, number: number | undefined): readonly Reading[] {
    const asked = number === undefined ? [champion, candidate] : [this.versions.byNumber(number)]
    return asked
      .filter((version) => version !== undefined)
      .map((version) =>
        version.kind === 'tensors' ? version : { kind: 'rows', facts: (joins?.of(version)?.asked ?? version).facts },
      )
  }

  private async inferByChampion(view: View, request: InferRequest, user: string | undefined): Promise<InferResult> {
    const { champion, recorder } = view
    const input = readInput(view, request, champion)
    recorder.inFlight++
    try {
      const outcome = await this.asker.ask(champion, input, request, 'trusted')
      const first = recorder.count('champion', outcome, user)
      this.sample(view, { role: 'champion', first, request, version: champion, input, outcome })
      return this.asker.result(outcome, champion, 'champion', input)
    } finally {
      recorder.inFlight--
    }
  }

  private async inferByCandidate(view: View, request: InferRequest, user: string | undefined): Promise<InferResult> {
    const { recorder } = view
    recorder.inFlight++
    try {
      const asked = await this.askCandidate(view, request, () => this.askChampion(view, request))
      const first = recorder.count('candidate', asked.outcome, user)
      return await this.orFallback(view, request, asked, first)
    } finally {
      recorder.inFlight--
    }
  }

  /** The candidate's answer. Without one the champion answers, and the request still counts as the candidate's. */
  private async orFallback(
    view: View,
    request: InferRequest,
    { input, outcome, champions }: Asked,
    first: boolean,
  ): Promise<InferResult> {
    const { champion } = view
    const candidate = view.candidate as LoadedVersion
    if (outcome.predictions !== undefined && input !== undefined) {
      this.sample(view, { role: 'candidate', first, request, version: candidate, input, outcome })
      return this.asker.result(outcome, candidate, 'candidate', input)
    }
    const standIn = champions ?? (await this.askChampion(view, request))
    return this.asker.result(standIn.outcome, champion, 'fallback', standIn.input)
  }

  /**
   * What only the champion takes counts against the candidate; what neither takes is the client's fault.
   * @param askChampion asks it, or says what it has answered
   */
  private async askCandidate(
    view: View,
    request: InferRequest,
    askChampion: () => Promise<Pick<Asked, 'input' | 'outcome'>>,
  ): Promise<Asked> {
    const candidate = view.candidate as LoadedVersion
    let input: AnyInput
    try {
      input = readInput(view, request, candidate)
    } catch (error) {
      const { rows } = readInput(view, request, view.champion)
      const failure = { kind: 'features' as const, message: (error as Error).message }
      return { input: undefined, outcome: outcomeOf(request, rows, undefined, failure) }
    }
    try {
      return {
        input,
        outcome: await this.asker.ask(candidate, input, request, request.failCandidate ? 'fail' : 'apart'),
      }
    } catch (error) {
      if (!(error instanceof SlipwayError && error.code === 'REQUEST_INVALID')) throw error
      const champions = await askChampion()
      const failure = { kind: 'model' as const, message: error.message }
      return { input, outcome: outcomeOf(request, input.rows, undefined, failure), champions }
    }
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
    const isBusy = other.offloaded.queued > (other.kind === 'tensors' ? mostWaiting : shadowRows)
    if (isBusy) recorder.countDropped()
    recorder.inFlight++
    try {
      const asked: Promise<Asked> = isShadow
        ? this.askChampion(view, request)
        : this.askCandidate(view, request, () => this.askChampion(view, request))
      if (!isBusy) void this.mirror(view, request, asked, isShadow)
      const answered = await asked
      const { input, outcome } = answered
      const first = recorder.count(isShadow ? 'champion' : 'candidate', outcome, user)
      if (!isShadow) return await this.orFallback(view, request, answered, first)
      this.sample(view, { role: 'champion', first, request, version: champion, input: input as AnyInput, outcome })
      return this.asker.result(outcome, champion, 'champion', input)
    } finally {
      recorder.inFlight--
    }
  }

  private async askChampion(view: View, request: InferRequest): Promise<{ input: AnyInput; outcome: Outcome }> {
    const { champion } = view
    const input = readInput(view, request, champion)
    return { input, outcome: await this.asker.ask(champion, input, request, 'trusted') }
  }

  private async mirror(view: View, request: InferRequest, asked: Promise<Asked>, isShadow: boolean): Promise<void> {
    const { recorder } = view
    recorder.inFlight++
    // The answer's own work goes first.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      const late = { ...request, arrivedAt: performance.now(), deadline: Number.POSITIVE_INFINITY }
      const version = isShadow ? (view.candidate as LoadedVersion) : view.champion
      const { input, outcome: mirrored } = isShadow
        ? await this.askCandidate(view, late, () => asked)
        : await this.askOffloaded(view, late)
      recorder.count(isShadow ? 'candidate' : 'champion', mirrored, undefined)
      if (input !== undefined)
        this.sample(view, { role: 'shadow', first: true, request, version, input, outcome: mirrored })
      const { outcome: answered } = await asked
      recorder.countPair(isShadow ? answered : mirrored, isShadow ? mirrored : answered)
    } catch {
      // What the answer met, it reports; a request that was refused is no pair.
    } finally {
      recorder.inFlight--
    }
  }

  private async askOffloaded(
    view: View,
    request: InferRequest,
  ): Promise<{ input: AnyInput | undefined; outcome: Outcome }> {
    const input = readInput(view, request, view.champion)
    return { input, outcome: await this.asker.ask(view.champion, input, request, 'apart') }
  }

  private async inferPinned(view: View, request: InferRequest, number: number): Promise<InferResult> {
    const version = this.versions.byNumber(number)
    if (version === undefined) {
      throw new SlipwayError(
        'NOT_FOUND',
        `endpoint ${this.options.name} has no version ${number} loaded; it has ${this.versions.numbers().join(', ')}`,
      )
    }
    const input = readInput(view, request, version)
    // One that is tried, or was, may hang: it must not stop the champion.
    const outcome = await this.asker.ask(version, input, request, version === view.champion ? 'trusted' : 'apart')
    return this.asker.result(outcome, version, 'pinned', input)
  }

  private sample({ recorder }: View, sampled: Sampled): void {
    sampleRows(recorder, this.options.captureRate, sampled)
  }
}
