import { defineSignal } from '@temporalio/workflow'
import type { BranchReport } from '../lib/formats/records.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import type { RunInput, Stop } from './messages.ts'

/** The workflow of a group of branches of a run. */
export const branchesWorkflowId = (runId: string, group: number): string => `run/${runId}/branches/${group}`

/** A group of branches of a run, as the run starts a workflow for it. */
export interface BranchesInput {
  readonly run: RunInput
  /** Which of the plan's groups, from 0. */
  readonly group: number
  readonly branches: readonly string[]
  /** How many of its steps work at once, until it is told more. */
  readonly slots: number
  /** What steps of the run made that it reads, by their ids. */
  readonly given: Readonly<Record<string, StepOutcome>>
  /** Its steps that the run reads from. */
  readonly makes: readonly string[]
}

/** What a group of branches came to. */
export interface BranchesResult {
  readonly branches: readonly BranchReport[]
  /** What its steps made that the run reads, by their ids; null where one failed or was not begun. */
  readonly made: Readonly<Record<string, StepOutcome | null>>
  /** Its first failure in the order of the plan; null for none. */
  readonly failed: FailedStep | null
}

/** A step that failed, and how a run ends for that. */
export interface FailedStep {
  readonly step: string
  readonly stop: Stop
}

/** Tells a group of branches how many of its steps may work at once from now on. */
export const slotsSignal = defineSignal<[number]>('slots')
