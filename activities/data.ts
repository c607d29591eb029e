import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { splitIntoParts, validateTable } from '../lib/jobs/steps/check-and-split.ts'
import { type ActivityDeps, runStep, type StepOrder } from './step.ts'
import { type SnapshotOrder, takeSnapshot } from './take-snapshot.ts'

/** The steps that turn a source into checked, divided tables. */
export function createDataActivities(deps: ActivityDeps) {
  return {
    /** Makes a snapshot of a source's files, which lie in the store already, or takes one that is there. */
    snapshotSource: (order: SnapshotOrder): Promise<StepOutcome> => takeSnapshot(deps, order),

    validateTable: (order: StepOrder<'validate'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => validateTable(deps.store, work, order.inputs)),

    splitIntoParts: (order: StepOrder<'split'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => splitIntoParts(deps.store, work, order.inputs)),
  }
}
