import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { deriveTable, joinTables, runOwnStep } from '../lib/jobs/steps/derive.ts'
import { type ActivityDeps, runStep, type StepOrder } from './step.ts'

/** The steps that make tables of tables, and those of the user's own. */
export function createDeriveActivities(deps: ActivityDeps) {
  return {
    deriveTable: (order: StepOrder<'table'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => deriveTable(deps, work, order.inputs)),

    joinTables: (order: StepOrder<'join'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => joinTables(deps, work, order.inputs)),

    runOwnStep: (order: StepOrder<'step'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => runOwnStep(deps, work, order.inputs)),
  }
}
