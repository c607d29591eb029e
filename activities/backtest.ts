import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { reportBacktest } from '../lib/jobs/steps/report-backtest.ts'
import { backtestPage } from '../lib/reports/backtest-page.ts'
import { type ActivityDeps, runStep, type StepOrder } from './step.ts'

/** The step that says how models of several past days did. */
export function createBacktestActivities(deps: ActivityDeps) {
  return {
    /** Makes one report of all cutoffs, and a page of it for people. */
    reportBacktest: (order: StepOrder<'backtest'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => reportBacktest(deps.store, work, order.inputs, backtestPage)),
  }
}
