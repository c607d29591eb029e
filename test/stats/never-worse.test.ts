import { describe, expect, it } from 'vitest'
import { psi } from '../../lib/definition/index.ts'
import { monitorPolicyOf } from '../../lib/definition/monitor.ts'
import { isEnough, notWorse, notWorseFromCounts, spentAlpha } from '../../lib/stats/never-worse.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { earliestRetraining } from '../../lib/stats/retraining.ts'

describe('the test that a candidate is not worse', () => {
  it('spends no more than α over all retrainings', () => {
    let sum = 0
    for (let k = 1; k <= 100_000; k++) sum += spentAlpha(0.05, k)
    expect(sum).toBeLessThan(0.05)
    expect(sum).toBeGreaterThan(0.0499)
  })
  it('is an e-value: over all samples of a candidate worse by the margin its expectation is at most 1', () => {
    // Losses of 0 and 1 on n rows: every outcome (candidate only, baseline only, equal) with its probability.
    const margin = 0.1
    for (const [p, q] of [
      [0.1, 0],
      [0.3, 0.2],
      [0.55, 0.45],
      [0.6, 0.1],
    ] as const) {
      const n = 12
      let expectation = 0
      const logFactorial = (k: number): number => (k <= 1 ? 0 : Math.log(k) + logFactorial(k - 1))
      for (let b = 0; b <= n; b++) {
        for (let c = 0; c + b <= n; c++) {
          const rest = n - b - c
          if ((q === 0 && c > 0) || (1 - p - q <= 1e-12 && rest > 0)) continue
          const logP =
            logFactorial(n) -
            logFactorial(b) -
            logFactorial(c) -
            logFactorial(rest) +
            b * Math.log(p) +
            (c === 0 ? 0 : c * Math.log(q)) +
            (rest === 0 ? 0 : rest * Math.log(1 - p - q))
          const { logEvidence } = notWorseFromCounts({ candidateOnly: b, baselineOnly: c, rows: n }, margin)
          expectation += Math.exp(logP + logEvidence)
        }
      }
      expect(expectation).toBeLessThanOrEqual(1 + 1e-9)
    }
  })
  it('gives the same from rows as from counts', () => {
    const candidate = [1, 1, 0, 0, 1, 0, 0, 0]
    const baseline = [0, 0, 1, 0, 1, 0, 0, 0]
    const byRows = notWorse({ candidate, baseline }, 0.05)
    const byCounts = notWorseFromCounts({ candidateOnly: 2, baselineOnly: 1, rows: 8 }, 0.05)
    expect(byRows.logEvidence).toBeCloseTo(byCounts.logEvidence, 12)
    expect(byRows.meanDifference).toBeCloseTo(1 / 8, 12)
  })
  it('never passes without rows', () => {
    expect(isEnough(notWorse({ candidate: [], baseline: [] }, 0.05), 0.05)).toBe(false)
  })
})

/**
 * A year of weekly retrainings. The world has a best possible loss; candidates are about as good as the champion, and a
 * share of them is sabotaged. A candidate is judged by champion and anchor on paired rows; only one that passes both
 * takes over.
 * @returns whether a model worse than the anchor by more than the margin ever served, and how many candidates took over
 */
function year(
  random: () => number,
  margin: number,
  alpha: number,
  sabotage: number,
): { everWorse: boolean; promoted: number } {
  const uniform = (): number => random() / 2 ** 32
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform())
  const rows = 3_000
  const disagreement = 0.1
  /** Rows on which one model alone is wrong, where it is worse by `difference` in mean loss. */
  const compare = (difference: number) => {
    const candidateShare = (disagreement + difference) / 2
    const baselineShare = Math.max(0, (disagreement - difference) / 2)
    const draw = (share: number): number =>
      Math.max(0, Math.round(rows * share + Math.sqrt(rows * share * (1 - share)) * normal()))
    return notWorseFromCounts({ candidateOnly: draw(candidateShare), baselineOnly: draw(baselineShare), rows }, margin)
  }
  let champion = 0
  let everWorse = false
  let promoted = 0
  for (let k = 1; k <= 52; k++) {
    // The worst sabotage is the subtle one: just beyond what the margin allows.
    const isSabotaged = uniform() < sabotage
    const candidate = isSabotaged
      ? uniform() < 0.5
        ? margin * 1.01
        : margin * (1 + 5 * uniform())
      : champion - 0.002 + 0.006 * normal()
    const spent = spentAlpha(alpha, k)
    const passes = isEnough(compare(candidate - champion), spent) && isEnough(compare(candidate), spent)
    if (!passes) continue
    promoted++
    champion = candidate
    if (champion > margin) everWorse = true
  }
  return { everWorse, promoted }
}

describe('a thousand pretended years of retrainings', () => {
  it.each([
    ['a trainer that is sabotaged every third time', 0.33],
    ['a trainer that is always sabotaged', 1],
    ['an honest trainer', 0],
  ])('%s: the chance of ever serving a model worse than the anchor by the margin stays below α', (_, sabotage) => {
    const random = seededRandom(2001)
    const alpha = 0.05
    let worse = 0
    let promoted = 0
    for (let i = 0; i < 1_000; i++) {
      const outcome = year(random, 0.02, alpha, sabotage)
      if (outcome.everWorse) worse++
      promoted += outcome.promoted
    }
    expect(worse / 1_000).toBeLessThanOrEqual(alpha)
    // Not by never promoting anything.
    if (sabotage < 1) expect(promoted / 1_000).toBeGreaterThan(1)
  })
})

describe('the next retraining may begin', () => {
  const hour = 3_600_000
  const day = 24 * hour
  const noon = Date.UTC(2026, 10, 24, 12)
  const policy = (retrain: NonNullable<Parameters<typeof monitorPolicyOf>[0]['retrain']>) => {
    const { retrain: made } = monitorPolicyOf({ every: '1h', drift: psi.over(0.2), retrain })
    if (made === null) throw new Error('no policy')
    return made
  }
  const past = (...startedAgo: number[]) =>
    startedAgo.map((ago) => ({ startedAt: noon - ago, finishedAt: noon - ago + hour / 2 }))
  it('at once, if there was none before', () => {
    expect(earliestRetraining(policy({}), [], noon)).toEqual({ at: noon, why: '' })
  })
  it('after the cooldown, which counts from the end of the last one', () => {
    const { at, why } = earliestRetraining(policy({ cooldown: '6h', maxPerDay: 9 }), past(hour), noon)
    expect(at).toBe(noon - hour / 2 + 6 * hour)
    expect(why).toContain('cooldown')
  })
  it('when the budget of the day has room again', () => {
    const { at, why } = earliestRetraining(policy({ cooldown: '0s', maxPerDay: 2 }), past(20 * hour, 10 * hour), noon)
    expect(at).toBe(noon - 20 * hour + day)
    expect(why).toContain('budget')
  })
  it('after the quiet hours, over midnight too', () => {
    const quiet = policy({ cooldown: '0s', quietHours: { from: 11, to: 13 } })
    expect(earliestRetraining(quiet, [], noon).at).toBe(noon + hour)
    const night = policy({ cooldown: '0s', quietHours: { from: 22, to: 6 } })
    expect(earliestRetraining(night, [], noon).at).toBe(noon)
    expect(earliestRetraining(night, [], noon + 11 * hour).at).toBe(noon + 18 * hour)
    expect(earliestRetraining(night, [], noon + 15 * hour).at).toBe(noon + 18 * hour)
  })
  it('not before both: a cooldown that ends at night waits for the morning', () => {
    const both = policy({ cooldown: '12h', maxPerDay: 9, quietHours: { from: 22, to: 6 } })
    expect(earliestRetraining(both, past(hour), noon).at).toBe(noon + 18 * hour)
  })
})
