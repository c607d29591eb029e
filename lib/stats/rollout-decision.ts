import type { MetricState, RolloutState } from '../formats/evidence.ts'
import { describeWatch, type RolloutPolicy, type WatchRule } from '../formats/rollout-policy.ts'
import { stagesOf } from './rollout.ts'
import {
  above,
  below,
  better,
  differences,
  marginAfter,
  mixture,
  newMetric,
  type ShareRule,
  type Stage,
} from './rollout-metric.ts'
import { logScoreWeights, logSumExp, splitMismatch } from './sequential.ts'

export type Action = 'hold' | 'advance' | 'promote' | 'rollback' | 'inconclusive'

/** What is known of one metric, with the numbers behind it. */
export interface MetricVerdict {
  readonly metric: string
  readonly verdict: 'better' | 'not worse' | 'worse' | 'inconclusive'
  readonly champion: { readonly n: number; readonly k: number }
  readonly candidate: { readonly n: number; readonly k: number }
  /** e-value for "worse". */
  readonly harm: number
  /** e-value for "worse by less than `margin`", the largest so far; null for scores. */
  readonly notWorse: number | null
  /** What the next step tolerates, as a difference of shares; null for scores. */
  readonly margin: number | null
  /**
   * A/B only, once either is known: bounds of candidate − champion, valid at any time, at the level of `alpha.promote`
   * each.
   */
  readonly interval: { readonly low: number; readonly high: number } | null
}

export interface Decision {
  readonly action: Action
  readonly reason: string
  readonly verdicts: readonly MetricVerdict[]
}

/** Odds against the split at which nothing is believed any more. */
const mismatchLimit = Math.log(1000)

/** What follows from the evidence so far. */
export function decide(policy: RolloutPolicy, state: RolloutState): Decision {
  const stages = stagesOf(policy)
  const stage = stages[state.stage] as Stage
  const verdicts = policy.watch.map((rule) => verdictOn(policy, stages, state, rule))
  const say = (action: Action, reason: string): Decision => ({ action, reason, verdicts })

  const harms = policy.watch.map((rule) => harmOf(state, rule))
  const harm = logSumExp(harms) - Math.log(harms.length)
  if (harm >= Math.log(1 / policy.alpha.rollback)) {
    const leading = verdicts[harms.indexOf(Math.max(...harms))] as MetricVerdict
    return say(
      'rollback',
      `${leading.metric}: ${sharesInWords(leading)}; e-value ${shortly(harm)} ≥ ${1 / policy.alpha.rollback}`,
    )
  }
  if (policy.harmBudget !== null && state.excess >= policy.harmBudget)
    return say(
      'rollback',
      `harm budget: ${state.excess.toFixed(1)} failures above the usual ≥ ${policy.harmBudget}; a cap, not a test`,
    )

  const mismatch = Object.entries(state.units).reduce(
    (sum, [share, { candidate, all }]) => sum + splitMismatch(candidate, all, Number(share)),
    0,
  )
  const { all: unwatched, stage: unwatchedInStage } = state.unwatched ?? { all: 0, stage: 0 }
  const isOver = state.now - state.startedAt - unwatched >= policy.withinMs
  const undecided = (why: string): Decision =>
    isOver
      ? say('inconclusive', `${why} after ${Math.round((state.now - state.startedAt) / 1000)} s; the champion stays`)
      : say('hold', why)
  if (mismatch >= mismatchLimit)
    return undecided(`the split is not the one asked for (sample ratio mismatch, e-value ${shortly(mismatch)} ≥ 1000)`)

  const isLast = state.stage === stages.length - 1
  const goOn: Action = isLast ? 'promote' : 'advance'
  // The stage is over when the update is; one that SageMaker took back never gets here.
  if (policy.strategy.kind === 'guardrails') return say(goOn, 'SageMaker has moved everything, and no alarm went off')
  if (stage.mode === 'split' && stage.share === 0) return say(goOn, 'every gateway has it loaded')
  const minSamples = stage.mode === 'shadow' ? (policy.shadow?.minSamples ?? 0) : policy.minSamples
  if (state.samples < minSamples) return undecided(`${state.samples} of ${minSamples} answers by the candidate`)
  const open = verdicts.filter(({ notWorse }) => notWorse !== null && notWorse < 1 / policy.alpha.promote)
  if (open.length > 0) {
    const [first] = open as [MetricVerdict]
    return undecided(
      `${first.metric}: ${sharesInWords(first)}; e-value ${first.notWorse?.toPrecision(3)} of ${1 / policy.alpha.promote} for worse by less than ${inPoints(first.margin as number)}`,
    )
  }
  const wait =
    policy.strategy.kind === 'blueGreen'
      ? policy.strategy.bakeMs
      : policy.strategy.kind === 'ab'
        ? policy.strategy.forMs
        : 0
  const waited = state.now - state.stageSince - unwatchedInStage
  if (stage.mode !== 'shadow' && waited < wait)
    return say('hold', `nothing against it; ${Math.ceil((wait - waited) / 1000)} s to go`)
  const shown = verdicts.filter(({ margin }) => margin !== null)
  return say(goOn, shown.map((each) => `${each.metric} ${each.verdict}: ${sharesInWords(each)}`).join('; '))
}

function verdictOn(
  policy: RolloutPolicy,
  stages: readonly Stage[],
  state: RolloutState,
  rule: WatchRule,
): MetricVerdict {
  const harm = harmOf(state, rule)
  const isWorse = harm >= Math.log(1 / policy.alpha.rollback)
  if (rule.metric === 'scores') {
    const of = (counts: readonly number[]) => ({ n: counts.reduce((sum, count) => sum + count, 0), k: 0 })
    return {
      metric: 'scores',
      verdict: isWorse ? 'worse' : 'inconclusive',
      champion: of(state.scores.champion),
      candidate: of(state.scores.candidate),
      harm: toValue(harm),
      notWorse: null,
      margin: null,
      interval: null,
    }
  }
  const metric = metricOf(state, rule)
  const { champion, candidate, best } = metric
  const log = best[String(state.stage)] ?? 0
  const need = Math.log(1 / policy.alpha.promote)
  return {
    metric: describeWatch(rule),
    verdict: isWorse ? 'worse' : (best[better] ?? 0) >= need ? 'better' : log >= need ? 'not worse' : 'inconclusive',
    champion,
    candidate,
    harm: toValue(harm),
    notWorse: toValue(log),
    margin: Math.min(1, marginAfter(stages, state.stage, rule)),
    interval: policy.strategy.kind === 'ab' ? intervalOf(metric, need) : null,
  }
}

/** ln E for "worse", by watch rule. */
function harmOf(state: RolloutState, rule: WatchRule): number {
  if (rule.metric === 'scores') return mixture(state.scores.log, logScoreWeights)
  const minute = rule.metric === 'mistakes' ? (state.labels?.minute ?? 0) : state.minute
  const cash = Math.log(0.5 / (minute + 1))
  return logSumExp([...metricOf(state, rule).late, cash])
}

const metricOf = ({ metrics, labels }: RolloutState, rule: ShareRule): MetricState =>
  rule.metric === 'mistakes' ? (labels?.mistakes ?? newMetric()) : metrics[rule.metric]

/**
 * The differences that no test has ruled out: worse by `high` or more is, and better by `-low` or more. Null while
 * neither is: in the shadow, whose pairs say which of two answers is wrong and not how often either is, and before the
 * first answers are in.
 */
function intervalOf({ best }: MetricState, need: number): { low: number; high: number } | null {
  const isRuledOut = (target: string): boolean => (best[target] ?? 0) >= need
  const high = differences.find((delta) => isRuledOut(above(delta)))
  const low = differences.find((delta) => isRuledOut(below(delta)))
  return high === undefined && low === undefined ? null : { low: low === undefined ? -1 : -low, high: high ?? 1 }
}

/** An e-value from its logarithm, within what JSON can hold. */
const toValue = (log: number): number => (log > 690 ? 1e300 : Math.exp(log))
const shortly = (log: number): string => toValue(log).toPrecision(3)
const inPoints = (share: number): string => `${Number((share * 100).toPrecision(3))} points`
const percent = ({ n, k }: { n: number; k: number }): string =>
  n === 0 ? 'none' : `${((100 * k) / n).toFixed(2)} % of ${n}`

/** `candidate 1.20 % of 500, champion 0.81 % of 9500`. */
export function sharesInWords({ champion, candidate, margin, interval }: MetricVerdict): string {
  if (margin === null) return `${candidate.n} candidate and ${champion.n} champion scores`
  const shares = `candidate ${percent(candidate)}, champion ${percent(champion)}`
  return interval === null ? shares : `${shares}; difference ${intervalInWords(interval)}`
}

function intervalInWords({ low, high }: { low: number; high: number }): string {
  if (low === -1) return `at most ${inPoints(high)}`
  return high === 1 ? `at least ${inPoints(low)}` : `${inPoints(low)} to ${inPoints(high)}`
}
