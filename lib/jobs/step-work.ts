import type { profileFiles } from '../data/profile.ts'
import type { Output } from '../formats/artifact.ts'
import type { StepKind, StepOf } from '../formats/plan.ts'
import type { StepOutcome } from '../formats/step-inputs.ts'
import type { StepMaterial } from '../formats/step-key.ts'
import type { layOutTraining, trainModel } from '../learners/train-model.ts'
import type { layOutTrial, tryParameters } from '../learners/try-parameters.ts'
import type { compareMadeUp } from '../models/compare-made-up.ts'
import type { compileTrees } from '../models/compile-trees.ts'
import type { reportBacktest } from './backtest.ts'
import type { scoreShard } from './batch/score-shard.ts'
import type { stageShard } from './batch/stage-shard.ts'
import type { evaluateModel } from './evaluate.ts'
import type { judgeGates } from './judge.ts'
import type { makeExplainer } from './make-explainer.ts'
import type { measureDrift } from './measure-drift.ts'
import type { judgeNeverWorse } from './never-worse.ts'
import type { optimiseModel } from './optimise-model.ts'
import type { optimiseTensors } from './optimise-tensors.ts'
import type { profileTensors } from './profile-tensors.ts'
import type { proveAnswers } from './prove-answers.ts'
import type { proveRows } from './prove-rows.ts'
import type { runOwnStep, runTable } from './run-code.ts'
import type { layOutStep } from './step-program/lay-out.ts'
import type { readStep } from './step-program/read.ts'
import type { runStepProgram } from './step-program/run.ts'

/** What is being done, in words, and how far it is (0 to 1). */
export type Progress = (what: string, done: number) => void

/** Work that takes a thread of its own: user code, training, ONNX Runtime, sorting. Plain data in and out. */
export interface Jobs {
  readonly profileFiles: typeof profileFiles
  readonly layOutTraining: typeof layOutTraining
  readonly trainModel: typeof trainModel
  readonly layOutTrial: typeof layOutTrial
  readonly tryParameters: typeof tryParameters
  readonly runTable: typeof runTable
  readonly runOwnStep: typeof runOwnStep
  readonly runStepProgram: typeof runStepProgram
  readonly layOutStep: typeof layOutStep
  readonly readStep: typeof readStep
  readonly evaluateModel: typeof evaluateModel
  readonly judgeGates: typeof judgeGates
  readonly reportBacktest: typeof reportBacktest
  readonly compileTrees: typeof compileTrees
  readonly compareMadeUp: typeof compareMadeUp
  readonly proveRows: typeof proveRows
  readonly proveAnswers: typeof proveAnswers
  readonly profileTensors: typeof profileTensors
  readonly makeExplainer: typeof makeExplainer
  readonly optimiseModel: typeof optimiseModel
  readonly optimiseTensors: typeof optimiseTensors
  readonly judgeNeverWorse: typeof judgeNeverWorse
  readonly measureDrift: typeof measureDrift
  readonly scoreShard: typeof scoreShard
  readonly stageShard: typeof stageShard
}
export type JobName = keyof Jobs

/** What the work of a step is given by whoever carries it out. */
export interface StepWork {
  /** The step's key, and the run that asks. */
  readonly key: string
  readonly run: string
  /** What ends when the work is cancelled and goes on elsewhere: it is waited for, for a while. */
  onCancel(end: () => Promise<void>): void
  /** What is done once the record stands, and may as well be left undone. */
  afterwards(work: () => Promise<void>): void
  /** Its own: made when it is asked for, gone afterwards. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly progress: Progress
  /** Stores a file of the folder as an output. */
  output(name: string, file: string, mediaType?: string): Promise<Output>
  job<Name extends JobName>(name: Name, order: Parameters<Jobs[Name]>[0]): Promise<Awaited<ReturnType<Jobs[Name]>>>
}

/**
 * Whether somebody cancelled what a signal is about. A worker that is shut down, or that is not the one that does it
 * any more because it was taken for dead, leaves what it began elsewhere to the next one.
 */
export const isCancelledForGood = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && (reason as Error).message === 'CANCELLED'

/** What the work of a step of a plan is given. */
export type WorkOn<Kind extends StepKind> = StepWork & { readonly step: StepOf<Kind> }

export interface StepResult {
  readonly outputs: readonly Output[]
  readonly facts: Readonly<Record<string, unknown>>
}

/** Does work that is no step of a plan once, whoever asks: its record is found by what its result depends on. */
export type Once = (material: StepMaterial, work: (given: StepWork) => Promise<StepResult>) => Promise<StepOutcome>
