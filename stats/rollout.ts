import type { RolloutPolicy, WatchRule } from '../pipelines/rollout.ts'
import { addCounts, type Block, type EventMetric, type Mode, mergeBlocks } from './block.ts'
import {
  type Arms,
  harmFactors,
  logAlternativeWeights,
  logEffectWeights,
  logScoreWeights,
  logStakeWeights,
  logSumExp,
  notWorseFactors,
  pairedHarmFactors,
  pairedNotWorseFactors,
  scoreFactors,
  thinnedHarmFactors,
} from './sequential.ts'

/*
 * The rollout as a pure state machine: `observe` takes in a block of evidence here, `decide` in `verdict.ts` says what follows. The workflow, the
 * simulation and the replay of stored evidence run these very functions.
 *
 * Rolling back: the mean over the watched metrics of their harm processes, each half on harm from the start and half on harm
 * that begins at some later minute, reaches 1/α. The mean is an e-process under any dependence, so over all metrics, looks and
 * steps together a candidate that is never worse is rolled back with probability at most α.
 *
 * Going on: to take the share w a candidate must have been shown, on every metric, to be worse by less than margin / w: at
 * full traffic by less than the margin itself. The nulls of later steps are nested in those of earlier ones, so no α need be
 * divided: the chance of ever standing at a share where some metric is worse by more than margin / w is at most α.
 */

/** A stretch of a rollout at one weight. */
export interface Stage {
  readonly mode: Mode
  readonly share: number
}

/** The stages of a policy, in order; after the last one the candidate is champion. */
export function stagesOf({ strategy, shadow }: RolloutPolicy): Stage[] {
  const before: Stage[] = shadow === null ? [] : [{ mode: 'shadow', share: shadow.share }]
  switch (strategy.kind) {
    case 'canary':
      return [...before, ...strategy.steps.map((percent) => ({ mode: 'split' as const, share: percent / 100 }))]
    case 'blueGreen':
      return [...before, { mode: 'split', share: 0 }, { mode: 'bake', share: 1 }]
    case 'ab':
      return [...before, { mode: 'split', share: strategy.share / 100 }]
    case 'allAtOnce':
      return before.length > 0 ? before : [{ mode: 'split', share: 0 }]
  }
}

export interface MetricState {
  readonly champion: { readonly n: number; readonly k: number }
  readonly candidate: { readonly n: number; readonly k: number }
  /** ln of the capital on each of `effects`, of the process that restarts. */
  readonly late: readonly number[]
  /** By target: ln e of the unpaired alternatives, of the paired stakes, and the largest ln E so far. */
  readonly split: Readonly<Record<string, readonly number[]>>
  readonly paired: Readonly<Record<string, readonly number[]>>
  readonly best: Readonly<Record<string, number>>
}

/** All that is known, serialisable: it goes through continue-as-new and into the evidence log. */
export interface RolloutState {
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly now: number
  readonly stage: number
  readonly stageSince: number
  /** Answers by the candidate in this stage. */
  readonly samples: number
  /** Minutes whose restart capital is invested. */
  readonly minute: number
  readonly pending: Block | null
  readonly metrics: Readonly<Record<EventMetric, MetricState>>
  readonly scores: {
    readonly champion: readonly number[]
    readonly candidate: readonly number[]
    readonly log: readonly number[]
  }
  /** Units by design weight, for the check of the split. */
  readonly units: Readonly<Record<string, { readonly candidate: number; readonly all: number }>>
  /** Failures of the candidate above what the champion's rate lets expect. */
  readonly excess: number
}

/** Requests that close a block; fewer are kept for the next one. */
const blockSize = 50
/** Target of the test for "better": worse by less than nothing. */
export const better = 'better'

/** Differences of shares among which the interval of an A/B test is found. */
export const differences: readonly number[] = [
  -0.5, -0.2, -0.1, -0.05, -0.02, -0.01, -0.005, -0.002, -0.001, 0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
  0.5,
]
/** Targets of the tests whose rejected nulls bound the difference: from above, and with the arms exchanged from below. */
export const above = (delta: number): string => `<${delta}`
export const below = (delta: number): string => `>${delta}`

/** What a stage's successor tolerates of a metric: margin / w, w the share it would take. */
export function marginAfter(stages: readonly Stage[], stage: number, rule: WatchRule): number {
  if (rule.metric === 'scores') return 1
  return rule.margin / (stages[stage + 1]?.share || 1)
}

const eventRules = ({ watch }: RolloutPolicy): Exclude<WatchRule, { metric: 'scores' }>[] =>
  watch.filter((rule) => rule.metric !== 'scores')

/**
 * The state a rollout starts with.
 * @param history the champion's answers and events from before, which say what is usual
 */
export function startRollout(
  startedAt: number,
  history: Readonly<Record<EventMetric, { n: number; k: number }>> = {
    errors: { n: 0, k: 0 },
    latency: { n: 0, k: 0 },
  },
): RolloutState {
  const metric = (champion: { n: number; k: number }): MetricState => ({
    champion,
    candidate: { n: 0, k: 0 },
    late: logEffectWeights.map((weight) => weight + Math.log(0.5)),
    split: {},
    paired: {},
    best: {},
  })
  return {
    startedAt,
    now: startedAt,
    stage: 0,
    stageSince: startedAt,
    samples: 0,
    minute: 0,
    pending: null,
    metrics: { errors: metric(history.errors), latency: metric(history.latency) },
    scores: { champion: [], candidate: [], log: logScoreWeights.map(() => 0) },
    units: {},
    excess: 0,
  }
}

/** Time passes, with or without evidence. */
export function tick(state: RolloutState, now: number): RolloutState {
  return now <= state.now ? state : { ...state, now }
}

/** Takes in a block. Small ones wait for more of the same weight: when a block closes must not depend on what failed. */
export function observe(policy: RolloutPolicy, state: RolloutState, block: Block): RolloutState {
  const candidateAnswers = block.pairs === null ? block.arms.errors.nB : block.pairs.n
  const isStage = stagesOf(policy)[state.stage]
  let next: RolloutState = {
    ...tick(state, block.to),
    samples: state.samples + (isStage?.mode === block.mode && isStage.share === block.share ? candidateAnswers : 0),
  }
  const { pending } = next
  if (pending !== null && (pending.mode !== block.mode || pending.share !== block.share)) {
    next = commit(policy, { ...next, pending: null }, pending)
  }
  const merged = next.pending === null ? block : mergeBlocks(next.pending, block)
  const size = merged.arms.errors.nA + merged.arms.errors.nB
  return size >= blockSize ? commit(policy, { ...next, pending: null }, merged) : { ...next, pending: merged }
}

/** Turns a closed block into evidence. All rates the tests bet on are from before it. */
function commit(policy: RolloutPolicy, state: RolloutState, block: Block): RolloutState {
  const minute = Math.max(state.minute, Math.floor((block.to - state.startedAt) / 60_000))
  // Minutes m+1 to i bring ½ Σ 1/(j(j+1)) = ½ (1/(m+1) − 1/(i+1)) of the capital.
  const entering = Math.log(0.5 * (1 / (state.minute + 1) - 1 / (minute + 1)))
  const stages = stagesOf(policy)
  const metrics: Record<EventMetric, MetricState> = { ...state.metrics }
  for (const rule of eventRules(policy)) {
    metrics[rule.metric] = committed(policy, stages, state, rule, block, entering)
  }
  const { errors } = state.metrics
  const usual = (errors.champion.k + 0.5) / (errors.champion.n + 1)
  const { nB, kB } = block.arms.errors
  const units = block.units.champion + block.units.candidate
  const isSplit = block.mode === 'split' && block.share > 0
  const seen = state.units[block.share] ?? { candidate: 0, all: 0 }
  return {
    ...state,
    minute,
    metrics: metrics.errors === errors ? { ...metrics, errors: counted(errors, block.arms.errors) } : metrics,
    scores: isSplit ? withScores(state.scores, block.scores) : state.scores,
    units: isSplit
      ? { ...state.units, [block.share]: { candidate: seen.candidate + block.units.candidate, all: seen.all + units } }
      : state.units,
    // In the shadow nobody is harmed.
    excess: block.mode === 'shadow' ? state.excess : state.excess + kB - nB * usual,
  }
}

const counted = (metric: MetricState, { nA, kA, nB, kB }: Arms): MetricState => ({
  ...metric,
  champion: { n: metric.champion.n + nA, k: metric.champion.k + kA },
  candidate: { n: metric.candidate.n + nB, k: metric.candidate.k + kB },
})

function committed(
  policy: RolloutPolicy,
  stages: readonly Stage[],
  state: RolloutState,
  rule: Exclude<WatchRule, { metric: 'scores' }>,
  block: Block,
  entering: number,
): MetricState {
  const metric = state.metrics[rule.metric]
  const arms = block.arms[rule.metric]
  const rate = (metric.champion.k + 0.5) / (metric.champion.n + 1)
  const only = block.pairs?.only[rule.metric]
  const onsets = block.onsets?.[rule.metric]
  const factors =
    only !== undefined
      ? pairedHarmFactors(only.candidate, only.champion)
      : onsets !== undefined
        ? thinnedHarmFactors(onsets.champion, onsets.candidate, block.share)
        : harmFactors(arms, rate)
  const late = metric.late.map(
    (log, g) => logSumExp([log, entering + (logEffectWeights[g] as number)]) + (factors[g] as number),
  )
  const split = { ...metric.split }
  const paired = { ...metric.paired }
  const best = { ...metric.best }
  const need = Math.log(1 / policy.alpha.promote)
  const targets = [
    ...stages.map((_, stage): [string, number] => [String(stage), marginAfter(stages, stage, rule)]).slice(state.stage),
    [better, 0] as [string, number],
  ]
  for (const [target, delta] of targets) {
    if ((best[target] ?? 0) >= need) continue
    if (delta >= 1) {
      best[target] = Number.MAX_VALUE
      continue
    }
    if (only !== undefined) {
      const ties = (block.pairs?.n ?? 0) - only.candidate - only.champion
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

function withScores(state: RolloutState['scores'], block: Block['scores']): RolloutState['scores'] {
  const bins = Math.max(block.champion.length, block.candidate.length)
  if (bins === 0) return state
  const padded = (counts: readonly number[]): number[] => addCounts(counts, new Array<number>(bins).fill(0))
  const factors = scoreFactors(
    { champion: padded(block.champion), candidate: padded(block.candidate) },
    { champion: padded(state.champion), candidate: padded(state.candidate) },
  )
  return {
    champion: addCounts(state.champion, block.champion),
    candidate: addCounts(state.candidate, block.candidate),
    log: addCounts(state.log, factors),
  }
}

/** The next stage begins. */
export function enterNextStage(state: RolloutState): RolloutState {
  return { ...state, stage: state.stage + 1, stageSince: state.now, samples: 0 }
}
