import { Worker } from 'node:worker_threads'
import { builtFile } from '../code/host.ts'
import { type ErrorFacts, isErrorCode, SlipwayError } from '../pipelines/errors.ts'

/** Work that would keep the worker's own thread from heartbeats: user code, training, ONNX Runtime, sorting. Plain data in and out; a thread loads its own. */
export const jobs = {
  profileFiles: async () => (await import('../data/profile.ts')).profileFiles,
  trainModel: async () => (await import('../trainers/train-model.ts')).trainModel,
  evaluateModel: async () => (await import('../models/evaluate.ts')).evaluateModel,
  judgeGates: async () => (await import('../models/judge-gates.ts')).judgeGates,
  proveKernel: async () => (await import('../models/prove-kernel.ts')).proveKernel,
  checkParity: async () => (await import('../models/parity.ts')).checkParity,
  guardModel: async () => (await import('../models/guard.ts')).guardModel,
  scoreShard: async () => (await import('../models/score-shard.ts')).scoreShard,
} as const
export type Jobs = { readonly [Name in keyof typeof jobs]: Awaited<ReturnType<(typeof jobs)[Name]>> }
export type JobName = keyof Jobs

/** What a job's thread says to the worker. */
export type JobMessage =
  | { readonly progress: { readonly what: string; readonly done: number } }
  | { readonly result: unknown }
  | {
      readonly error: {
        readonly code: string
        readonly message: string
        readonly facts: ErrorFacts
        readonly stack: string | undefined
      }
    }

export type Progress = (what: string, done: number) => void

/** What the worker says to a job's thread. */
export interface JobCall {
  readonly name: JobName
  readonly order: unknown
}

/** Jobs that come in long rows: their threads wait for the next one, with what they have loaded. */
const kept: readonly JobName[] = ['scoreShard']
const idle: Worker[] = []
/** How long a thread waits for its next job, ms. */
const idleMs = 20_000

/** A thread that waits, or a new one. */
function takeThread(name: JobName): Worker {
  const waiting = kept.includes(name) ? idle.pop() : undefined
  waiting?.ref()
  return waiting ?? new Worker(builtFile('job'))
}

/** Lets a thread that has done its job wait for another one, for a while, or ends it. */
function putBack(name: JobName, thread: Worker): void {
  if (!kept.includes(name)) {
    void thread.terminate()
    return
  }
  idle.push(thread)
  thread.unref()
  const retire = (): void => {
    const at = idle.indexOf(thread)
    if (at < 0) return
    idle.splice(at, 1)
    void thread.terminate()
  }
  setTimeout(retire, idleMs).unref()
}

/**
 * Runs a job in a thread, alone there: a fresh instance of the user's code every time, and an endless loop in it can be stopped.
 * @param signal ends the thread; the promise then rejects with the signal's reason
 */
export function runJob<Name extends JobName>(
  name: Name,
  order: Parameters<Jobs[Name]>[0],
  onProgress: Progress,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<Jobs[Name]>>> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const thread = takeThread(name)
    const letGo = (): void => {
      signal.removeEventListener('abort', stop)
      thread.off('message', hear)
      thread.off('error', fail)
      thread.off('exit', ended)
    }
    const stop = (): void => {
      letGo()
      reject(signal.reason)
      void thread.terminate()
    }
    signal.addEventListener('abort', stop, { once: true })
    const hear = (message: JobMessage): void => {
      if ('progress' in message) {
        onProgress(message.progress.what, message.progress.done)
        return
      }
      letGo()
      putBack(name, thread)
      if ('result' in message) resolve(message.result as Awaited<ReturnType<Jobs[Name]>>)
      else reject(revive(message.error))
    }
    const fail = (error: unknown): void => {
      letGo()
      reject(error)
    }
    const ended = (code: number): void => {
      letGo()
      reject(new Error(`the thread of ${name} ended with ${code} before it was done`))
    }
    thread.on('message', hear)
    thread.on('error', fail)
    thread.on('exit', ended)
    thread.postMessage({ name, order } satisfies JobCall)
  })
}

function revive({
  code,
  message,
  facts,
  stack,
}: {
  code: string
  message: string
  facts: ErrorFacts
  stack: string | undefined
}): Error {
  const error = isErrorCode(code) ? new SlipwayError(code, message, facts) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
