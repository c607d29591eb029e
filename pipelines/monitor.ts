import { z } from 'zod'
import { SlipwayError } from './errors.ts'
import { largerIsBetter, QualityRule, type Repeated, repeated } from './gates.ts'
import { type Duration, durationMs } from './rollout.ts'

/** How far a column lies from the baseline: see `stats/drift.ts` for each one's definition. */
export const driftMeasures = ['psi', 'jensenShannon', 'ks', 'wasserstein', 'cramersV', 'unseen', 'missing'] as const
export const DriftMeasure = z.enum(driftMeasures)
export type DriftMeasure = z.infer<typeof DriftMeasure>

/** Inputs, or the scores, have moved: `measure` over `limit`, in `windows` checks one after the other. */
export const DriftRule = z.object({
  measure: DriftMeasure,
  limit: z.number().positive(),
  windows: z.int().min(1),
})
export type DriftRule = z.infer<typeof DriftRule>

/** Less is asked than usual: rows below the share `1 − drop` of the median of the checks before, in `windows` checks one after the other. */
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
  /** How much worse a candidate may be than the champion, and than the anchor, in mean loss (Brier; squared error over nine variances). */
  margin: z.number().gt(0).lt(1),
  /** Chance of ever letting through a candidate that is worse by the margin, over all retrainings together. */
  alpha: z.number().gt(0).lt(0.5),
})
export type RetrainPolicy = z.infer<typeof RetrainPolicy>

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

const measure = (name: DriftMeasure) => ({
  /** Alarm when it is over this, with 95 % confidence, in one check; `.for(n)` asks for n in a row. */
  over: (limit: number): Repeated<DriftRule> => repeated({ measure: name, limit, windows: 1 }),
})

/** Population stability index over ten bins of equal weight in the training rows; 0.1 is often called some drift, 0.25 much. */
export const psi = measure('psi')
/** Jensen–Shannon distance, base 2: 0 for the same distribution, 1 for ones that share nothing. */
export const jensenShannon = measure('jensenShannon')
/** Kolmogorov–Smirnov statistic: the largest difference of the distribution functions. */
export const ks = measure('ks')
/** Wasserstein distance in standard deviations of the training rows. */
export const wasserstein = measure('wasserstein')
/** Cramér's V, bias-corrected: categories only. */
export const cramersV = measure('cramersV')
/** Share of rows with a category that did not occur in training. */
export const unseen = measure('unseen')
/** Rise of the share of missing values. */
export const missing = measure('missing')

/** How much is asked of the endpoint. */
export const volume = {
  /** Alarm when a check has fewer rows than usual by this share: `volume.fallsBy(0.5)`. */
  fallsBy: (drop: number): Repeated<VolumeRule> => repeated({ drop, windows: 1 }),
}

export interface MonitorOptions {
  readonly every: Duration
  readonly drift?: DriftRule | readonly DriftRule[]
  readonly quality?: QualityRule | readonly QualityRule[]
  readonly volume?: VolumeRule
  /** Default 500. */
  readonly minRows?: number
  /** Default 200. */
  readonly minLabels?: number
  /** Default 0.1. */
  readonly importance?: number
  /** Default 0.01. */
  readonly falseAlarms?: number
  /** How long labels may take, and by which column they may name their row. Default: 30 days, by request id only. */
  readonly labels?: { readonly within?: Duration; readonly key?: string }
  readonly retrain?: {
    readonly window?: Duration
    /** After so many new labels, alarm or not. */
    readonly labels?: number
    /** This often, alarm or not. */
    readonly every?: Duration
    /** Default 1 day. */
    readonly cooldown?: Duration
    /** Default 1. */
    readonly maxPerDay?: number
    /** Hours of the day, UTC, in which no retraining begins. */
    readonly quietHours?: { readonly from: number; readonly to: number }
    /** Default by 0.005 with alpha 0.05. */
    readonly notWorse?: { readonly by?: number; readonly alpha?: number }
  }
  readonly playbook?: string
}

const list = <T extends object>(given: T | readonly T[] | undefined): T[] =>
  given === undefined ? [] : Array.isArray(given) ? [...given] : [given as T]

/** @throws SlipwayError DEFINITION_INVALID for a monitor that watches nothing, or a value out of range */
export function monitorPolicyOf(options: MonitorOptions): MonitorPolicy {
  const drift = list(options.drift)
  const quality = list(options.quality)
  const volumes = list(options.volume)
  if (drift.length + quality.length + volumes.length === 0)
    throw new SlipwayError('DEFINITION_INVALID', 'a monitor watches nothing', {
      next: 'give it drift: psi.over(0.2).for(2), or quality: auc.below(0.65)',
    })
  const { retrain } = options
  const parsed = MonitorPolicy.safeParse({
    everyMs: durationMs(options.every),
    drift,
    quality,
    volume: volumes,
    minRows: options.minRows ?? 500,
    minLabels: options.minLabels ?? 200,
    importance: options.importance ?? 0.1,
    falseAlarms: options.falseAlarms ?? 0.01,
    labels: { withinMs: durationMs(options.labels?.within ?? '30d'), key: options.labels?.key ?? null },
    retrain:
      retrain === undefined
        ? null
        : {
            windowMs: retrain.window === undefined ? null : durationMs(retrain.window),
            labels: retrain.labels ?? null,
            everyMs: retrain.every === undefined ? null : durationMs(retrain.every),
            cooldownMs: durationMs(retrain.cooldown ?? '1d'),
            maxPerDay: retrain.maxPerDay ?? 1,
            quietHours: retrain.quietHours ?? null,
            margin: retrain.notWorse?.by ?? 0.005,
            alpha: retrain.notWorse?.alpha ?? 0.05,
          },
    playbook: options.playbook ?? null,
  })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new SlipwayError('DEFINITION_INVALID', `a monitor's ${issue?.path.join('.')}: ${issue?.message}`, {
    next: 'correct the monitor',
  })
}

/** `psi > 0.2 (2 checks in a row)`. */
export function describeRule(rule: DriftRule | QualityRule | VolumeRule): string {
  const often = rule.windows === 1 ? '' : ` (${rule.windows} checks in a row)`
  if ('drop' in rule) return `rows fall by ${rule.drop * 100} %${often}`
  if ('measure' in rule) return `${rule.measure} > ${rule.limit}${often}`
  return `${rule.metric} ${largerIsBetter[rule.metric] ? '<' : '>'} ${rule.limit}${often}`
}
