import type { StoreContext } from '../client/context.ts'
import type { RunDocument } from '../client/run-document.ts'
import { readBacktestsOf } from '../client/run-reports.ts'
import { type BacktestReport, cutoffInWords } from '../lib/formats/backtest-report.ts'
import { show } from '../lib/formats/show-number.ts'
import { metricsOfBacktest } from '../lib/stats/backtest.ts'
import { colors } from './colors.ts'
import { table } from './output.ts'

/** Metrics that are shown with a run: the telling ones. The artifact shows all. */
const metricsOfRun = 3

/** A line a cutoff, then the means and the worst values. */
export function backtestTable(report: BacktestReport, most = Number.POSITIVE_INFINITY): string {
  const { cutoffs, summary } = report
  const names = metricsOfBacktest(report).slice(0, most)
  const rows = cutoffs.map(({ at, rows: { train, test }, metrics }) => [
    cutoffInWords(at),
    String(train),
    String(test),
    ...names.map((name) => inCell(metrics[name])),
  ])
  const last = (['mean', 'worst'] as const).map((word) => [
    word,
    '',
    '',
    ...names.map((name) => (summary[name] === undefined ? '' : show(summary[name][word]))),
  ])
  return table(['cutoff', 'training rows', 'test rows', ...names], [...rows, ...last])
}

/** `0.71 (0.68 to 0.74)`: with its 90 % interval. */
function inCell(measured: BacktestReport['cutoffs'][number]['metrics'][string] | undefined): string {
  if (measured === undefined) return 'undefined'
  const { value, low, high } = measured
  return low === undefined || high === undefined ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`
}

/** The backtests of a run, in lines; those that are gone from the store are left out. */
export async function backtestLines(context: StoreContext, run: Pick<RunDocument, 'steps'>): Promise<string[]> {
  return (await readBacktestsOf(context, run)).flatMap(({ step, report }) => [
    `\n${colors.bold(step)}, with 90 % intervals`,
    backtestTable(report, metricsOfRun),
  ])
}
