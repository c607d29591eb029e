import { z } from 'zod'
import { CodeRef } from './code-ref.ts'
import { show } from './show-number.ts'

/** A metric of the user's: a function of predictions and labels, and which way it is good. */
export const OwnMetric = z.object({
  better: z.enum(['larger', 'smaller']),
  code: CodeRef,
  /** Columns of the rows that the function gets besides. */
  columns: z.array(z.string()).optional(),
})
export type OwnMetric = z.infer<typeof OwnMetric>

/**
 * What every rule about a metric says: by its name in the table of metrics, or one of the user's; for all rows, or for
 * each slice.
 */
const ofMetric = { metric: z.string().min(1).max(100), own: OwnMetric.optional(), slice: z.string().optional() }

/** Two models on the same rows. */
export interface PairedComparison {
  readonly candidate: number
  readonly baseline: number
  /** How much worse the candidate is, in units of the metric; negative when it is better. */
  readonly deficit: number
  /** One-sided upper bound of the deficit at the confidence asked for. */
  readonly upperBound: number
  readonly resamples: number
}

/** What a rule is judged on: some rows, measured as far as the rule asks. */
export interface MeasuredRows {
  /** The candidate's value; NaN where it is not defined. */
  value(): number
  /** The candidate against the champion; undefined where there is none. */
  compare(confidence: number): PairedComparison | undefined
  /** Why there is no value. */
  whyUndefined(): string
  /** How a value was measured, where that is to be said. */
  readonly remark: string
}

export interface RuleVerdict {
  readonly passed: boolean
  readonly value: number | null
  readonly limit: number | null
  readonly evidence: string
}

/**
 * A rule of gates: what a plan holds of it, its words, and how it is judged. A value that is missing or not a number
 * never passes.
 */
interface GateRule<Shape extends z.ZodObject> {
  readonly shape: Shape
  words(check: z.infer<Shape>): string
  judge(check: z.infer<Shape>, rows: MeasuredRows): RuleVerdict
  /** Of two values that are judged by it, the worse one is the larger. */
  readonly isOfDeficit?: true
}

const gateRule = <Shape extends z.ZodObject>(rule: GateRule<Shape>): GateRule<Shape> => rule

const limitShape = {
  ...ofMetric,
  limit: z.number(),
  /** The name of a backtest: the value is that of its worst cutoff. */
  backtest: z.string().optional(),
}
type Limit = { readonly metric: string; readonly limit: number }

const limitRule = <Rule extends 'atLeast' | 'atMost'>(rule: Rule) => {
  const [kept, broken] = rule === 'atLeast' ? ['≥', '<'] : ['≤', '>']
  return {
    shape: z.object({ rule: z.literal(rule), ...limitShape }),
    words: ({ metric, limit }: Limit) => `${metric} ${kept} ${limit}`,
    judge({ limit }: Limit, rows: MeasuredRows): RuleVerdict {
      const value = rows.value()
      if (!Number.isFinite(value)) return { passed: false, value: null, limit, evidence: rows.whyUndefined() }
      const passed = rule === 'atLeast' ? value >= limit : value <= limit
      return { passed, value, limit, evidence: `${show(value)} ${passed ? kept : broken} ${limit}${rows.remark}` }
    },
  }
}

/**
 * Every rule there is about a metric: another one is an entry, and a method of metrics in `lib/definition/gates.ts`.
 */
export const gateRules = {
  atLeast: limitRule('atLeast'),
  atMost: limitRule('atMost'),
  notWorseThan: gateRule({
    shape: z.object({
      rule: z.literal('notWorseThan'),
      ...ofMetric,
      opponent: z.literal('champion'),
      /** How much worse is still accepted, in units of the metric. */
      by: z.number().nonnegative().optional(),
      /** The same as a share of the champion's value, whatever its sign. */
      byShare: z.number().nonnegative().lt(1, 'a share below 1: 0.01 is 1 %').optional(),
      confidence: z.number().gt(0.5).lt(1),
      /** Nobody wrote it: see `default-gate.ts`. */
      default: z.literal(true).optional(),
    }),
    isOfDeficit: true,
    words({ metric, opponent: baseline, by, byShare, confidence }) {
      const margin = byShare === undefined ? by : `${percent(byShare)} of its value`
      return `${metric} not worse than ${baseline} by ${margin} (${percent(confidence)})`
    },
    judge({ by, byShare, confidence }, rows) {
      const compared = rows.compare(confidence)
      if (compared === undefined)
        return { passed: true, value: null, limit: by ?? null, evidence: 'there is no champion to compare with' }
      const { candidate: own, baseline: other, deficit, upperBound, resamples } = compared
      if (![own, other, upperBound].every(Number.isFinite))
        return { passed: false, value: null, limit: by ?? null, evidence: rows.whyUndefined() }
      // The size of the champion's value: 1 % of it is as much where more is better as where less is, and below zero.
      const limit = byShare === undefined ? (by ?? 0) : byShare * Math.abs(other)
      const margin =
        byShare === undefined
          ? ''
          : `; the margin is ${show(limit)}, ${show(byShare * 100)} % of the champion's ${show(other)}`
      return {
        passed: upperBound <= limit,
        value: upperBound,
        limit,
        evidence: `${show(own)} against ${show(other)}, worse by ${show(deficit)}, at most ${show(upperBound)} with ${show(confidence * 100)} % confidence (${resamples} resamples)${margin}`,
      }
    },
  }),
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(12))} %`
