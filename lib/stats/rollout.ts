import type { Block, EventMetric, LabelBlock, MetricState, RolloutState } from '../formats/evidence.ts'
import { labelErrorsRule, type RolloutPolicy } from '../formats/rollout-policy.ts'
import { addCounts, mergeBlocks, mergeLabelBlocks } from './block.ts'
import { counted, enteringCapital, newMetric, type Stage, withEvents } from './rollout-metric.ts'
import { logScoreWeights, scoreFactors } from './sequential.ts'

/*
 * The rollout as a pure state machine: `observe` takes in a block of evidence here, `decide` in `rollout-decision.ts`
 * says what follows. The workflow, the simulation and the replay of stored evidence run these very functions.
 *
 * Rolling back: the mean over the watched metrics of their harm processes, each half on harm from the start and half on
 * harm that begins at some later minute, reaches 1/α. The mean is an e-process under any dependence, so over all
 * metrics, looks and steps together a candidate that is never worse is rolled back with probability at most α.
 *
 * Going on: to take the share w a candidate must have been shown, on every metric, to be worse by less than margin / w:
 * at full traffic by less than the margin itself. The nulls of later steps are nested in those of earlier ones, so no α
 * need be divided: the chance of ever standing at a share where some metric is worse by more than margin / w is at most
 * α.
 */

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
    case 'guardrails':
      return [{ mode: 'split', share: 1 }]
  }
}

/** Requests that close a block; fewer are kept for the next one. */
const blockSize = 50
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
  return {
    startedAt,
    now: startedAt,
    stage: 0,
    stageSince: startedAt,
    samples: 0,
    minute: 0,
    pending: null,
    metrics: { errors: newMetric(history.errors), latency: newMetric(history.latency) },
    labels: null,
    scores: { champion: [], candidate: [], log: logScoreWeights.map(() => 0) },
    units: {},
    excess: 0,
  }
}

/** Time passes, with or without evidence. */
export function tick(state: RolloutState, now: number): RolloutState {
  return now <= state.now ? state : { ...state, now }
}

/** Nobody watched for some milliseconds: they count neither for the rollout nor for its stage. */
export function pause(state: RolloutState, ms: number): RolloutState {
  if (ms <= 0) return state
  const { all, stage } = state.unwatched ?? { all: 0, stage: 0 }
  return { ...state, unwatched: { all: all + ms, stage: stage + ms } }
}

/**
 * Takes in a block. Small ones wait for more of the same weight: when a block closes must not depend on what failed.
 */
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
  const entering = enteringCapital(state.minute, minute)
  const standing = { policy, stages: stagesOf(policy), stage: state.stage, entering }
  const metrics: Record<EventMetric, MetricState> = { ...state.metrics }
  for (const rule of policy.watch) {
    if (rule.metric === 'scores' || rule.metric === 'mistakes') continue
    const events = {
      arms: block.arms[rule.metric],
      share: block.share,
      pairs: block.pairs === null ? null : { n: block.pairs.n, only: block.pairs.only[rule.metric] },
      onsets: block.onsets?.[rule.metric] ?? null,
    }
    metrics[rule.metric] = withEvents(state.metrics[rule.metric], rule, events, standing)
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

/**
 * Takes in labelled answers, which are of some time ago. Like any evidence they count whatever stage they are of: what
 * is tested is the same at every weight.
 */
export function observeLabels(policy: RolloutPolicy, state: RolloutState, block: LabelBlock): RolloutState {
  const before = state.labels ?? { minute: 0, pending: null, mistakes: newMetric() }
  const { pending } = before
  const isOther = pending !== null && (pending.mode !== block.mode || pending.share !== block.share)
  const labels = isOther ? commitLabels(policy, state, { ...before, pending: null }, pending) : before
  const merged = labels.pending === null ? block : mergeLabelBlocks(labels.pending, block)
  const isFull = merged.arms.nA + merged.arms.nB >= blockSize
  return {
    ...state,
    labels: isFull ? commitLabels(policy, state, { ...labels, pending: null }, merged) : { ...labels, pending: merged },
  }
}

function commitLabels(
  policy: RolloutPolicy,
  state: RolloutState,
  labels: NonNullable<RolloutState['labels']>,
  block: LabelBlock,
): NonNullable<RolloutState['labels']> {
  const rule = labelErrorsRule(policy)
  if (rule === undefined) return labels
  const minute = Math.max(labels.minute, Math.floor((block.to - state.startedAt) / 60_000))
  const entering = enteringCapital(labels.minute, minute)
  const standing = { policy, stages: stagesOf(policy), stage: state.stage, entering }
  const events = { arms: block.arms, share: block.share, pairs: block.pairs, onsets: null }
  const mistakes = withEvents(labels.mistakes, rule, events, standing)
  return { ...labels, minute, mistakes }
}

/** The next stage begins. */
export function enterNextStage(state: RolloutState): RolloutState {
  const { unwatched } = state
  return {
    ...state,
    stage: state.stage + 1,
    stageSince: state.now,
    samples: 0,
    ...(unwatched !== undefined && { unwatched: { all: unwatched.all, stage: 0 } }),
  }
}
