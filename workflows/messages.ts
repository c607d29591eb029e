import { defineQuery, defineUpdate } from '@temporalio/workflow'
import type { Plan } from '../pipelines/plan.ts'
import type { StepReport, VersionRecord } from '../pipelines/records.ts'

/** The task queue of all workers. */
export const taskQueue = 'slipway'

export const runWorkflowId = (runId: string): string => `run/${runId}`
export const modelWorkflowId = (model: string): string => `model/${model}`

/** A run as it is started. */
export interface RunInput {
  readonly runId: string
  readonly plan: Plan
  readonly planDigest: string
  /** The content of each source as it was when the run started: digest of its list of files, by step. */
  readonly sources: Readonly<Record<string, string>>
  /** Snapshots to use instead of reading their sources: digest by step. */
  readonly snapshots: Readonly<Record<string, string>>
  /** Who and what started it: commit, user, host. For people; part of no digest. */
  readonly origin: Readonly<Record<string, string>>
}

/** Where a run stands. */
export interface RunProgress {
  readonly stage: string
  readonly finished: readonly StepReport[]
  /** A person it waits for. */
  readonly waitingFor: { readonly role: string; readonly until: string } | null
}

export interface Decision {
  readonly by: string
  readonly reason: string
}

export interface Registration {
  readonly version: number
  readonly champion: number | null
  /** False when the version was there already. */
  readonly registered: boolean
}

export interface ChampionChange {
  readonly version: number
  readonly reason: string
}

export const progressQuery = defineQuery<RunProgress>('progress')
export const approveUpdate = defineUpdate<void, [Decision]>('approve')
export const rejectUpdate = defineUpdate<void, [Decision]>('reject')
export const registerUpdate = defineUpdate<Registration, [{ version: VersionRecord; promote: boolean }]>('register')
export const championUpdate = defineUpdate<number, [ChampionChange]>('setChampion')
