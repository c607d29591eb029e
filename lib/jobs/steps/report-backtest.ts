import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypes } from '../../formats/artifact.ts'
import type { BacktestReport } from '../../formats/backtest-report.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { backtestInWords } from '../../stats/backtest.ts'
import { localFile } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import type { StepResult, WorkOn } from '../step-work.ts'

/** Makes one report of all cutoffs. @param pageOf the report as a page for people */
export async function reportBacktest(
  store: Store,
  { step, folder, job, output, progress }: WorkOn<'backtest'>,
  inputs: StepInputs,
  pageOf: (report: BacktestReport) => string,
): Promise<StepResult> {
  progress('fetching evaluations', 0)
  const names = Object.keys(step.evaluations)
  const cutoffs = await Promise.all(
    names.map(async (name) => {
      const file = (what: string) => localFile(store, required(inputs, `${what}:${name}`).digest)
      return {
        cutoff: await file('cutoff'),
        report: await file('evaluation'),
        predictions: await file('predictions'),
        labels: await file('labels'),
        groups: step.task === 'ranking' ? await file('groups') : undefined,
      }
    }),
  )
  const report = await job('reportBacktest', { step, cutoffs })
  await writeFile(join(folder, 'report.json'), canonicalJson(report))
  await writeFile(join(folder, 'page.html'), pageOf(report))
  const outputs = [
    await output('report', 'report.json', mediaTypes.json),
    await output('page', 'page.html', mediaTypes.html),
  ]
  return { outputs, facts: { summary: backtestInWords(report) } }
}
