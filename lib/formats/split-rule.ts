import { z } from 'zod'

const Share = z.number().gt(0).lt(1)

/** How rows are cut into train, validation and test. */
export const SplitRule = z.discriminatedUnion('by', [
  /** Rows before `validationFrom` train, rows before `testFrom` validate, the rest test. ISO dates, UTC. */
  z.object({ by: z.literal('time'), column: z.string(), validationFrom: z.iso.date(), testFrom: z.iso.date() }),
  /**
   * By age: the newest `testMs` of rows test, those `validationMs` before validate, the others train; rows older than
   * `windowMs` or not before `until` are left out. `until` null means the end of the newest row's day, UTC.
   */
  z.object({
    by: z.literal('age'),
    column: z.string(),
    validationMs: z.number().positive(),
    testMs: z.number().positive(),
    windowMs: z.number().positive().nullable(),
    until: z.iso.datetime().nullable(),
    /** Of a backtest: the day at whose beginning it ends, whatever `until` is; the data must reach so far. */
    cutoff: z.iso.date().optional(),
    /** Of a backtest: it ends so long before `until`. */
    agoMs: z.number().nonnegative().optional(),
  }),
  /** By a hash of a column's value: rows that share it stay together, wherever they stand. */
  z.object({ by: z.literal('hash'), column: z.string(), validation: Share, test: Share, seed: z.int() }),
  /** Every value of the column gets the same shares. */
  z.object({ by: z.literal('stratum'), column: z.string(), validation: Share, test: Share, seed: z.int() }),
  /** By a hash of the whole row: equal rows stay together. */
  z.object({ by: z.literal('random'), validation: Share, test: Share, seed: z.int() }),
])
export type SplitRule = z.infer<typeof SplitRule>

/** Whether it cuts the rows of a backtest, which no model that is kept learns from. */
export const isOfBacktest = (rule: SplitRule): boolean =>
  rule.by === 'age' && (rule.cutoff !== undefined || rule.agoMs !== undefined)
