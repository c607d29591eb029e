import { z } from 'zod'
import { SlipwayError } from './errors.ts'

const Share = z.number().gt(0).max(1)
const Percent = z.number().gt(0).lt(100)

/**
 * One thing a rollout compares between champion and candidate. `margin` is how much worse the candidate may be at full
 * traffic, as a share of requests; at a smaller weight w the rollout tolerates margin / w (see `stats/rollout.ts`).
 */
export const WatchRule = z.discriminatedUnion('metric', [
  z.object({ metric: z.literal('errors'), margin: z.number().gt(0).lt(1) }),
  z.object({ metric: z.literal('latency'), overMs: z.number().positive(), margin: z.number().gt(0).lt(1) }),
  /**
   * Answers that labels prove wrong: score and label are more than `offBy` apart. Judged are answers of an age, `afterMs`, by what was
   * known of them at that age, so that labels may come sooner for some outcomes than for others.
   */
  z.object({
    metric: z.literal('mistakes'),
    offBy: z.number().positive(),
    afterMs: z.number().nonnegative(),
    /** The column by which labels may name their row; those that name the request always count. */
    key: z.string().nullable(),
    margin: z.number().gt(0).lt(1),
  }),
  /** The distribution of scores must not differ: for a candidate that should be the same model. Only ever rolls back. */
  z.object({ metric: z.literal('scores') }),
])
export type WatchRule = z.infer<typeof WatchRule>
export type MistakesRule = Extract<WatchRule, { metric: 'mistakes' }>

export const Strategy = z.discriminatedUnion('kind', [
  /** Shares of requests, in percent, ascending; after the last one everything. */
  z.object({ kind: z.literal('canary'), steps: z.array(Percent).min(1) }),
  /** Checks at no traffic, then all of it at once; the old version is asked in the shadow until `bakeMs` are over. */
  z.object({ kind: z.literal('blueGreen'), bakeMs: z.number().positive() }),
  /** One fixed share, in percent, for at least `forMs`; ends with an effect and its interval. */
  z.object({ kind: z.literal('ab'), share: Percent, forMs: z.number().positive() }),
  /** Everything at once, after the gateways have loaded it. */
  z.object({ kind: z.literal('allAtOnce') }),
])
export type Strategy = z.infer<typeof Strategy>

/** How a candidate takes over an endpoint: what `stats/rollout.ts` decides by. Times are milliseconds. */
export const RolloutPolicy = z.object({
  strategy: Strategy,
  /** First mirror this share of requests to the candidate, whose answers nobody gets. */
  shadow: z.object({ share: Share, minSamples: z.int().positive() }).nullable(),
  /** The request header that holds the key by which requests stay with a version; null splits request by request. */
  sticky: z.string().nullable(),
  /** Chance of rolling back a candidate that is no worse; chance of ever promoting one that is worse by the margins. */
  alpha: z.object({ rollback: z.number().gt(0).lt(0.5), promote: z.number().gt(0).lt(0.5) }),
  /** Answers by the candidate that every step needs at least. */
  minSamples: z.int().nonnegative(),
  watch: z.array(WatchRule).min(1),
  /** Stop when the candidate has failed this many requests more than expected, decided or not. */
  harmBudget: z.number().positive().nullable(),
  /** Undecided after this long, the champion stays. */
  withinMs: z.number().positive(),
  /** Who has to approve before the candidate takes over for good: `slipway rollout approve`. */
  approval: z.object({ role: z.string() }).nullable(),
})
export type RolloutPolicy = z.infer<typeof RolloutPolicy>

/** The rule about labels, where there is one. */
export function mistakesRule({ watch }: RolloutPolicy): MistakesRule | undefined {
  return watch.find((rule): rule is MistakesRule => rule.metric === 'mistakes')
}

/** A time as people write it. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `10m`, `2h`, `7d` in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  if (match === null) throw new SlipwayError('USAGE', `"${text}" is no duration`, { next: 'write 90s, 10m, 2h or 7d' })
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}

interface Comparison {
  /** Request header whose value keeps a user with one version. Default: every request is drawn by its id. */
  readonly sticky?: string
  /** One number for both errors, or each: default 0.05. */
  readonly alpha?: number | { readonly rollback: number; readonly promote: number }
  /** Default 200. */
  readonly minSamples?: number
  /** Default: errors by at most half a percentage point, answers over 250 ms by at most one. */
  readonly watch?: readonly WatchRule[]
  readonly harmBudget?: number
  /** Default 24 h. */
  readonly within?: Duration
  readonly approval?: { readonly role: string }
}

/** Exactly one of the four strategies; `shadow` may come before any. */
export type DeployOptions = {
  readonly endpoint: string
  /** Mirror requests first: `share` of them (default all) until `minSamples` pairs (default 200) are in. */
  readonly shadow?: { readonly share?: number; readonly minSamples?: number } | boolean
} & (
  | { readonly canary: Comparison & { readonly steps: readonly number[] } }
  | { readonly blueGreen: Comparison & { readonly bake: Duration } }
  | { readonly ab: Comparison & { readonly share: number; readonly for: Duration } }
  | { readonly allAtOnce: true }
)

/** @throws SlipwayError DEFINITION_INVALID for steps that do not ascend, or when nothing could show a candidate to be good */
export function policyOf(options: DeployOptions): RolloutPolicy {
  const [strategy, comparison] = strategyOf(options)
  const { alpha = 0.05, watch, approval } = comparison
  const { shadow } = options
  if (watch?.every(({ metric }) => metric === 'scores')) {
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `endpoint "${options.endpoint}": a rollout must watch errors, latency or mistakes`,
      {
        next: 'scores.unchanged() only ever rolls back: add errors.notWorseBy(0.005)',
      },
    )
  }
  return RolloutPolicy.parse({
    strategy,
    shadow:
      shadow === undefined || shadow === false
        ? null
        : { share: 1, minSamples: 200, ...(shadow === true ? {} : shadow) },
    sticky: comparison.sticky?.toLowerCase() ?? null,
    alpha: typeof alpha === 'number' ? { rollback: alpha, promote: alpha } : alpha,
    minSamples: comparison.minSamples ?? 200,
    watch: watch ?? [errors.notWorseBy(0.005), { metric: 'latency', overMs: 250, margin: 0.01 }],
    harmBudget: comparison.harmBudget ?? null,
    withinMs: durationMs(comparison.within ?? '24h'),
    approval: approval ?? null,
  })
}

function strategyOf(options: DeployOptions): [Strategy, Comparison] {
  if ('canary' in options) {
    const { steps } = options.canary
    if (steps.some((step, i) => i > 0 && step <= (steps[i - 1] as number)))
      throw new SlipwayError('DEFINITION_INVALID', `canary steps must ascend; they are ${steps.join(', ')}`, {
        next: 'for example steps: [1, 5, 25, 50]',
      })
    return [{ kind: 'canary', steps: [...steps] }, options.canary]
  }
  if ('blueGreen' in options)
    return [{ kind: 'blueGreen', bakeMs: durationMs(options.blueGreen.bake) }, options.blueGreen]
  if ('ab' in options) return [{ kind: 'ab', share: options.ab.share, forMs: durationMs(options.ab.for) }, options.ab]
  return [{ kind: 'allAtOnce' }, {}]
}

/** Watches the share of requests that fail. */
export const errors = {
  notWorseBy: (margin: number): WatchRule => ({ metric: 'errors', margin }),
}

/**
 * Watches the share of answers that turn out to be wrong, by the labels gateways are told (`/feedback`). Only captured rows can be labelled.
 * @param after age at which an answer is judged, by the labels known of it then: `1d`
 * @param offBy how far score and label may be apart; half by default, which is the other class of two
 */
export const mistakes = ({
  after,
  offBy = 0.5,
  key = null,
}: {
  after: Duration
  offBy?: number
  key?: string | null
}) => ({
  notWorseBy: (margin: number): WatchRule => ({ metric: 'mistakes', offBy, afterMs: durationMs(after), key, margin }),
})

/** Watches the distribution of scores: any difference from the champion's speaks for rolling back. */
export const scores = {
  unchanged: (): WatchRule => ({ metric: 'scores' }),
}

/** Watches the share of answers that take longer than `ms`. */
export const answersOver = (ms: number) => ({
  notWorseBy: (margin: number): WatchRule => ({ metric: 'latency', overMs: ms, margin }),
})

/** `errors`, `answers over 50 ms`, `mistakes`, `scores`: a watch in words. */
export function describeWatch(rule: WatchRule): string {
  return rule.metric === 'latency' ? `answers over ${rule.overMs} ms` : rule.metric
}

/** `canary 1 → 5 → 25 → 50 %`: a strategy in words. */
export function describeStrategy({ strategy, shadow }: RolloutPolicy): string {
  const before = shadow === null ? '' : 'shadow, then '
  switch (strategy.kind) {
    case 'canary':
      return `${before}canary ${strategy.steps.join(' → ')} %`
    case 'blueGreen':
      return `${before}blue-green, bake ${strategy.bakeMs / 1000} s`
    case 'ab':
      return `${before}A/B at ${strategy.share} %`
    case 'allAtOnce':
      return `${before}all at once`
  }
}
