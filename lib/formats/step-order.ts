import type { StepRef } from './plan-outline.ts'
import type { StepInputs, StepOutcome } from './step-inputs.ts'
import { kindOf, type StepKind, type StepOutline } from './step-kinds/index.ts'

/** What a run knows that orders are made of. */
interface RunFacts {
  readonly runId: string
  readonly pipeline: string
  readonly planDigest: string
  /** Digest of the list of files of each source, by step; and snapshots to use instead. */
  readonly sources: Readonly<Record<string, string>>
  readonly snapshots: Readonly<Record<string, string>>
}

/** What the activity of a step is asked for. */
export interface OrderedStep {
  readonly run: string
  readonly step: StepRef
  readonly inputs: StepInputs
}

/** How an activity finds a step: in the plan in the store. */
export const refOf = <Kind extends StepKind>(
  { planDigest }: Pick<RunFacts, 'planDigest'>,
  { id, kind }: { readonly id: string; readonly kind: Kind },
): StepRef<Kind> => ({ plan: planDigest, id, kind })

/** The order for the activity of a step, with all that its kind says it wants. */
export function orderOf(
  run: RunFacts,
  step: StepOutline,
  inputs: StepInputs,
  outcomes: ReadonlyMap<string, StepOutcome>,
): OrderedStep {
  const { pipeline, sources, snapshots } = run
  const more = kindOf(step).order?.(step, {
    pipeline,
    sources,
    snapshots,
    refOf: (id, kind) => refOf(run, { id, kind: kind as StepKind }),
    stepKeyOf: (id) => outcomes.get(id)?.stepKey ?? '',
  })
  return { run: run.runId, step: refOf(run, step), inputs, ...more }
}
