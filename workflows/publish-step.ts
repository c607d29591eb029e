import type { StepOutline } from '../lib/formats/plan-outline.ts'
import { outputOf, type StepInputs, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { refOf } from '../lib/formats/step-order.ts'
import type { RunState } from './run-state.ts'
import { activityOf } from './step-activity.ts'

/** Checks the keys of a view's rows, and has its owner publish them. A retraining changes no definition. */
export async function publish(state: RunState, step: StepOutline<'publish'>, inputs: StepInputs): Promise<StepOutcome> {
  const { input, owners } = state
  const checked = await activityOf(state, step, inputs)
  const { revision } = await owners.publishView(
    step.view,
    {
      pipeline: input.pipeline,
      run: input.runId,
      step: refOf(input, step),
      table: { digest: outputOf(checked, 'table').digest, rows: checked.facts.rows as number },
      seen: input.views?.[step.view] ?? { since: null },
    },
    step.summary,
  )
  return { ...checked, facts: { ...checked.facts, revision } }
}
