import { z } from 'zod'
import { Task } from './code-ref.ts'
import type { StepReport } from './records.ts'

/** Rows of the parts of a split. */
const PartRows = z.object({ train: z.int(), validation: z.int(), test: z.int() })

/** What a split of a backtest says of itself: where it ends, and how many rows its parts have. */
export const Cutoff = z.object({ slipway: z.literal('cutoff/1'), at: z.iso.datetime(), rows: PartRows })
export type Cutoff = z.infer<typeof Cutoff>

/**
 * A metric of the model of one cutoff; where it can be drawn again quickly, with the 90 % interval of a bootstrap of
 * the test rows.
 */
const Measured = z.object({ value: z.number(), low: z.number().optional(), high: z.number().optional() })

/** How models did that were trained at several past days: an artifact. */
export const BacktestReport = z.object({
  slipway: z.literal('backtest/1'),
  name: z.string(),
  task: Task,
  /** In the order of time. A metric that is not defined on the rows of a cutoff is left out there. */
  cutoffs: z.array(z.object({ at: z.iso.datetime(), rows: PartRows, metrics: z.record(z.string(), Measured) })).min(1),
  /**
   * Of the metrics that are defined at every cutoff: their mean over the cutoffs, and the worst value with its cutoff.
   */
  summary: z.record(z.string(), z.object({ mean: z.number(), worst: z.number(), at: z.iso.datetime() })),
})
export type BacktestReport = z.infer<typeof BacktestReport>

/** Whether a step on record cut the rows of a model that is kept: the splits of a backtest say where they end. */
export const cutRowsOfModel = ({ kind, outputs }: Pick<StepReport, 'kind' | 'outputs'>): boolean =>
  kind === 'split' && outputs.every(({ name }) => name !== 'cutoff')

/** A cutoff in words: `2001-02-01`, the beginning of that day, UTC; with its time where it is another one. */
export const cutoffInWords = (at: string): string => {
  const [day, time] = new Date(at).toISOString().split('T') as [string, string]
  return time === '00:00:00.000Z' ? day : `${day} ${time.slice(0, 5)}`
}
