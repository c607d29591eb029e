import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypes } from '../lib/formats/artifact.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { backtestPage } from '../lib/reports/backtest-page.ts'
import { backtestInWords } from '../lib/stats/backtest.ts'
import { localFile } from '../lib/store/objects.ts'
import { type ActivityDeps, required, runStep, type StepOrder } from './step.ts'

/** The step that says how models of several past days did. */
export function createBacktestActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /** Makes one report of all cutoffs, and a page of it for people. */
    async reportBacktest(order: StepOrder<'backtest'>): Promise<StepOutcome> {
      return runStep(deps, order, async ({ step, folder, job, output, progress }) => {
        progress('fetching evaluations', 0)
        const names = Object.keys(step.evaluations)
        const cutoffs = await Promise.all(
          names.map(async (name) => {
            const file = (what: string) => localFile(store, required(order.inputs, `${what}:${name}`).digest)
            return {
              cutoff: await file('cutoff'),
              report: await file('evaluation'),
              predictions: await file('predictions'),
              labels: await file('labels'),
            }
          }),
        )
        const report = await job('reportBacktest', { step, cutoffs })
        await writeFile(join(folder, 'report.json'), canonicalJson(report))
        await writeFile(join(folder, 'page.html'), backtestPage(report))
        const outputs = [
          await output('report', 'report.json', mediaTypes.json),
          await output('page', 'page.html', mediaTypes.html),
        ]
        return { outputs, facts: { summary: backtestInWords(report) } }
      })
    },
  }
}
