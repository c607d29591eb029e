import { newDecisions } from '../lib/formats/decisions.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { TensorFacts, Tensors } from '../lib/formats/tensors.ts'
import type { ModelFacts } from '../lib/models/model.ts'
import { type AnswerCache, createAnswerCache } from './answer-cache.ts'
import { DeadlinePassed, type Until, whenever } from './batcher.ts'
import { Packed } from './bodies/packed.ts'
import { lateFor } from './late.ts'
import type { Incoming, Prediction, ServedVersion } from './protocols/protocol.ts'
import type { Outcome } from './recorder.ts'
import { type AnyInput, type Input, type Scored, ScoringFailure, type TensorInput } from './scoring.ts'
import type { LoadedRows, LoadedTensors, LoadedVersion } from './versions.ts'

/** Requests of more rows are offloaded: so many are a third of a millisecond. */
const inlineRows = { onnxruntime: 128, compiled: 1024 } as const

/** Requests to a model of tensors that may wait, however long an answer takes. */
export const mostWaiting = 4

/** A batch queue longer than this, ms, refuses requests, unless it is said otherwise. */
export const maxWaitMs = 100

/** A request as an endpoint is asked. */
export interface InferRequest extends Until {
  readonly id: string
  /** Reads the request by a version's schema. @throws SlipwayError REQUEST_INVALID */
  read(version: ServedVersion): Input
  /** The same by what a model of tensors takes. @throws SlipwayError REQUEST_INVALID */
  readTensors(facts: TensorFacts): TensorInput
  /** As it came. A sticky rollout takes its key from a header; equal bodies of equal form may have a kept answer. */
  readonly incoming: Incoming
  /** Answer by this version, whatever the route says. */
  readonly version: number | undefined
  /** `performance.now()` at arrival. */
  readonly arrivedAt: number
  /** For drills, where the gateway allows them: make the candidate fail. */
  readonly failCandidate: boolean
  /** What besides the body and the version decides how `read` reads it: protocol and headers. */
  readonly form: string
}

export interface InferResult extends Omit<Prediction, 'version'> {
  readonly version: LoadedVersion
  /** Of a model of tensors, whose `predictions` stand for these. */
  readonly outputs?: Tensors | undefined
  /** Whether the answer was kept from before; undefined without a cache. */
  readonly cached: boolean | undefined
  /** What the version was asked. */
  readonly input: Input | undefined
}

export interface AskOptions {
  /** The endpoint's, for messages. */
  readonly name: string
  /** A batch queue longer than this, ms, refuses requests. */
  readonly maxWaitMs: number
  /** Answers kept, by model digest, form of the request and body; 0 keeps none. */
  readonly cacheEntries: number
}

/** Whether a version may score on the thread that answers, has to score apart, or is made to fail by a drill. */
export type Trust = 'trusted' | 'apart' | 'fail'

/** Asks single versions, whoever decided which one it is to be. */
export class VersionAsker {
  private readonly options: AskOptions
  private readonly cache: AnswerCache | undefined

  constructor(options: AskOptions) {
    this.options = options
    this.cache = options.cacheEntries > 0 ? createAnswerCache(options.cacheEntries) : undefined
  }

  /**
   * Asks a version. Refusals for the queue's sake are thrown, and so is what the request is to blame for: they say
   * nothing about the version.
   * @throws SlipwayError OVERLOADED, DEADLINE_EXCEEDED, REQUEST_INVALID
   */
  ask(version: LoadedVersion, input: AnyInput, request: InferRequest, trust: Trust): Promise<Outcome> {
    return version.kind === 'tensors'
      ? this.askTensors(version, input as TensorInput, request, trust)
      : this.askRows(version, input as Input, request, trust)
  }

  private async askRows(
    { inline, offloaded, scorer }: LoadedRows,
    input: Input,
    request: InferRequest,
    trust: Trust,
  ): Promise<Outcome> {
    const { columns } = input
    const isSmall = !(columns instanceof Packed) && input.rows <= inlineRows[scorer.engine.name]
    const batcher = inline !== undefined && trust === 'trusted' && isSmall ? inline : offloaded
    if (batcher.expectedWaitMs > this.options.maxWaitMs) {
      throw new SlipwayError('OVERLOADED', `endpoint ${this.options.name} has ${batcher.queued} rows waiting`, {
        next: 'try again in a second, or add gateways',
      })
    }
    try {
      if (trust === 'fail')
        throw new ScoringFailure('injected', `a drill makes version ${scorer.modelVersion.version} fail`)
      if (input.rows === 0) return outcomeOf(request, 0, noRows(scorer.facts), undefined)
      // Answers to large bodies are not kept, and their bytes are elsewhere by now.
      if (columns instanceof Packed)
        return outcomeOf(request, input.rows, await batcher.score(input, request), undefined, this.cache && false)
      const form = input.lookups === undefined ? request.form : `${request.form} ${input.lookups.snapshots}`
      const key = { digest: scorer.modelVersion.digest, form, body: request.incoming.body }
      const kept = this.cache?.get(key)
      if (kept !== undefined) {
        // Drift counts every request. What was offloaded has to be scored again to have its features.
        if (batcher === offloaded) void offloaded.score(input, whenever).catch(() => {})
        else {
          kept.count ??= scorer.countInline(input.kind, columns, kept)
          kept.count()
        }
        return outcomeOf(request, input.rows, kept, undefined, true)
      }
      const scored = await batcher.score(input, request)
      this.cache?.set(key, scored)
      return outcomeOf(request, input.rows, scored, undefined, this.cache && false)
    } catch (error) {
      return failedOutcome(request, input, error)
    }
  }

  private async askTensors(
    { offloaded, scorer }: LoadedTensors,
    input: TensorInput,
    request: InferRequest,
    trust: Trust,
  ): Promise<Outcome> {
    // Some may always wait: one answer of a large model takes longer than small ones are to wait.
    if (offloaded.queued > mostWaiting && offloaded.expectedWaitMs > this.options.maxWaitMs)
      throw new SlipwayError('OVERLOADED', `endpoint ${this.options.name} has ${offloaded.queued} requests waiting`, {
        next: 'try again in a second, or add gateways',
      })
    try {
      if (trust === 'fail')
        throw new ScoringFailure('injected', `a drill makes version ${scorer.modelVersion.version} fail`)
      const { outputs, scores } = await offloaded.answer(input.tensors, request)
      const scored = { predictions: scores, decisions: undefined }
      return { ...outcomeOf(request, input.rows, scored, undefined), tensors: { facts: scorer.facts, outputs } }
    } catch (error) {
      return failedOutcome(request, input, error)
    }
  }

  /**
   * What a version answered, as the request's answer.
   * @param input what it was asked
   * @throws SlipwayError FEATURES_FAILED, PREDICTION_FAILED where it has none
   */
  result(
    outcome: Outcome,
    version: LoadedVersion,
    role: InferResult['role'],
    input: AnyInput | undefined,
  ): InferResult {
    if (outcome.predictions !== undefined)
      return {
        predictions: outcome.predictions,
        decisions: outcome.decisions,
        outputs: outcome.tensors?.outputs,
        answeredBy: version.scorer.modelVersion,
        role,
        version,
        cached: outcome.cached,
        lookups: input?.lookups?.reports,
        input: input !== undefined && 'columns' in input ? input : undefined,
      }
    const { kind, message } = outcome.failure as NonNullable<Outcome['failure']>
    if (kind === 'features') throw new SlipwayError('FEATURES_FAILED', message)
    throw new SlipwayError(
      'PREDICTION_FAILED',
      `version ${version.scorer.modelVersion.version} gives no answer: ${message}`,
    )
  }
}

/** What came of a request that got no answer. @throws whatever says nothing about the version */
function failedOutcome(request: InferRequest, { rows }: AnyInput, error: unknown): Outcome {
  if (error instanceof DeadlinePassed) throw lateFor(request)
  if (!(error instanceof ScoringFailure)) throw error
  if (error.kind === 'request') throw new SlipwayError('REQUEST_INVALID', error.message)
  return outcomeOf(request, rows, undefined, error)
}

/** What is made of no rows. */
const noRows = ({ decision }: ModelFacts): Scored => ({
  predictions: new Float32Array(0),
  decisions: decision && newDecisions(decision.kind, 0),
})

/** What came of a request. */
export function outcomeOf(
  { arrivedAt }: InferRequest,
  rows: number,
  scored: Scored | undefined,
  failure: Outcome['failure'],
  cached?: boolean | undefined,
): Outcome {
  const { predictions, decisions } = scored ?? {}
  return { rows, ms: performance.now() - arrivedAt, predictions, decisions, failure, cached }
}
