import { z } from 'zod'
import { QualityRule } from './check.ts'
import { CodeRef } from './code-ref.ts'
import { driftMeasures, isDriftMeasure } from './drift-measures/index.ts'
import { findMetric } from './metrics/index.ts'

/** Inputs, or the scores, have moved: `measure` over `limit`, in `windows` checks one after the other. */
export const DriftRule = z
  .object({
    /** In the table of measures, or one of the user's. */
    measure: z.string().min(1).max(100),
    limit: z.number().positive(),
    windows: z.int().min(1),
    /** The function of a measure of the user's. */
    code: CodeRef.optional(),
  })
  .refine(({ measure, code }) => isDriftMeasure(measure) === (code === undefined), {
    path: ['measure'],
    error: `a measure of yours has a name of its own, any other is one of ${Object.keys(driftMeasures).join(', ')}`,
  })
export type DriftRule = z.infer<typeof DriftRule>

/**
 * Less is asked than usual: rows below the share `1 − drop` of the median of the checks before, in `windows` checks one
 * after the other.
 */
export const VolumeRule = z.object({ drop: z.number().gt(0).lt(1), windows: z.int().min(1) })
export type VolumeRule = z.infer<typeof VolumeRule>

/** When and how the supervisor retrains. Times are milliseconds. */
export const RetrainPolicy = z.object({
  /** Rows older than this before the newest known outcome are left out; null takes all. */
  windowMs: z.number().positive().nullable(),
  /** Retrain after so many new labels, alarm or not; null waits for alarms. */
  labels: z.int().positive().nullable(),
  /** Retrain this often, alarm or not; null waits for alarms. */
  everyMs: z.number().positive().nullable(),
  /** Rest between the end of a retraining and the next one. */
  cooldownMs: z.number().nonnegative(),
  maxPerDay: z.int().min(1),
  /** Hours of the day, UTC, in which none begins: from (inclusive) to (exclusive), over midnight if from > to. */
  quietHours: z.object({ from: z.int().min(0).max(23), to: z.int().min(0).max(23) }).nullable(),
  /**
   * How much worse a candidate may be than the champion, and than the last approved version, in mean loss (Brier;
   * squared error over nine variances).
   */
  margin: z.number().gt(0).lt(1),
  /** Chance of ever letting through a candidate that is worse by the margin, over all retrainings together. */
  alpha: z.number().gt(0).lt(0.5),
})
export type RetrainPolicy = z.infer<typeof RetrainPolicy>

/** The code of drift measures of the user's, by measure. */
export const codeOfDrift = ({ drift }: Pick<MonitorPolicy, 'drift'>): [measure: string, code: CodeRef][] =>
  drift.flatMap(({ measure, code }) => (code === undefined ? [] : [[measure, code] as [string, CodeRef]]))

/** All rules of a monitor. */
export const rulesOf = ({ drift, quality, volume: volumes }: MonitorPolicy) => [...drift, ...quality, ...volumes]

/** What is watched of an endpoint, and what follows. */
export const MonitorPolicy = z.object({
  everyMs: z.number().positive(),
  drift: z.array(DriftRule),
  quality: z.array(QualityRule),
  volume: z.array(VolumeRule),
  /** A check with fewer rows, or fewer labels, says nothing about drift, or quality. */
  minRows: z.int().min(1),
  minLabels: z.int().min(1),
  /** Share of the model's importance that drifted features must carry together before they are an alarm. */
  importance: z.number().min(0).max(1),
  /** Chance of a false alarm in a check without drift, as declared; `drift calibrate` measures it. */
  falseAlarms: z.number().gt(0).lt(1),
  labels: z.object({
    /** A label that comes later than this after its prediction is too late. */
    withinMs: z.number().positive(),
    /** Column by which labels may name their row instead of the request's id. */
    key: z.string().nullable(),
  }),
  retrain: RetrainPolicy.nullable(),
  /** What whoever is called should do. */
  playbook: z.string().nullable(),
})
export type MonitorPolicy = z.infer<typeof MonitorPolicy>

/** `psi > 0.2 (2 checks in a row)`. */
export function describeRule(rule: DriftRule | QualityRule | VolumeRule): string {
  const often = rule.windows === 1 ? '' : ` (${rule.windows} checks in a row)`
  if ('drop' in rule) return `rows fall by ${rule.drop * 100} %${often}`
  if ('measure' in rule) return `${rule.measure} > ${rule.limit}${often}`
  return `${rule.metric} ${findMetric(rule.metric)?.better === 'larger' ? '<' : '>'} ${rule.limit}${often}`
}
