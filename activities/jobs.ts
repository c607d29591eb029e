import { Worker } from 'node:worker_threads'
import { builtFile } from '../code/host.ts'
import { checkParity, evaluateModel, judgeGates } from '../models/evaluate.ts'
import { guardModel } from '../models/guard.ts'
import { type ErrorFacts, isErrorCode, SlipwayError } from '../pipelines/errors.ts'
import { trainModel } from '../trainers/train-model.ts'

/** Work that would keep the worker's own thread from heartbeats: user code, training, ONNX Runtime. Plain data in and out. */
export const jobs = { trainModel, evaluateModel, judgeGates, checkParity, guardModel } as const
export type Jobs = typeof jobs
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

/**
 * Runs a job in a thread of its own, which ends with it: a fresh instance of the user's code every time, and an endless
 * loop in it can be stopped.
 * @param signal stops the thread; the promise then rejects with the signal's reason
 */
export function runJob<Name extends JobName>(
  name: Name,
  order: Parameters<Jobs[Name]>[0],
  onProgress: Progress,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<Jobs[Name]>>> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(builtFile('job'), { workerData: { name, order } })
    const stop = (): void => {
      reject(signal.reason)
      void thread.terminate()
    }
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    thread.on('message', (message: JobMessage) => {
      if ('progress' in message) onProgress(message.progress.what, message.progress.done)
      else if ('result' in message) resolve(message.result as Awaited<ReturnType<Jobs[Name]>>)
      else reject(revive(message.error))
    })
    thread.on('error', reject)
    thread.on('exit', (code) => {
      signal.removeEventListener('abort', stop)
      reject(new Error(`the thread of ${name} ended with ${code} before it was done`))
    })
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
