import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { PlanOutline } from '../lib/formats/plan-outline.ts'
import type { GateResult, RunRecord, StepReport } from '../lib/formats/records.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import type { Owners } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { runDetails } from './details.ts'
import type { Judgement } from './judging.ts'
import type { Decision, RunInput, RunProgress } from './messages.ts'

/** How a run can end other than by finishing all its steps. */
export interface Stop {
  readonly status: RunRecord['status']
  readonly exitCode: number
  readonly error: RunRecord['error']
}

/** What a run knows so far. */
export interface RunState {
  readonly owners: Owners
  readonly input: RunInput
  /** Without steps until it was read. */
  plan: PlanOutline
  readonly startedAt: string
  readonly outcomes: Map<string, StepOutcome>
  readonly finished: StepReport[]
  stage: string
  waitingFor: RunProgress['waitingFor']
  /** In words: which rollout it waits for, and where that is seen. */
  waits: string | null
  /** By package. */
  readonly judgements: Map<string, Judgement>
  /** By step. */
  readonly gates: Map<string, readonly GateResult[]>
  model: RunRecord['model']
  /** The rollout that is going on, and how it ended. */
  rolloutId: string | null
  rollout: RunRecord['rollout']
  decision: (Decision & { readonly approved: boolean }) | undefined
}

/** Begins a stage of the run. */
export function enter(state: RunState, stage: string): void {
  state.stage = stage
  upsertSearchAttributes([{ key: attributes.stage, value: stage }])
  show(state)
}

/** Shows where the run stands in Temporal's web UI. */
export function show(state: RunState): void {
  setCurrentDetails(runDetails(state.plan.pipeline, progressOf(state), gatesOf(state), state.model))
}

/** The outcomes of all gates, of the last judgement each. */
export const gatesOf = ({ gates }: RunState): GateResult[] => [...gates.values()].flat()

/** The answer to the progress query. */
export function progressOf({ stage, finished, waitingFor, waits, rolloutId }: RunState): RunProgress {
  return { stage, finished, waitingFor, waits, rollout: rolloutId }
}
