import { describe, expect, it } from 'vitest'
import { answersOver, errors, labelErrors, policyOf, scores } from '../../lib/definition/deploy.ts'
import type { Block, LabelBlock, RolloutState } from '../../lib/formats/evidence.ts'
import { describeStrategy, type RolloutPolicy } from '../../lib/formats/rollout-policy.ts'
import { type Mode, mergeBlocks } from '../../lib/stats/block.ts'
import { replayRollout } from '../../lib/stats/replay.ts'
import { enterNextStage, observe, observeLabels, stagesOf, startRollout, tick } from '../../lib/stats/rollout.ts'
import { decide } from '../../lib/stats/rollout-decision.ts'
import { simulateRollout, summarise } from '../../lib/stats/simulate.ts'

const canary = (over: object = {}): RolloutPolicy =>
  policyOf({ endpoint: 'e', canary: { steps: [1, 5, 25, 50], minSamples: 100, ...over } })

interface Counts {
  nA?: number
  kA?: number
  nB?: number
  kB?: number
  mode?: Mode
  share?: number
  to?: number
  units?: Block['units']
  scores?: Block['scores']
  onsets?: Block['onsets']
  pairs?: Block['pairs']
}
function block({ nA = 0, kA = 0, nB = 0, kB = 0, mode = 'split', share = 0.01, to = 5_000, ...rest }: Counts): Block {
  return {
    from: to - 5_000,
    to,
    mode,
    share,
    units: { champion: nA, candidate: nB },
    arms: { errors: { nA, kA, nB, kB }, latency: { nA, kA: 0, nB, kB: 0 } },
    scores: { champion: [], candidate: [] },
    onsets: null,
    pairs: null,
    ...rest,
  }
}
const usual = { errors: { n: 20_000, k: 100 }, latency: { n: 20_000, k: 20 } }

/** Feeds the same block until something is decided. */
function feed(
  policy: RolloutPolicy,
  state: RolloutState,
  counts: Counts,
  most = 2_000,
): { state: RolloutState; action: string; reason: string } {
  let current = state
  for (let i = 0; i < most; i++) {
    current = observe(policy, current, block({ ...counts, to: current.now + 5_000 }))
    const { action, reason } = decide(policy, current)
    if (action !== 'hold') return { state: current, action, reason }
  }
  return { state: current, ...decide(policy, current) }
}

describe('a canary', () => {
  it('climbs its steps on good evidence and is promoted at the end', () => {
    const policy = canary()
    let state = startRollout(0, usual)
    const actions: string[] = []
    for (const { share } of stagesOf(policy)) {
      const decided = feed(policy, state, { nA: 2_000 * (1 - share), kA: 10, nB: 2_000 * share, kB: 10 * share, share })
      actions.push(decided.action)
      state = enterNextStage(decided.state)
    }
    expect(actions).toEqual(['advance', 'advance', 'advance', 'promote'])
  })

  it('is rolled back when it fails more often, with the numbers', () => {
    const { action, reason } = feed(canary(), startRollout(0, usual), { nA: 950, kA: 5, nB: 50, kB: 3 })
    expect(action).toBe('rollback')
    expect(reason).toMatch(/errors: candidate 6\.00 % of \d+, champion 0\.5\d % of \d+; e-value .* ≥ 20/)
  })

  it('without data holds, and in the end leaves the champion: no data is never a pass', () => {
    const policy = canary({ within: '1h' })
    let state = tick(startRollout(0), 3_500_000)
    expect(decide(policy, state)).toMatchObject({ action: 'hold', reason: '0 of 100 answers by the candidate' })
    state = tick(state, 3_600_000)
    expect(decide(policy, state).action).toBe('inconclusive')
    expect(decide(policy, state).verdicts.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'inconclusive'])
  })

  it('holds while the split is not the one asked for, however good the answers are', () => {
    const { action, reason } = feed(canary(), startRollout(0, usual), { nA: 950, kA: 5, nB: 150, kB: 0 }, 10)
    expect([action, reason]).toEqual(['hold', expect.stringContaining('sample ratio mismatch')])
  })

  it('stops at its harm budget even if undecided, and says that this is a cap', () => {
    const { action, reason } = feed(canary({ harmBudget: 3, alpha: 1e-9 }), startRollout(0, usual), {
      nA: 990,
      kA: 5,
      nB: 10,
      kB: 2,
    })
    expect([action, reason]).toEqual(['rollback', expect.stringContaining('a cap, not a test')])
  })

  it('does not let small blocks pass for more than they are: they wait for more of the same weight', () => {
    const policy = canary()
    let state = observe(policy, startRollout(0, usual), block({ nA: 20, nB: 1, kB: 1 }))
    expect(state.pending).not.toBeNull()
    state = observe(policy, state, block({ nA: 40, nB: 1, to: 10_000 }))
    expect(state.pending).toBeNull()
    expect(state.metrics.errors.candidate).toEqual({ n: 2, k: 1 })
  })

  it('closes what is left of a weight before evidence of another one counts', () => {
    const policy = canary()
    const state = [block({ nA: 20, nB: 1 }), block({ nA: 19, nB: 1, share: 0.05, to: 10_000 })].reduce(
      (before, each) => observe(policy, before, each),
      startRollout(0, usual),
    )
    expect(state.metrics.errors.candidate.n).toBe(1)
    expect(state.pending?.share).toBe(0.05)
  })

  it('counts each user once where the split is sticky: one bad user is no evidence', () => {
    const policy = canary({ sticky: 'x-user' })
    const one = { errors: { champion: 0, candidate: 1 }, latency: { champion: 0, candidate: 0 } }
    const none = { errors: { champion: 0, candidate: 0 }, latency: { champion: 0, candidate: 0 } }
    let state = observe(policy, startRollout(0, usual), block({ nA: 99, nB: 1, onsets: one }))
    for (let i = 2; i < 200; i++) state = observe(policy, state, block({ nA: 99, nB: 1, onsets: none, to: i * 5_000 }))
    expect(decide(policy, state).action).not.toBe('rollback')
    expect(decide(policy, state).verdicts[0]?.harm).toBeLessThan(20)
  })

  it('watches scores when asked, and rolls back when their distribution differs', () => {
    const policy = canary({ watch: [errors.notWorseBy(0.005), answersOver(50).notWorseBy(0.01), scores.unchanged()] })
    const flat = new Array<number>(20).fill(45)
    const tilted = Array.from({ length: 20 }, (_, i) => (i < 10 ? 1 : 9))
    expect(
      feed(
        policy,
        startRollout(0, usual),
        { nA: 900, kA: 4, nB: 100, share: 0.1, scores: { champion: flat, candidate: tilted } },
        20,
      ),
    ).toMatchObject({
      action: 'rollback',
      reason: expect.stringContaining('scores'),
    })
    const same = new Array<number>(20).fill(5)
    expect(
      feed(
        policy,
        startRollout(0, usual),
        { nA: 900, kA: 4, nB: 100, share: 0.1, scores: { champion: flat, candidate: same } },
        20,
      ).action,
    ).toBe('hold')
  })
})

describe('the other strategies', () => {
  const pairs = (n: number, candidate: number, champion = 0): Counts => ({
    nA: n,
    kA: champion,
    nB: n,
    kB: candidate,
    pairs: { n, only: { errors: { candidate, champion }, latency: { candidate: 0, champion: 0 } } },
  })

  it('shadow compares pairs, harms nobody, and lets go on to the canary', () => {
    const policy = policyOf({ endpoint: 'e', shadow: { minSamples: 400 }, canary: { steps: [10, 50] } })
    const good = feed(policy, startRollout(0, usual), { ...pairs(100, 0), mode: 'shadow', share: 1 })
    expect(good.action).toBe('advance')
    const bad = feed(policy, startRollout(0, usual), { ...pairs(100, 5), mode: 'shadow', share: 1 })
    expect([bad.action, bad.state.excess]).toEqual(['rollback', 0])
  })

  it('blue-green switches once all have loaded it, bakes against the old one in the shadow, and goes back on harm', () => {
    const policy = policyOf({
      endpoint: 'e',
      blueGreen: { bake: '60s', minSamples: 100, watch: [errors.notWorseBy(0.02)] },
    })
    expect(stagesOf(policy)).toEqual([
      { mode: 'split', share: 0 },
      { mode: 'bake', share: 1 },
    ])
    expect(decide(policy, startRollout(0, usual)).action).toBe('advance')
    const baking = enterNextStage(startRollout(0, usual))
    const good = feed(policy, baking, { ...pairs(200, 0), mode: 'bake', share: 1 })
    expect(good.action).toBe('promote')
    expect(good.state.now).toBeGreaterThanOrEqual(60_000)
    expect(feed(policy, baking, { ...pairs(200, 12), mode: 'bake', share: 1 }).action).toBe('rollback')
  })

  it('A/B runs for its time and no less', () => {
    const policy = policyOf({ endpoint: 'e', ab: { share: 50, for: '10m', watch: [errors.notWorseBy(0.02)] } })
    const { action, state } = feed(policy, startRollout(0, usual), { nA: 500, kA: 2, nB: 500, kB: 2, share: 0.5 })
    expect(action).toBe('promote')
    expect(state.now).toBeGreaterThanOrEqual(600_000)
  })

  it('A/B ends with the effect and an interval that holds the true difference', () => {
    const policy = policyOf({ endpoint: 'e', ab: { share: 50, for: '30m', watch: [errors.notWorseBy(0.02)] } })
    const { state, action } = feed(policy, startRollout(0, usual), { nA: 500, kA: 50, nB: 500, kB: 40, share: 0.5 })
    const [verdict] = decide(policy, state).verdicts
    expect(action).toBe('promote')
    expect(verdict?.verdict).toBe('better')
    expect(verdict?.interval?.high).toBeLessThanOrEqual(0)
    expect(verdict?.interval?.low).toBeLessThanOrEqual(-0.02)
    expect(verdict?.interval?.low).toBeGreaterThanOrEqual(-0.1)
  })

  it('A/B says no difference while nothing bounds it: in its shadow, and before there are answers', () => {
    const policy = policyOf({
      endpoint: 'e',
      shadow: { minSamples: 400 },
      ab: { share: 50, for: '30m', watch: [errors.notWorseBy(0.02)] },
    })
    expect(decide(policy, startRollout(0, usual)).verdicts[0]?.interval).toBeNull()
    const { state, action, reason } = feed(policy, startRollout(0, usual), {
      ...pairs(100, 0),
      mode: 'shadow',
      share: 1,
    })
    expect([action, decide(policy, state).verdicts[0]?.interval]).toEqual(['advance', null])
    expect(reason).not.toContain('difference')
    const split = feed(policy, enterNextStage(state), { nA: 500, kA: 50, nB: 500, kB: 50, share: 0.5 })
    expect(split.reason).toMatch(/difference -?[\d.]+ points to [\d.]+ points/)
  })

  it('guardrails are one stage, which SageMaker has carried out when it is decided about', () => {
    const guardrails = { alarms: ['errors'], canary: { percent: 25 }, wait: '10m' } as const
    const guarded = policyOf({ endpoint: 'e', guardrails })
    expect(stagesOf(guarded)).toEqual([{ mode: 'split', share: 1 }])
    expect(decide(guarded, startRollout(0))).toMatchObject({
      action: 'promote',
      reason: 'SageMaker has moved everything, and no alarm went off',
    })
    expect(describeStrategy(guarded)).toBe("SageMaker's canary of 25 %, 600 s a step, unless errors goes off")
  })

  it('all at once waits for nothing but the loading', () => {
    expect(decide(policyOf({ endpoint: 'e', allAtOnce: true }), startRollout(0)).action).toBe('promote')
  })
})

describe('a rollout that watches label errors', () => {
  const policy = canary({ watch: [errors.notWorseBy(0.005), labelErrors({ after: '1h' }).notWorseBy(0.02)] })
  const labelled = (counts: Counts): LabelBlock => {
    const { from, to, mode, share, arms, pairs } = block(counts)
    return {
      from,
      to,
      mode,
      share,
      arms: arms.errors,
      pairs: pairs === null ? null : { n: pairs.n, only: pairs.only.errors },
    }
  }
  const answered = feed(policy, startRollout(0, usual), { nA: 1_980, kA: 10, nB: 20, kB: 0 }, 100)

  it('waits for labels, however good the answers are otherwise: no label is never a pass', () => {
    expect(answered.action).toBe('hold')
    expect(answered.reason).toMatch(/^label errors: candidate none, champion none; e-value 1\.00 of 20/)
    expect(decide(policy, tick(answered.state, 25 * 3_600_000)).action).toBe('inconclusive')
  })

  it('goes on when labels show it to be no worse, and says by how many', () => {
    let { state } = answered
    let action = 'hold'
    for (let i = 0; i < 200 && action === 'hold'; i++) {
      state = observeLabels(policy, state, labelled({ nA: 990, kA: 198, nB: 50, kB: 10, to: state.now + i * 5_000 }))
      action = decide(policy, state).action
    }
    expect(action).toBe('advance')
    expect(decide(policy, state).reason).toMatch(
      /label errors (not worse|better): candidate 20\.00 % of \d+, champion 20\.00 % of \d+/,
    )
  })

  it('is rolled back when labels show it to be worse, however well it answers', () => {
    let { state } = answered
    for (let i = 0; i < 40; i++)
      state = observeLabels(policy, state, labelled({ nA: 990, kA: 198, nB: 50, kB: 20, to: state.now + i * 5_000 }))
    expect(decide(policy, state)).toMatchObject({
      action: 'rollback',
      reason: expect.stringMatching(/^label errors: candidate 40\.00 % of 2000, champion 20\.00 % of 39600/),
    })
  })

  it('decides on discordant pairs where both answered', () => {
    const shadowed = policyOf({ endpoint: 'e', shadow: true, canary: { steps: [50], watch: policy.watch } })
    const pairs = (champion: number, candidate: number): LabelBlock => ({
      ...labelled({ mode: 'shadow', share: 1, nA: 100, kA: 20, nB: 100, kB: 20 + candidate - champion }),
      pairs: { n: 100, only: { champion, candidate } },
    })
    const fed = (block: LabelBlock, times: number): RolloutState =>
      Array.from({ length: times }, () => block).reduce(
        (state, each) => observeLabels(shadowed, state, each),
        startRollout(0, usual),
      )
    const verdict = (state: RolloutState) => decide(shadowed, state).verdicts[1]
    expect(verdict(fed(pairs(1, 1), 60))?.verdict).toMatch(/not worse|better/)
    expect(verdict(fed(pairs(1, 6), 20))?.verdict).toBe('worse')
  })

  it('lets few labels wait for more of the same weight', () => {
    const first = observeLabels(policy, startRollout(0), labelled({ nA: 20, kA: 5, nB: 2, kB: 2 }))
    expect(first.labels?.mistakes.candidate.n).toBe(0)
    const other = observeLabels(policy, first, labelled({ nA: 20, kA: 5, nB: 2, kB: 2, share: 0.05 }))
    expect(other.labels?.mistakes.candidate).toEqual({ n: 2, k: 2 })
    expect(other.labels?.pending?.share).toBe(0.05)
  })

  it('comes out the same when its evidence is replayed', () => {
    const looks = Array.from({ length: 60 }, (_, seq) => ({
      seq,
      at: (seq + 1) * 60_000,
      blocks: [block({ nA: 1_980, kA: 10, nB: 20, kB: 0, to: (seq + 1) * 60_000 })],
      mistakes: seq < 30 ? [] : [labelled({ nA: 990, kA: 198, nB: 50, kB: 20, to: (seq - 29) * 60_000 })],
      before: null,
    }))
    const replayed = replayRollout(policy, JSON.parse(JSON.stringify(startRollout(0, usual))), looks, null)
    expect(replayed.map(({ recomputed }) => recomputed.action).indexOf('rollback')).toBeGreaterThan(30)
  })
})

describe('evidence', () => {
  it('comes out the same in whatever order windows are merged', () => {
    const windows = [1, 2, 3, 4].map((i) =>
      block({ nA: i * 10, kA: i, nB: i, kB: i % 2, to: i * 1_000, scores: { champion: [i, 0, 2], candidate: [0, i] } }),
    )
    const merge = (order: number[]) => order.map((i) => windows[i] as Block).reduce(mergeBlocks)
    expect(merge([3, 1, 0, 2])).toEqual(merge([0, 1, 2, 3]))
  })

  it('goes through JSON unchanged, as it must to survive a crash', () => {
    const policy = canary()
    const blocks = Array.from({ length: 30 }, (_, i) =>
      block({ nA: 990, kA: 5, nB: 10, kB: i % 7 === 0 ? 1 : 0, to: (i + 1) * 5_000 }),
    )
    const direct = blocks.reduce((state, each) => observe(policy, state, each), startRollout(0, usual))
    const stored = blocks.reduce(
      (state, each) => observe(policy, JSON.parse(JSON.stringify(state)), each),
      startRollout(0, usual),
    )
    expect(stored).toEqual(direct)
    expect(decide(policy, stored)).toEqual(decide(policy, direct))
  })
})

describe('simulated rollouts keep what the definition declares', () => {
  // One metric is the hardest case: with more of them each counts for less.
  const policy = policyOf({ endpoint: 'e', canary: { steps: [1, 5, 25, 50], watch: [errors.notWorseBy(0.005)] } })
  const simulate = (
    runs: number,
    requestsPerMinute: number,
    baseErrors: number,
    candidateErrors: number,
    windowSeconds = 5,
  ) =>
    summarise(
      Array.from({ length: runs }, (_, seed) =>
        simulateRollout(
          policy,
          {
            requestsPerMinute,
            baseErrors,
            candidateErrors,
            baseLabelErrors: 0,
            candidateLabelErrors: 0,
            windowSeconds,
          },
          seed,
        ),
      ),
    )

  it.each([
    [20, 60],
    [200, 15],
    [2_000, 5],
    [20_000, 5],
  ])('an identical candidate at %i requests a minute is rolled back in at most 5 of 100', (requests, window) => {
    const { rolledBack } = simulate(1_000, requests, 0.008, 0.008, window)
    expect(rolledBack).toBeLessThanOrEqual(0.05)
  })

  it('a doubled error rate at 20,000 a minute is caught in at least 99 of 100, and promoted in at most 5', () => {
    const { rolledBack, promoted } = simulate(1_000, 20_000, 0.008, 0.016)
    expect(rolledBack).toBeGreaterThanOrEqual(0.99)
    expect(promoted).toBeLessThanOrEqual(0.05)
  })

  it('a candidate that always fails is out within fifteen excess failures at 2,000 a minute', () => {
    const { rolledBack, harmed } = simulate(300, 2_000, 0.008, 1)
    expect(rolledBack).toBe(1)
    expect(harmed).toBeLessThanOrEqual(15)
  })

  const watched = policyOf({
    endpoint: 'e',
    canary: {
      steps: [5, 50],
      within: '14d',
      watch: [errors.notWorseBy(0.01), labelErrors({ after: '1d' }).notWorseBy(0.02)],
    },
  })
  const labelled = (candidateLabelErrors: number) =>
    summarise(
      Array.from({ length: 200 }, (_, seed) =>
        simulateRollout(
          watched,
          {
            requestsPerMinute: 100,
            baseErrors: 0.002,
            candidateErrors: 0.002,
            baseLabelErrors: 0.2,
            candidateLabelErrors,
            windowSeconds: 600,
          },
          seed,
        ),
      ),
    )

  it('with labels a day late an identical candidate is rarely rolled back, and a worse one does not stay', () => {
    const [same, worse] = [labelled(0.2), labelled(0.26)]
    expect(same.rolledBack).toBeLessThanOrEqual(0.05)
    expect(same.promoted).toBeGreaterThan(0.9)
    expect(same.promoteSeconds).toBeGreaterThan(86_400)
    expect(worse.promoted).toBeLessThanOrEqual(0.05)
    expect(worse.rolledBack).toBeGreaterThan(0.9)
  })

  it('the same seed gives the same rollout', () => {
    const traffic = {
      requestsPerMinute: 2_000,
      baseErrors: 0.01,
      candidateErrors: 0.03,
      baseLabelErrors: 0,
      candidateLabelErrors: 0,
      windowSeconds: 5,
    }
    expect(simulateRollout(policy, traffic, 5)).toEqual(simulateRollout(policy, traffic, 5))
  })
})
