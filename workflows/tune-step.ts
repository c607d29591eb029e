import { proxyActivities, startChild } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { StepInputs, StepOutcome } from '../lib/formats/step-inputs.ts'
import { refOf } from '../lib/formats/step-order.ts'
import { slotsSignal } from './branch-messages.ts'
import { searching, stepOptions } from './options.ts'
import { type RunState, show } from './run-state.ts'
import { tuneWorkflowId } from './tune-messages.ts'
import type { tuneModel } from './tune-model.ts'

/**
 * Chooses parameters by trials, which a workflow of its own carries out: the history of the run does not grow with
 * them. A retraining keeps what was chosen for the champion, unless the definition says otherwise.
 */
export async function tune(state: RunState, step: StepOutline<'tune'>, inputs: StepInputs): Promise<StepOutcome> {
  const { input } = state
  const isRetraining = input.basePlan !== undefined
  const { findTuning } = proxyActivities<Activities>({ ...stepOptions('tune'), summary: `find ${step.id}` })
  const { outcome, rows } = await findTuning({
    run: input.runId,
    step: refOf(input, step),
    inputs,
    keep: isRetraining && step.retune === undefined ? modelOf(state, step) : null,
  })
  if (outcome !== null) return outcome
  if (step.search === 'sagemaker') return searchElsewhere(state, step, inputs)
  const workflowId = tuneWorkflowId(input.runId, step.id)
  const slots = state.slots.get(step.id) ?? { now: 1 }
  const told = slots.now
  state.elsewhere.add(workflowId)
  show(state)
  try {
    const { runId, pipeline, planDigest } = input
    const handle = await startChild<typeof tuneModel>('tuneModel', {
      workflowId,
      args: [{ run: { runId, pipeline, planDigest }, step, inputs, rows, slots: told }],
      // A run that is cancelled waits for its trials to stop.
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      parentClosePolicy: 'REQUEST_CANCEL',
      staticSummary: step.summary,
    })
    // One that has ended meanwhile needs no more slots.
    slots.tell = (more) => void handle.signal(slotsSignal, more).catch(() => {})
    if (slots.now !== told) slots.tell(slots.now)
    return await handle.result()
  } finally {
    slots.tell = undefined
    state.elsewhere.delete(workflowId)
    show(state)
  }
}

/** Has SageMaker search: there are no trials for us to begin. */
function searchElsewhere({ input }: RunState, step: StepOutline<'tune'>, inputs: StepInputs): Promise<StepOutcome> {
  const { searchOnSageMaker } = proxyActivities<Activities>({
    ...searching,
    summary: step.summary,
    priority: { fairnessKey: input.pipeline },
  })
  return searchOnSageMaker({ run: input.runId, step: refOf(input, step), inputs })
}

/** The model that a tuning is for; null where its training is not packaged. */
function modelOf({ plan }: RunState, { id }: StepOutline<'tune'>): string | null {
  const train = plan.steps.find((step) => step.kind === 'train' && step.tuned === id)
  const packaged = plan.steps.find((step) => step.kind === 'package' && step.model === train?.id)
  return packaged?.kind === 'package' ? (packaged.name ?? plan.pipeline) : null
}
