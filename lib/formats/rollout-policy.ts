import { z } from 'zod'
import { Guardrails, guardrailsInWords } from './guardrails.ts'
import { showDuration } from './show-duration.ts'

const Share = z.number().gt(0).max(1)
const Percent = z.number().gt(0).lt(100)

/**
 * One thing a rollout compares between champion and candidate. `margin` is how much worse the candidate may be at full
 * traffic, as a share of requests; at a smaller weight w the rollout tolerates margin / w (see `lib/stats/rollout.ts`).
 */
export const WatchRule = z.discriminatedUnion('metric', [
  z.object({ metric: z.literal('errors'), margin: z.number().gt(0).lt(1) }),
  z.object({ metric: z.literal('latency'), overMs: z.number().positive(), margin: z.number().gt(0).lt(1) }),
  /**
   * Answers that labels prove wrong: score and label are more than `offBy` apart. Judged are answers of an age,
   * `afterMs`, by what was known of them at that age, so that labels may come sooner for some outcomes than for others.
   */
  z.object({
    metric: z.literal('mistakes'),
    offBy: z.number().positive(),
    afterMs: z.number().nonnegative(),
    /** The column by which labels may name their row; those that name the request always count. */
    key: z.string().nullable(),
    margin: z.number().gt(0).lt(1),
  }),
  /**
   * The distribution of scores must not differ: for a candidate that should be the same model. Only ever rolls back.
   */
  z.object({ metric: z.literal('scores') }),
])
export type WatchRule = z.infer<typeof WatchRule>
export type LabelErrorsRule = Extract<WatchRule, { metric: 'mistakes' }>

export const Strategy = z.discriminatedUnion('kind', [
  /** Shares of requests, in percent, ascending; after the last one everything. */
  z.object({ kind: z.literal('canary'), steps: z.array(Percent).min(1) }),
  /** Checks at no traffic, then all of it at once; the old version is asked in the shadow until `bakeMs` are over. */
  z.object({ kind: z.literal('blueGreen'), bakeMs: z.number().positive() }),
  /** One fixed share, in percent, for at least `forMs`; ends with an effect and its interval. */
  z.object({ kind: z.literal('ab'), share: Percent, forMs: z.number().positive() }),
  /** Everything at once, after the gateways have loaded it. */
  z.object({ kind: z.literal('allAtOnce') }),
  /** SageMaker moves everything in one update, and takes it back when an alarm goes off: no evidence decides. */
  z.object({ kind: z.literal('guardrails'), guardrails: Guardrails }),
])
export type Strategy = z.infer<typeof Strategy>

/** How a candidate takes over an endpoint: what `lib/stats/rollout.ts` decides by. Times are milliseconds. */
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
export function labelErrorsRule({ watch }: RolloutPolicy): LabelErrorsRule | undefined {
  return watch.find((rule): rule is LabelErrorsRule => rule.metric === 'mistakes')
}

/** `errors`, `answers over 50 ms`, `label errors`, `scores`: a watch in words. */
export function describeWatch(rule: WatchRule): string {
  if (rule.metric === 'latency') return `answers over ${rule.overMs} ms`
  return rule.metric === 'mistakes' ? 'label errors' : rule.metric
}

/** `canary 1 → 5 → 25 → 50 %`: a strategy in words. */
export function describeStrategy({ strategy, shadow }: RolloutPolicy): string {
  const before = shadow === null ? '' : 'shadow, then '
  switch (strategy.kind) {
    case 'canary':
      return `${before}canary ${strategy.steps.join(' → ')} %`
    case 'blueGreen':
      return `${before}blue-green, bake ${showDuration(strategy.bakeMs)}`
    case 'ab':
      return `${before}A/B at ${strategy.share} %`
    case 'allAtOnce':
      return `${before}all at once`
    case 'guardrails':
      return guardrailsInWords(strategy.guardrails)
  }
}
