import type { Arms, Both, MetricState } from '../formats/evidence.ts'
import type { RolloutPolicy, WatchRule } from '../formats/rollout-policy.ts'
import { addCounts, type Mode } from './block.ts'
import {
  harmFactors,
  logAlternativeWeights,
  logEffectWeights,
  logStakeWeights,
  logSumExp,
  notWorseFactors,
  pairedHarmFactors,
  pairedNotWorseFactors,
  thinnedHarmFactors,
} from './sequential.ts'

/** A stretch of a rollout at one weight. */
export interface Stage {
  readonly mode: Mode
  readonly share: number
}

/** A rule about a share of requests. */
export type ShareRule = Exclude<WatchRule, { metric: 'scores' }>

/** A metric before any evidence. @param champion what is usual */
export function newMetric(champion: { n: number; k: number } = { n: 0, k: 0 }): MetricState {
  return {
    champion,
    candidate: { n: 0, k: 0 },
    late: logEffectWeights.map((weight) => weight + Math.log(0.5)),
    split: {},
    paired: {},
    best: {},
  }
}

/** Target of the test for "better": worse by less than nothing. */
export const better = 'better'

/** Differences of shares among which the interval of an A/B test is found. */
export const differences: readonly number[] = [
  -0.5, -0.2, -0.1, -0.05, -0.02, -0.01, -0.005, -0.002, -0.001, 0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
  0.5,
]
/**
 * Targets of the tests whose rejected nulls bound the difference: from above, and with the arms exchanged from below.
 */
export const above = (delta: number): string => `<${delta}`
export const below = (delta: number): string => `>${delta}`

/** What a stage's successor tolerates of a metric: margin / w, w the share it would take. */
export function marginAfter(stages: readonly Stage[], stage: number, rule: ShareRule): number {
  return rule.margin / (stages[stage + 1]?.share || 1)
}

/** What a closed block has to say on one metric. */
export interface Events {
  readonly arms: Arms
  readonly share: number
  /** Requests that both answered: how many, and on which just one of them had the event. */
  readonly pairs: { readonly n: number; readonly only: Both } | null
  /** Sticky splits: users whose first event it was. */
  readonly onsets: Both | null
}

/**
 * Log-wealth that minutes after the one bring to the restarting e-processes: ½ Σ 1/(j(j+1)) = ½ (1/(m+1) − 1/(i+1)).
 */
export function enteringCapital(minute: number, until: number): number {
  return Math.log(0.5 * (1 / (minute + 1) - 1 / (until + 1)))
}

export const counted = (metric: MetricState, { nA, kA, nB, kB }: Arms): MetricState => ({
  ...metric,
  champion: { n: metric.champion.n + nA, k: metric.champion.k + kA },
  candidate: { n: metric.candidate.n + nB, k: metric.candidate.k + kB },
})

/** Where a rollout stands when a block closes. */
export interface Standing {
  readonly policy: RolloutPolicy
  readonly stages: readonly Stage[]
  readonly stage: number
  /** See `enteringCapital`. */
  readonly entering: number
}

/** A metric with the evidence of a block. All rates the tests bet on are from before it. */
export function withEvents(
  metric: MetricState,
  rule: ShareRule,
  { arms, share, pairs, onsets }: Events,
  { policy, stages, stage: stageNow, entering }: Standing,
): MetricState {
  const rate = (metric.champion.k + 0.5) / (metric.champion.n + 1)
  const only = pairs?.only
  const factors =
    only !== undefined
      ? pairedHarmFactors(only.candidate, only.champion)
      : onsets !== null
        ? thinnedHarmFactors(onsets.champion, onsets.candidate, share)
        : harmFactors(arms, rate)
  const late = metric.late.map(
    (log, g) => logSumExp([log, entering + (logEffectWeights[g] as number)]) + (factors[g] as number),
  )
  const split = { ...metric.split }
  const paired = { ...metric.paired }
  const best = { ...metric.best }
  const need = Math.log(1 / policy.alpha.promote)
  const targets = [
    ...stages.map((_, stage): [string, number] => [String(stage), marginAfter(stages, stage, rule)]).slice(stageNow),
    [better, 0] as [string, number],
  ]
  for (const [target, delta] of targets) {
    if ((best[target] ?? 0) >= need) continue
    if (delta >= 1) {
      best[target] = Number.MAX_VALUE
      continue
    }
    if (only !== undefined) {
      const ties = (pairs?.n ?? 0) - only.candidate - only.champion
      const losses = [
        [0, ties],
        [1, only.candidate],
        [-1, only.champion],
      ] as const
      paired[target] = addCounts(paired[target] ?? [], pairedNotWorseFactors(losses, delta))
    } else {
      split[target] = addCounts(split[target] ?? [], notWorseFactors(arms, rate, delta))
    }
    const log = mixture(split[target], logAlternativeWeights) + mixture(paired[target], logStakeWeights)
    best[target] = Math.max(best[target] ?? 0, log)
  }
  if (policy.strategy.kind === 'ab' && only === undefined) {
    const exchanged = { nA: arms.nB, kA: arms.kB, nB: arms.nA, kB: arms.kA }
    const candidateRate = (metric.candidate.k + 0.5) / (metric.candidate.n + 1)
    for (const delta of differences) {
      for (const [target, factors] of [
        [above(delta), () => notWorseFactors(arms, rate, delta)],
        [below(delta), () => notWorseFactors(exchanged, candidateRate, delta)],
      ] as const) {
        if ((best[target] ?? 0) >= need) continue
        split[target] = addCounts(split[target] ?? [], factors())
        best[target] = Math.max(best[target] ?? 0, mixture(split[target], logAlternativeWeights))
      }
    }
  }
  return { ...counted(metric, arms), late, split, paired, best }
}

/** ln of a mixture of processes; 0 before any evidence. */
export function mixture(logs: readonly number[] | undefined, logWeights: readonly number[]): number {
  return logs === undefined ? 0 : logSumExp(logs.map((log, i) => log + (logWeights[i] as number)))
}
