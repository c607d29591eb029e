import { Worker } from 'node:worker_threads'
import { builtFile } from '../lib/code/host.ts'
import { strayFault } from '../lib/code/user-fault.ts'
import type { Numbers } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import type { FeatureCounts } from '../lib/formats/telemetry.ts'
import type { Engine } from '../lib/models/compiled-model.ts'
import type { LocalModel } from '../lib/models/model.ts'
import { failureOf, type InputColumns, type InputKind, ScoringFailure } from './scoring.ts'

type Question =
  | { readonly kind: InputKind; readonly columns: InputColumns; readonly count: boolean }
  | { readonly profile: true }
/** What the thread is asked, and what it says. */
export type ThreadQuestion = Question & { readonly id: number }
export type ThreadAnswer =
  | { readonly ready: true; readonly engine: Engine }
  | { readonly broken: string }
  | { readonly id: number; readonly predictions: Numbers }
  | { readonly id: number; readonly failed: Pick<ScoringFailure, 'kind' | 'message' | 'inBundle'> }
  | { readonly id: number; readonly profile: Record<string, FeatureCounts> }

/** A batch may take this long, ms: then its thread is given up and begun anew (user code may hang). */
const patienceMs = 10_000

export interface ScorerThread {
  readonly engine: Engine
  /** @throws ScoringFailure */
  score(kind: InputKind, columns: InputColumns, count: boolean): Promise<Numbers>
  takeProfile(): Promise<Record<string, FeatureCounts>>
  close(): Promise<void>
}

/**
 * Keeps a thread with a model running.
 * @param note hears of every failure of its code or model
 * @throws SlipwayError DIGEST_MISMATCH when the model cannot be loaded
 */
export async function startScorerThread(
  variant: ModelVersion,
  local: LocalModel,
  note: (failure: ScoringFailure) => void,
): Promise<ScorerThread> {
  let closed = false
  const started = await startThread(variant, local)
  let { thread } = started
  let restarting: Promise<void> | undefined
  let nextId = 0
  const waiting = new Map<number, { resolve(answer: never): void; reject(error: Error): void; timer: NodeJS.Timeout }>()

  const listen = (): void => {
    const mine = thread
    mine.on('message', (answer: ThreadAnswer) => {
      if (!('id' in answer)) return
      const asked = waiting.get(answer.id)
      waiting.delete(answer.id)
      clearTimeout(asked?.timer)
      if ('predictions' in answer) asked?.resolve(answer.predictions as never)
      else if ('profile' in answer) asked?.resolve(answer.profile as never)
      else {
        const { kind, message, inBundle } = answer.failed
        const failure = new ScoringFailure(kind, message, inBundle)
        note(failure)
        asked?.reject(failure)
      }
    })
    mine.on('error', (error) => {
      const stray = strayFault(error)
      if (stray !== undefined) note(failureOf(stray))
    })
    mine.on('exit', () => {
      if (mine === thread && !closed) restart('model', 'its thread ended')
    })
  }
  const restart = (kind: 'model' | 'timeout', why: string): void => {
    const old = thread
    for (const [id, { reject, timer }] of [...waiting]) {
      waiting.delete(id)
      clearTimeout(timer)
      reject(new ScoringFailure(kind, `version ${variant.version}: ${why}`))
    }
    void old.terminate()
    restarting ??= startThread(variant, local)
      .then((fresh) => {
        thread = fresh.thread
        listen()
      })
      // It was loaded before: what fails now is memory or the disk, and the next question tries again.
      .catch(() => {})
      .finally(() => {
        restarting = undefined
      })
  }
  const ask = async <T>(question: Question): Promise<T> => {
    await restarting
    return new Promise<T>((resolve, reject) => {
      const id = nextId++
      const timer = setTimeout(() => {
        if (waiting.has(id)) restart('timeout', `no answer within ${patienceMs / 1000} s`)
      }, patienceMs)
      waiting.set(id, { resolve: resolve as (answer: never) => void, reject, timer })
      thread.postMessage({ id, ...question })
    })
  }
  listen()
  return {
    engine: started.engine,
    score: (kind, columns, count) => ask({ kind, columns, count }),
    takeProfile: () => ask({ profile: true }),
    async close() {
      closed = true
      await thread.terminate()
    },
  }
}

async function startThread(variant: ModelVersion, local: LocalModel): Promise<{ thread: Worker; engine: Engine }> {
  const thread = new Worker(builtFile('scorer-thread'), { workerData: local })
  const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`its thread ended with ${code}`)))
  }).catch((error: Error): ThreadAnswer => ({ broken: error.message }))
  if ('ready' in answer) return { thread, engine: answer.engine }
  throw new SlipwayError(
    'DIGEST_MISMATCH',
    `version ${variant.version} of ${variant.model} cannot be loaded: ${'broken' in answer ? answer.broken : 'its thread says something else'}`,
  )
}
