import type { Block, LabelBlock } from '../formats/evidence.ts'
import { labelErrorsRule, type RolloutPolicy } from '../formats/rollout-policy.ts'
import { seededRandom } from './random.ts'
import { enterNextStage, observe, observeLabels, stagesOf, startRollout } from './rollout.ts'
import { decide } from './rollout-decision.ts'
import type { Stage } from './rollout-metric.ts'

/** Traffic to pretend. Rates are shares of requests. */
export interface Traffic {
  readonly requestsPerMinute: number
  /** How often the champion fails. */
  readonly baseErrors: number
  /** How often the candidate fails. */
  readonly candidateErrors: number
  /** How often answers of the champion and of the candidate are wrong, where the policy asks. */
  readonly baseLabelErrors: number
  readonly candidateLabelErrors: number
  /** Seconds between looks. */
  readonly windowSeconds: number
}

/** How one pretended rollout ended. */
export interface SimulatedRollout {
  readonly outcome: 'promoted' | 'rolled back' | 'inconclusive'
  readonly seconds: number
  /** Requests that reached the candidate, and all requests, until the end. */
  readonly candidateRequests: number
  readonly requests: number
  /** Requests that failed only because they reached the candidate: expected excess. */
  readonly harmed: number
}

const uniformFrom = (random: () => number) => (): number => (random() + 0.5) / 2 ** 32

/**
 * Poisson: inversion for small means, else the rounded normal (above 200 its error is far below the spread between
 * runs).
 */
function poisson(uniform: () => number, mean: number): number {
  if (mean <= 0) return 0
  if (mean > 200) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(uniform)))
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = uniform(); product > limit; product *= uniform()) count++
  return count
}

/** Binomial, exactly, in time proportional to its mean: gaps between successes are geometric. */
function binomial(uniform: () => number, n: number, p: number): number {
  if (p <= 0 || n === 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(uniform, n, 1 - p)
  const log = Math.log1p(-p)
  let count = 0
  for (let at = Math.floor(Math.log(uniform()) / log); at < n; at += 1 + Math.floor(Math.log(uniform()) / log)) count++
  return count
}

function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

/**
 * Pretends one rollout: the very `observe` and `decide` of real ones, on requests drawn at random. Latency and scores
 * are the same for both versions. Every answer is labelled when it is as old as the policy says.
 */
export function simulateRollout(policy: RolloutPolicy, traffic: Traffic, seed: number): SimulatedRollout {
  const uniform = uniformFrom(seededRandom(seed))
  const stages = stagesOf(policy)
  const windowMs = traffic.windowSeconds * 1000
  const perWindow = (traffic.requestsPerMinute * traffic.windowSeconds) / 60
  // What the gateways saw of the champion in the ten minutes before.
  const n = Math.round(traffic.requestsPerMinute * 10)
  let state = startRollout(0, {
    errors: { n, k: binomial(uniform, n, traffic.baseErrors) },
    latency: { n, k: Math.round(n * slow) },
  })
  let requests = 0
  let candidateRequests = 0
  const end = (outcome: SimulatedRollout['outcome']): SimulatedRollout => ({
    outcome,
    seconds: state.now / 1000,
    candidateRequests,
    requests,
    harmed: candidateRequests * (traffic.candidateErrors - traffic.baseErrors),
  })
  const rule = labelErrorsRule(policy)
  const unripe: LabelBlock[] = []
  for (let now = windowMs; ; now += windowMs) {
    const block = draw(
      uniform,
      stages[state.stage] as Stage,
      { from: now - windowMs, to: now, requests: perWindow },
      traffic,
    )
    requests += block.arms.errors.nA + (block.mode === 'shadow' ? 0 : block.arms.errors.nB)
    candidateRequests += block.mode === 'shadow' ? 0 : block.arms.errors.nB
    state = observe(policy, state, block)
    if (rule !== undefined) {
      unripe.push(drawLabels(uniform, block, traffic))
      for (; unripe[0] !== undefined && unripe[0].to + rule.afterMs <= now; unripe.shift())
        state = observeLabels(policy, state, unripe[0])
    }
    const { action } = decide(policy, state)
    if (action === 'advance') state = enterNextStage(state)
    else if (action === 'promote') return end('promoted')
    else if (action === 'rollback') return end('rolled back')
    else if (action === 'inconclusive') return end('inconclusive')
  }
}

/** Share of answers that are slow, of either version. */
const slow = 0.002

function draw(
  uniform: () => number,
  { mode, share }: Stage,
  { from, to, requests }: { readonly from: number; readonly to: number; readonly requests: number },
  { baseErrors, candidateErrors }: Traffic,
): Block {
  const both = { champion: 0, candidate: 0 }
  const nothing = { onsets: null, scores: { champion: [], candidate: [] } }
  if (mode === 'split') {
    const [nA, nB] = [poisson(uniform, requests * (1 - share)), poisson(uniform, requests * share)]
    const arms = (a: number, b: number) => ({ nA, kA: binomial(uniform, nA, a), nB, kB: binomial(uniform, nB, b) })
    return {
      from,
      to,
      mode,
      share,
      units: { champion: nA, candidate: nB },
      arms: { errors: arms(baseErrors, candidateErrors), latency: arms(slow, slow) },
      pairs: null,
      ...nothing,
    }
  }
  const n = poisson(uniform, mode === 'bake' ? requests : requests * share)
  const [errors, latency] = [drawPairs(uniform, n, baseErrors, candidateErrors), drawPairs(uniform, n, slow, slow)]
  return {
    from,
    to,
    mode,
    share,
    units: both,
    arms: { errors: errors.arms, latency: latency.arms },
    pairs: { n, only: { errors: errors.only, latency: latency.only } },
    ...nothing,
  }
}

/** Events of requests that both versions answered, independent of each other. */
function drawPairs(uniform: () => number, n: number, a: number, b: number) {
  const [kA, kB] = [binomial(uniform, n, a), binomial(uniform, n, b)]
  const together = n === 0 ? 0 : binomial(uniform, kA, kB / n)
  return {
    arms: { nA: n, kA, nB: n, kB },
    only: { champion: kA - together, candidate: kB - together },
  }
}

/** What labels will say of a block's answers. */
function drawLabels(
  uniform: () => number,
  { from, to, mode, share, arms, pairs }: Block,
  { baseLabelErrors, candidateLabelErrors }: Traffic,
): LabelBlock {
  const { nA, nB } = arms.errors
  if (pairs !== null) {
    const { arms, only } = drawPairs(uniform, pairs.n, baseLabelErrors, candidateLabelErrors)
    return { from, to, mode, share, arms, pairs: { n: pairs.n, only } }
  }
  const [kA, kB] = [binomial(uniform, nA, baseLabelErrors), binomial(uniform, nB, candidateLabelErrors)]
  return { from, to, mode, share, arms: { nA, kA, nB, kB }, pairs: null }
}

/** Many pretended rollouts. */
export interface SimulationSummary {
  readonly runs: number
  /** Shares of the runs. */
  readonly rolledBack: number
  readonly promoted: number
  readonly inconclusive: number
  /** Median time to the rollback, seconds; null when there was none. */
  readonly detectSeconds: number | null
  /** Median requests to the candidate until the rollback. */
  readonly detectRequests: number | null
  /** Mean number of requests that failed because of the candidate. */
  readonly harmed: number
  /** Median time to the promotion, seconds. */
  readonly promoteSeconds: number | null
}

export function summarise(rollouts: readonly SimulatedRollout[]): SimulationSummary {
  const of = (outcome: SimulatedRollout['outcome']): SimulatedRollout[] =>
    rollouts.filter((rollout) => rollout.outcome === outcome)
  const median = (values: number[]): number | null =>
    values.length === 0 ? null : (values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number)
  const [rolledBack, promoted] = [of('rolled back'), of('promoted')]
  return {
    runs: rollouts.length,
    rolledBack: rolledBack.length / rollouts.length,
    promoted: promoted.length / rollouts.length,
    inconclusive: of('inconclusive').length / rollouts.length,
    detectSeconds: median(rolledBack.map(({ seconds }) => seconds)),
    detectRequests: median(rolledBack.map(({ candidateRequests }) => candidateRequests)),
    harmed: rollouts.reduce((sum, { harmed }) => sum + harmed, 0) / rollouts.length,
    promoteSeconds: median(promoted.map(({ seconds }) => seconds)),
  }
}
