import { readFile } from 'node:fs/promises'
import { type BacktestReport, Cutoff } from '../formats/backtest-report.ts'
import type { Evaluation } from '../formats/evaluation.ts'
import { rowMetric } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import type { StepOf } from '../formats/plan.ts'
import { nameOfStep } from '../formats/step-names.ts'
import { summarise } from '../stats/backtest.ts'
import { intervalOf } from '../stats/bootstrap.ts'
import { type LocalEvaluation, readEvaluation, readScored, requireSeen } from './judge.ts'

export interface BacktestOrder {
  readonly step: StepOf<'backtest'>
  /** What the split of a cutoff says of itself, and its evaluation: files. */
  readonly cutoffs: readonly (Pick<LocalEvaluation, 'report' | 'predictions' | 'labels' | 'groups'> & {
    readonly cutoff: string
  })[]
}

/** Gathers the evaluations of all cutoffs, with the 90 % intervals of what they measured. */
export async function reportBacktest(
  { step, cutoffs }: BacktestOrder,
  onProgress: (what: string, done: number) => void,
): Promise<BacktestReport> {
  const made: BacktestReport['cutoffs'] = []
  for (const [i, files] of cutoffs.entries()) {
    onProgress(`cutoff ${i + 1} of ${cutoffs.length}`, i / cutoffs.length)
    const { at, rows } = Cutoff.parse(JSON.parse(await readFile(files.cutoff, 'utf8')))
    const evaluation = await readEvaluation(files)
    requireSeen(evaluation, `of the cutoff ${at}`)
    made.push({ at, rows, metrics: withIntervals(evaluation.metrics, await readScored(files, evaluation)) })
  }
  made.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  return { slipway: 'backtest/1', name: nameOfStep(step), task: step.task, cutoffs: made, summary: summarise(made) }
}

function withIntervals(metrics: Evaluation['metrics'], scored: Scored): BacktestReport['cutoffs'][number]['metrics'] {
  const measured = Object.entries(metrics).map(([name, value]) => {
    const metric = rowMetric(name)
    return [name, { value, ...(metric === undefined ? {} : intervalOf(metric, scored, 0)) }]
  })
  return Object.fromEntries(measured)
}
