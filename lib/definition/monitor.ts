import type { QualityRule } from '../formats/check.ts'
import type { DriftMeasure } from '../formats/drift-measures/index.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type DriftRule, MonitorPolicy, type VolumeRule } from '../formats/monitor-policy.ts'
import { type Duration, durationMs } from './duration.ts'
import { type Repeated, repeated } from './gates.ts'
import type { OwnDriftRule } from './own-measures.ts'
import type { Recording } from './recording.ts'

export const measure = (name: DriftMeasure) => ({
  /** Alarm when it is over this, with 95 % confidence, in one check; `.for(n)` asks for n in a row. */
  over: (limit: number): Repeated<DriftRule> => repeated({ measure: name, limit, windows: 1 }),
})

/**
 * Population stability index over ten bins of equal weight in the training rows; 0.1 is often called some drift, 0.25
 * much.
 */
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

/** What `p.monitor` watches of an endpoint, how often, and when it retrains. */
export interface MonitorOptions {
  readonly every: Duration
  readonly drift?: DriftRule | OwnDriftRule | readonly (DriftRule | OwnDriftRule)[]
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

/** A rule as a plan holds it, with a reference to the code of a measure of the user's. */
function withCode(rule: DriftRule | OwnDriftRule, codeOf: Recording['codeOf']): DriftRule {
  if (!('run' in rule)) return rule
  const { run, ...said } = rule
  return { ...said, code: codeOf(run, `drift measure "${rule.measure}"`) }
}

function noCode(_: unknown, role: string): never {
  throw new SlipwayError('DEFINITION_INVALID', `${role} is a function, and there is no pipeline to bundle it`)
}

/**
 * @param codeOf says where the bundle of a function is
 * @throws SlipwayError DEFINITION_INVALID for a monitor that watches nothing, or a value out of range
 */
export function monitorPolicyOf(options: MonitorOptions, codeOf: Recording['codeOf'] = noCode): MonitorPolicy {
  const drift = list(options.drift).map((rule) => withCode(rule, codeOf))
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
