import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { StepInputs } from '../lib/formats/step-inputs.ts'
import type { RunInput } from './messages.ts'

/** The workflow that carries out the trials of a step of a run. */
export const tuneWorkflowId = (runId: string, step: string): string => `run/${runId}/tune/${step}`

/** Trials that a run starts a workflow for. */
export interface TuneInput {
  readonly run: Pick<RunInput, 'runId' | 'pipeline' | 'planDigest'>
  readonly step: StepOutline<'tune'>
  readonly inputs: StepInputs
  /** Training rows. */
  readonly rows: number
  /** How many trials are under way at once, until it is told more. */
  readonly slots: number
}
