import { errorFrom, type PlainError } from '../lib/code/thread-errors.ts'
import { strayFault } from '../lib/code/user-fault.ts'
import type { JobName, Jobs, Progress } from '../lib/jobs/step-work.ts'
import type { OutsideLearners } from '../lib/learners/learners.ts'
import type { TrainingOrder } from '../lib/learners/training-rows.ts'
import type { TrialRun } from '../lib/learners/try-parameters.ts'
import type { LocalModel } from '../lib/models/model.ts'
import { type JobCode, putBack, takeThread } from './threads.ts'

/** Where jobs are: what would keep the worker's own thread from heartbeats. A thread loads its own. */
export const jobs: { readonly [Name in JobName]: () => Promise<Jobs[Name]> } = {
  profileFiles: async () => (await import('../lib/data/profile.ts')).profileFiles,
  trainModel: async () => {
    const { trainModel } = await import('../lib/learners/train-model.ts')
    return async (order: TrainingOrder, onProgress: Progress) => trainModel(order, onProgress, await learnersFor(order))
  },
  layOutTraining: async () => (await import('../lib/learners/train-model.ts')).layOutTraining,
  layOutTrial: async () => (await import('../lib/learners/try-parameters.ts')).layOutTrial,
  tryParameters: async () => {
    const { tryParameters } = await import('../lib/learners/try-parameters.ts')
    return async (order: TrialRun, onProgress: Progress) => tryParameters(order, onProgress, await learnersFor(order))
  },
  runTable: async () => (await import('../lib/jobs/run-code.ts')).runTable,
  runOwnStep: async () => (await import('../lib/jobs/run-code.ts')).runOwnStep,
  runStepProgram: async () => (await import('../lib/jobs/step-program/run.ts')).runStepProgram,
  layOutStep: async () => (await import('../lib/jobs/step-program/lay-out.ts')).layOutStep,
  readStep: async () => (await import('../lib/jobs/step-program/read.ts')).readStep,
  evaluateModel: async () => (await import('../lib/jobs/evaluate.ts')).evaluateModel,
  judgeGates: async () => (await import('../lib/jobs/judge.ts')).judgeGates,
  reportBacktest: async () => (await import('../lib/jobs/backtest.ts')).reportBacktest,
  compileTrees: async () => (await import('../lib/models/compile-trees.ts')).compileTrees,
  compareMadeUp: async () => (await import('../lib/models/compare-made-up.ts')).compareMadeUp,
  proveRows: async () => (await import('../lib/jobs/prove-rows.ts')).proveRows,
  proveAnswers: async () => (await import('../lib/jobs/prove-answers.ts')).proveAnswers,
  profileTensors: async () => (await import('../lib/jobs/profile-tensors.ts')).profileTensors,
  makeExplainer: async () => (await import('../lib/jobs/make-explainer.ts')).makeExplainer,
  optimiseModel: async () => (await import('../lib/jobs/optimise-model.ts')).optimiseModel,
  optimiseTensors: async () => (await import('../lib/jobs/optimise-tensors.ts')).optimiseTensors,
  judgeNeverWorse: async () => (await import('../lib/jobs/never-worse.ts')).judgeNeverWorse,
  measureDrift: async () => (await import('../lib/jobs/measure-drift.ts')).measureDrift,
  scoreShard: async () => (await import('../lib/jobs/batch/score-shard.ts')).scoreShard,
  stageShard: async () => (await import('../lib/jobs/batch/stage-shard.ts')).stageShard,
}

/** Learners from outside are loaded where they train; most models are trained by Slipway's own. */
async function learnersFor({ step, root }: TrainingOrder): Promise<OutsideLearners | undefined> {
  if (step.learner.kind !== 'outside' || root === undefined) return undefined
  return (await import('../lib/extensions/learners.ts')).learnersOf(root)
}

/** What a job's thread says to the worker. */
export type JobMessage =
  | { readonly progress: { readonly what: string; readonly done: number } }
  | { readonly result: unknown }
  | { readonly error: PlainError }

/** What the worker says to a job's thread: what to do, or what to load before there is something to do. */
export type JobCall = { readonly name: JobName; readonly order: unknown } | { readonly warm: readonly string[] }

type Orders = { readonly [Name in JobName]: Parameters<Jobs[Name]>[0] }

/**
 * Whose code each job runs. The never-worse gate runs that of several models, gates perhaps metrics of the user's
 * besides.
 */
const codeOf: { readonly [Name in JobName]: (order: Orders[Name]) => JobCode } = {
  profileFiles: () => ours,
  reportBacktest: () => ours,
  compileTrees: () => ours,
  compareMadeUp: () => ours,
  runTable: ({ code, host }) => ({ owner: code.digest, packages: Object.keys(host) }),
  runOwnStep: ({ code, host }) => ({ owner: code.digest, packages: Object.keys(host) }),
  runStepProgram: () => ours,
  layOutStep: () => ours,
  readStep: () => ours,
  layOutTraining: ({ features, step }) => ({ owner: features.digest, packages: Object.keys(step.features.host) }),
  layOutTrial: ({ features, step }) => ({ owner: features.digest, packages: Object.keys(step.features.host) }),
  trainModel: ({ features, step }) => ({ owner: features.digest, packages: Object.keys(step.features.host) }),
  tryParameters: ({ features, step }) => ({ owner: features.digest, packages: Object.keys(step.features.host) }),
  proveRows: ({ model }) => codeOfModel(model),
  proveAnswers: () => codeOfSeveral,
  makeExplainer: ({ model }) => codeOfModel(model),
  optimiseModel: ({ model }) => codeOfModel(model),
  optimiseTensors: () => ours,
  evaluateModel: ({ model }) => codeOfModel(model),
  judgeGates: ({ model, code }) => (code.length === 0 ? codeOfModel(model) : codeOfSeveral),
  profileTensors: () => ours,
  judgeNeverWorse: () => codeOfSeveral,
  measureDrift: () => codeOfSeveral,
  scoreShard: () => ({ owner: 'shards', packages: undefined }),
  stageShard: () => ({ owner: 'shards', packages: undefined }),
}
const ours: JobCode = { owner: 'none', packages: undefined }
const codeOfSeveral: JobCode = { owner: undefined, packages: [] }
const codeOfModel = ({ facts: { featureCode, decision } }: LocalModel): JobCode =>
  decision === undefined ? { owner: featureCode.digest, packages: Object.keys(featureCode.host) } : codeOfSeveral

/**
 * Runs a job in a thread, alone there: a fresh instance of the user's code every time, and an endless loop in it can be
 * stopped.
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
    const code = codeOf[name](order as Orders[Name])
    const thread = takeThread(code)
    const letGo = (): void => {
      signal.removeEventListener('abort', stop)
      thread.off('message', hear)
      thread.off('error', fail)
      thread.off('exit', ended)
    }
    const stop = (): void => {
      letGo()
      reject(signal.reason)
      putBack(thread, code, false)
    }
    signal.addEventListener('abort', stop, { once: true })
    const hear = (message: JobMessage): void => {
      if ('progress' in message) {
        onProgress(message.progress.what, message.progress.done)
        return
      }
      letGo()
      putBack(thread, code, 'result' in message)
      if ('result' in message) resolve(message.result as Awaited<ReturnType<Jobs[Name]>>)
      else reject(errorFrom(message.error))
    }
    const fail = (error: unknown): void => {
      letGo()
      putBack(thread, code, false)
      reject(strayFault(error) ?? error)
    }
    const ended = (status: number): void => {
      letGo()
      putBack(thread, code, false)
      reject(new Error(`the thread of ${name} ended with ${status} before it was done`))
    }
    thread.on('message', hear)
    thread.on('error', fail)
    thread.on('exit', ended)
    thread.postMessage({ name, order } satisfies JobCall)
  })
}

/** The same in this thread, for who debugs the user's code. */
export const runJobHere: typeof runJob = async (name, order, onProgress) => {
  const job = (await jobs[name]()) as unknown as (order: unknown, onProgress: Progress) => Promise<never>
  return job(order, onProgress)
}
