import { SlipwayError } from '../formats/errors.ts'
import type { Hosting } from '../formats/hosting.ts'
import { RolloutPolicy, type Strategy, type WatchRule } from '../formats/rollout-policy.ts'
import { type Duration, durationMs } from './duration.ts'
import { type GuardrailsOptions, guardrailsOf } from './guardrails.ts'
import type { LookupInto } from './lookup.ts'

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

/**
 * How a package takes over an endpoint: exactly one of the strategies; `shadow` may come before any but
 * `guardrails`, which SageMaker alone has.
 */
type RolloutOptions = {
  readonly endpoint: string
  /**
   * Where it is deployed: by default Slipway's own gateways; else SageMaker (`sagemakerEndpoint({ … })`), or a target
   * that `slipway.config.ts` lists, by its name.
   */
  readonly target?: string | Hosting
  /** Mirror requests first: `share` of them (default all) until `minSamples` pairs (default 200) are in. */
  readonly shadow?: { readonly share?: number; readonly minSamples?: number } | boolean
} & (
  | { readonly canary: Comparison & { readonly steps: readonly number[] } }
  | { readonly blueGreen: Comparison & { readonly bake: Duration } }
  | { readonly ab: Comparison & { readonly share: number; readonly for: Duration } }
  | { readonly allAtOnce: true }
  | { readonly guardrails: GuardrailsOptions }
)

/** How `p.deploy` serves a package: under which name, where, and how it takes over from the one before. */
export type DeployOptions<Row = never> = RolloutOptions & {
  /** Columns that gateways look up in views when they are asked, so that requests need not carry them. */
  readonly lookup?: readonly LookupInto<Row>[]
}

/**
 * @throws SlipwayError DEFINITION_INVALID for steps that do not ascend, or when nothing could show a candidate to be
 *   good
 */
export function policyOf(options: RolloutOptions): RolloutPolicy {
  const [strategy, comparison] = strategyOf(options)
  const { alpha = 0.05, watch, approval } = comparison
  const { shadow } = options
  if (watch?.every(({ metric }) => metric === 'scores')) {
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `endpoint "${options.endpoint}": a rollout must watch errors, latency or label errors`,
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

function strategyOf(options: RolloutOptions): [Strategy, Comparison] {
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
  if ('guardrails' in options)
    return [{ kind: 'guardrails', guardrails: guardrailsOf(options.endpoint, options.guardrails) }, {}]
  return [{ kind: 'allAtOnce' }, {}]
}

/** Watches the share of requests that fail. */
export const errors = {
  notWorseBy: (margin: number): WatchRule => ({ metric: 'errors', margin }),
}

/**
 * Watches the share of answers that turn out to be wrong, by the labels gateways are told (`/feedback`). Only captured
 * rows can be labelled.
 * @param after age at which an answer is judged, by the labels known of it then: `1d`
 * @param offBy how far score and label may be apart; half by default, which is the other class of two
 */
export const labelErrors = ({
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
