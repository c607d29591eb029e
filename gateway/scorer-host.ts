import { Worker } from 'node:worker_threads'
import { builtFile } from '../lib/code/host.ts'
import { strayFault } from '../lib/code/user-fault.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { showDuration } from '../lib/formats/show-duration.ts'
import type { FeatureCounts } from '../lib/formats/telemetry.ts'
import type { Tensors } from '../lib/formats/tensors.ts'
import type { Engine } from '../lib/models/compiled-model.ts'
import type { LocalModel } from '../lib/models/model.ts'
import type { LocalTensorModel } from '../lib/models/tensors/session.ts'
import { type Packed, type Sent, sent } from './bodies/packed.ts'
import type { Explained } from './explain.ts'
import { failureOf, type InputColumns, type InputKind, type Scored, ScoringFailure } from './scoring.ts'
import type { TensorAnswer } from './tensors/scorer.ts'

type ForProfile = { readonly profile: true }
type ForExplanation = { readonly explain: InputKind; readonly columns: Sent<InputColumns> }
type ForCounting = { readonly counted: Scored; readonly kind: InputKind; readonly columns: Sent<InputColumns> }
type RowQuestion =
  | { readonly kind: InputKind; readonly columns: Sent<InputColumns>; readonly count: boolean }
  | ForCounting
  | ForExplanation
  | ForProfile
type TensorQuestion = { readonly tensors: Sent<Tensors>; readonly count: boolean } | ForProfile
/** What a thread is asked, of rows or of tensors, and what it says. */
export type ThreadQuestion = RowQuestion & { readonly id: number }
export type TensorThreadQuestion = TensorQuestion & { readonly id: number }
export type ThreadAnswer =
  | { readonly ready: true; readonly engine: Engine }
  | { readonly broken: string }
  | { readonly id: number; readonly scored: Scored }
  | { readonly id: number; readonly answer: TensorAnswer }
  | { readonly id: number; readonly explained: Explained }
  | { readonly id: number; readonly failed: Pick<ScoringFailure, 'kind' | 'message' | 'inBundle'> }
  | { readonly id: number; readonly profile: Record<string, FeatureCounts> }

/** A batch may take this long, ms: then its thread is given up and begun anew (user code may hang). */
const patienceMs = 10_000

export interface ScorerThread {
  readonly engine: Engine
  /** @throws ScoringFailure */
  score(kind: InputKind, columns: InputColumns | Packed<InputColumns>, count: boolean): Promise<Scored>
  takeProfile(): Promise<Record<string, FeatureCounts>>
  /** Counts a batch that was answered elsewhere. @throws ScoringFailure */
  count(kind: InputKind, columns: InputColumns | Packed<InputColumns>, counted: Scored): Promise<void>
  /** @throws ScoringFailure */
  explain(kind: InputKind, columns: InputColumns | Packed<InputColumns>): Promise<Explained>
  close(): Promise<void>
}

/**
 * Keeps a thread with a model running.
 * @param note hears of every failure of its code or model
 * @throws SlipwayError DIGEST_MISMATCH when the model cannot be loaded
 */
export async function startScorerThread(
  version: ModelVersion,
  local: LocalModel,
  note: (failure: ScoringFailure) => void,
): Promise<ScorerThread> {
  const { thread, engine } = await startThread(version, local)
  const host = new ScorerHost(thread, { start: () => startThread(version, local), number: version.version, note })
  return {
    engine,
    score: (kind, columns, count) => host.ask({ kind, columns: sent(columns), count }),
    takeProfile: () => host.ask({ profile: true }),
    count: async (kind, columns, counted) => {
      await host.ask({ kind, columns: sent(columns), counted })
    },
    explain: (kind, columns) => host.ask({ explain: kind, columns: sent(columns) }),
    close: () => host.close(),
  }
}

/** The same of a model of tensors. */
export async function startTensorThread(
  version: ModelVersion,
  local: LocalTensorModel,
  note: (failure: ScoringFailure) => void,
): Promise<
  Pick<ScorerThread, 'takeProfile' | 'close'> & {
    answer(tensors: Tensors | Packed<Tensors>, count: boolean): Promise<TensorAnswer>
  }
> {
  const start = () => startThread(version, local, 'tensor-thread')
  const host = new ScorerHost((await start()).thread, { start, number: version.version, note })
  return {
    answer: (tensors, count) => host.ask({ tensors: sent(tensors), count }),
    takeProfile: () => host.ask({ profile: true }),
    close: () => host.close(),
  }
}

/** Who waits for an answer of the thread. */
interface Waiting {
  resolve(answer: never): void
  reject(error: Error): void
  readonly timer: NodeJS.Timeout
}

interface HostOptions {
  start(): Promise<{ readonly thread: Worker }>
  /** Of the version, for messages. */
  readonly number: number
  note(failure: ScoringFailure): void
}

/** Asks a thread, and begins it anew when it ends or hangs. */
class ScorerHost {
  private readonly options: HostOptions
  private readonly waiting = new Map<number, Waiting>()
  private thread: Worker
  private restarting: Promise<void> | undefined
  private nextId = 0
  private isClosed = false

  constructor(thread: Worker, options: HostOptions) {
    this.options = options
    this.thread = thread
    this.listen()
  }

  /** @throws ScoringFailure */
  async ask<T>(question: RowQuestion | TensorQuestion): Promise<T> {
    await this.restarting
    if (this.isClosed) throw this.letGo()
    return new Promise<T>((resolve, reject) => {
      const id = this.nextId++
      const timer = setTimeout(() => {
        if (this.waiting.has(id)) this.restart('timeout', `no answer within ${showDuration(patienceMs)}`)
      }, patienceMs)
      this.waiting.set(id, { resolve: resolve as (answer: never) => void, reject, timer })
      this.thread.postMessage({ id, ...question }, handedOver(question))
    })
  }

  /** Whoever still waits hears at once that there will be no answer. */
  async close(): Promise<void> {
    this.isClosed = true
    this.rejectAll(this.letGo())
    await this.thread.terminate()
  }

  private letGo(): ScoringFailure {
    return new ScoringFailure('model', `version ${this.options.number} is no longer loaded`)
  }

  private rejectAll(failure: ScoringFailure): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer)
      reject(failure)
    }
    this.waiting.clear()
  }

  private listen(): void {
    const mine = this.thread
    mine.on('message', (answer: ThreadAnswer) => {
      if ('id' in answer) this.settle(answer)
    })
    mine.on('error', (error) => {
      const stray = strayFault(error)
      if (stray !== undefined) this.options.note(failureOf(stray))
    })
    mine.on('exit', () => {
      if (mine === this.thread && !this.isClosed) this.restart('model', 'its thread ended')
    })
  }

  private settle(answer: Extract<ThreadAnswer, { id: number }>): void {
    const asked = this.waiting.get(answer.id)
    this.waiting.delete(answer.id)
    clearTimeout(asked?.timer)
    if ('scored' in answer) asked?.resolve(answer.scored as never)
    else if ('profile' in answer) asked?.resolve(answer.profile as never)
    else if ('answer' in answer) asked?.resolve(answer.answer as never)
    else if ('explained' in answer) asked?.resolve(answer.explained as never)
    else {
      const { kind, message, inBundle } = answer.failed
      const failure = new ScoringFailure(kind, message, inBundle)
      this.options.note(failure)
      asked?.reject(failure)
    }
  }

  private restart(kind: 'model' | 'timeout', why: string): void {
    const old = this.thread
    this.rejectAll(new ScoringFailure(kind, `version ${this.options.number}: ${why}`))
    void old.terminate()
    this.restarting ??= this.options
      .start()
      .then(({ thread }) => {
        this.thread = thread
        this.listen()
      })
      // It was loaded before: what fails now is memory or the disk, and the next question tries again.
      .catch(() => {})
      .finally(() => {
        this.restarting = undefined
      })
  }
}

/** Memory that a question gives away. */
function handedOver(question: RowQuestion | TensorQuestion): ArrayBuffer[] {
  const asked = 'tensors' in question ? question.tensors : 'columns' in question ? question.columns : undefined
  return asked !== undefined && 'packed' in asked ? [asked.packed.buffer] : []
}

async function startThread(
  { version, model }: ModelVersion,
  local: LocalModel | LocalTensorModel,
  entry: 'scorer-thread' | 'tensor-thread' = 'scorer-thread',
): Promise<{ thread: Worker; engine: Engine }> {
  const thread = new Worker(builtFile(entry), { workerData: local })
  const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`its thread ended with ${code}`)))
  }).catch((error: Error): ThreadAnswer => ({ broken: error.message }))
  if ('ready' in answer) return { thread, engine: answer.engine }
  throw new SlipwayError(
    'DIGEST_MISMATCH',
    `version ${version} of ${model} cannot be loaded: ${'broken' in answer ? answer.broken : 'its thread says something else'}`,
  )
}
