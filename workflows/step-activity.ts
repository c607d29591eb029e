import { proxyActivities } from '@temporalio/workflow'
import type { StepOutline } from '../lib/formats/plan-outline.ts'
import type { StepInputs, StepOutcome } from '../lib/formats/step-inputs.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { type OrderedStep, orderOf } from '../lib/formats/step-order.ts'
import { stepOptions } from './options.ts'
import type { RunState } from './run-state.ts'

/** Has the activity of a step carry it out. */
export function activityOf({ input, outcomes }: RunState, step: StepOutline, inputs: StepInputs): Promise<StepOutcome> {
  const activities = proxyActivities<Record<string, (order: OrderedStep) => Promise<StepOutcome>>>({
    ...stepOptions(step.kind),
    summary: step.summary,
    // However many branches one pipeline has, the steps of others take their turn.
    priority: { fairnessKey: input.pipeline },
  })
  const name = kindOf(step).activity?.name ?? ''
  return (activities[name] as (typeof activities)[string])(orderOf(input, step, inputs, outcomes))
}
