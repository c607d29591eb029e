import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { type Compared, type ComparedOrder, findCompared } from '../lib/jobs/find-compared.ts'
import { compareCandidate } from '../lib/jobs/steps/compare-candidate.ts'
import { type ActivityDeps, runActivity, runStep, type StepOrder } from './step.ts'

/** What keeps chains of retrainings from ending with a worse model. */
export function createNeverWorseActivities(deps: ActivityDeps) {
  return {
    /** What a candidate is compared with; null while nothing else is served. */
    async findGuarded(order: ComparedOrder): Promise<Compared | null> {
      return runActivity('never-worse', () => findCompared(deps.store, order, deps.scratch))
    },

    /** Compares a candidate with what is in force. */
    async guardCandidate(order: StepOrder<'guard'> & { readonly alpha: number }): Promise<StepOutcome> {
      return runStep(deps, order, (work) => compareCandidate(deps, work, order), { alpha: String(order.alpha) })
    },
  }
}
