import type { Arms } from '../formats/evidence.ts'
/*
 * Sequential tests for rollouts: e-processes over blocks. An e-process starts at 1 and stays below 1/α for ever with
 * probability 1 − α while its null hypothesis holds (Ville 1939; Ramdas et al., Statistical Science 38, 2023), however
 * often it is looked at. All are kept as logarithms. A is the champion, B the candidate.
 *
 * A block is a set of requests drawn at one weight: n answers and k events an arm. With the share s of B that the block
 * really has, factors lA, lB ≥ 0 with (1−s) E[lA] + s E[lB] ≤ 1 under the null make the product over a block's outcomes
 * an e-value (Turner, Ly & Grünwald, JSPI 230, 2024, theorem 1), and products over blocks a supermartingale although
 * the rates drift.
 */

/** How many times more often the candidate may fail, and how likely each is held to be. */
export const effects: readonly number[] = [1.25, 1.5, 2, 3, 5, 10]
const effectWeights: readonly number[] = [0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
export const logEffectWeights: readonly number[] = effectWeights.map(Math.log)

/** ln Σ exp(x), without overflow. */
export function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values)
  if (largest === Number.NEGATIVE_INFINITY) return largest
  let sum = 0
  for (const value of values) sum += Math.exp(value - largest)
  return largest + Math.log(sum)
}

/** k ln(p/q), taking 0 ln 0 as 0. */
const logRatio = (k: number, p: number, q: number): number => (k === 0 ? 0 : k * Math.log(p / q))
/** k ln((1−p)/(1−q)), precise for small p and q. */
const logComplementRatio = (k: number, p: number, q: number): number =>
  k === 0 ? 0 : k * (Math.log1p(-p) - Math.log1p(-q))

/**
 * ln of a block's e-values against H0: pB ≤ pA, one for each of `effects`.
 * @param rateA the champion's rate from before this block: (k + ½) / (n + 1)
 */
export function harmFactors({ nA, kA, nB, kB }: Arms, rateA: number): number[] {
  if (nA === 0 || nB === 0) return effects.map(() => 0)
  const share = nB / (nA + nB)
  return effects.map((effect) => {
    const rateB = (effect * rateA) / (1 - rateA + effect * rateA)
    const mean = (1 - share) * rateA + share * rateB
    return (
      logRatio(kA, rateA, mean) +
      logComplementRatio(nA - kA, rateA, mean) +
      logRatio(kB, rateB, mean) +
      logComplementRatio(nB - kB, rateB, mean)
    )
  })
}

/**
 * The same for rare events whose exposure is known by design only: each of K events falls on B with probability `share`
 * under the null (thinning; Lindon & Malek, NeurIPS 2022). For users, who count once: see `rollout.ts`.
 */
export function thinnedHarmFactors(kA: number, kB: number, share: number): number[] {
  return effects.map((effect) => kB * Math.log(effect) - (kA + kB) * Math.log1p(share * (effect - 1)))
}

/**
 * The same for pairs, both models asked the same: only pairs count in which just one failed (a sign test by betting).
 */
export function pairedHarmFactors(candidateOnly: number, championOnly: number): number[] {
  return effects.map((effect) => {
    const q = effect / (1 + effect)
    return candidateOnly * Math.log(2 * q) + championOnly * Math.log(2 * (1 - q))
  })
}

/** Weights (as logarithms) of the three alternatives that `notWorseFactors` bets on. */
export const logAlternativeWeights: readonly number[] = [0.6, 0.2, 0.2].map(Math.log)

/**
 * ln of a block's e-values against H0: pB ≥ pA + δ, one an alternative: pB = pA, 0.8 pA, and 0.3 of the way to the
 * null. The nearest null point (Turner & Grünwald, arXiv 2203.09785) is the root of an increasing function.
 * @param rateA the champion's rate from before this block
 * @param delta in (−1, 1)
 */
export function notWorseFactors({ nA, kA, nB, kB }: Arms, rateA: number, delta: number): number[] {
  if (nA === 0 || nB === 0) return logAlternativeWeights.map(() => 0)
  const share = nB / (nA + nB)
  return [rateA, 0.8 * rateA, rateA + 0.3 * delta].map((rateB) => {
    // An alternative that lies in the null itself would not be an e-value: it sits this block out, which only the past
    // decides.
    if (!(rateB > 0 && rateB < Math.min(1, rateA + delta))) return 0
    const a = nearestNull(rateA, rateB, share, delta)
    const b = a + delta
    return (
      logRatio(kA, rateA, a) +
      logComplementRatio(nA - kA, rateA, a) +
      logRatio(kB, rateB, b) +
      logComplementRatio(nB - kB, rateB, b)
    )
  })
}

/**
 * The root a of (1−s)(a−tA)/(a(1−a)) + s(b−tB)/(b(1−b)) with b = a + δ: Newton's steps, kept inside a shrinking
 * bracket.
 */
function nearestNull(rateA: number, rateB: number, share: number, delta: number): number {
  let low = Math.max(0, -delta)
  let high = Math.min(1, 1 - delta)
  let a = Math.min(
    high - (high - low) * 1e-9,
    Math.max(low + (high - low) * 1e-9, rateA - share * (rateA + delta - rateB)),
  )
  for (let i = 0; i < 100; i++) {
    const b = a + delta
    const [varA, varB] = [a * (1 - a), b * (1 - b)]
    const value = ((1 - share) * (a - rateA)) / varA + (share * (b - rateB)) / varB
    if (value > 0) high = a
    else low = a
    const slope =
      ((1 - share) * (varA - (a - rateA) * (1 - 2 * a))) / varA ** 2 +
      (share * (varB - (b - rateB) * (1 - 2 * b))) / varB ** 2
    const step = a - value / slope
    const next = step > low && step < high ? step : (low + high) / 2
    if (Math.abs(next - a) <= 1e-13 * Math.abs(a) || next === low || next === high) return next
    a = next
  }
  return a
}

/** Stakes of the paired test, before division by 1 − δ. */
const stakes: readonly number[] = [0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.8]
export const logStakeWeights: readonly number[] = stakes.map(() => -Math.log(stakes.length))

/**
 * ln of the e-values of pairs against H0: the candidate loses δ or more than the champion, by betting on d = lossB −
 * lossA in [−1, 1] (Waudby-Smith & Ramdas, JRSS B 86, 2024, section 4). `losses` are the d of the pairs with how often
 * each occurred.
 */
export function pairedNotWorseFactors(
  losses: readonly (readonly [d: number, count: number])[],
  delta: number,
): number[] {
  return stakes.map((stake) => {
    const lambda = stake / (1 - delta)
    return losses.reduce((sum, [d, count]) => sum + (count === 0 ? 0 : count * Math.log1p(lambda * (delta - d))), 0)
  })
}

/** Pseudo-counts of the shrinking alternatives of the score test, and slopes of the tilted ones. */
const shrinkage: readonly number[] = [30, 300, 3000]
const slopes: readonly number[] = [-1, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1]
const legendre: readonly ((u: number) => number)[] = [
  (u) => Math.sqrt(3) * u,
  (u) => Math.sqrt(5) * (1.5 * u * u - 0.5),
  (u) => Math.sqrt(7) * (2.5 * u ** 3 - 1.5 * u),
]
/** How many processes `scoreFactors` runs, and their weights: half on shrinking, half on tilting alternatives. */
export const logScoreWeights: readonly number[] = [
  ...shrinkage.map(() => Math.log(0.5 / shrinkage.length)),
  ...legendre.flatMap(() => slopes.map(() => Math.log(0.5 / (legendre.length * slopes.length)))),
]

/**
 * ln of a block's e-values against H0: both models' scores have the same distribution over the bins.
 * @param block counts of the block, [bins] each
 * @param before counts from before the block, [bins] each
 */
export function scoreFactors(
  block: { readonly champion: readonly number[]; readonly candidate: readonly number[] },
  before: { readonly champion: readonly number[]; readonly candidate: readonly number[] },
): number[] {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  const [hA, hB] = [sum(block.champion), sum(block.candidate)]
  if (hA === 0 || hB === 0) return logScoreWeights.map(() => 0)
  const share = hB / (hA + hB)
  const bins = block.champion.length
  const [nA, nB] = [sum(before.champion), sum(before.candidate)]
  const qA = before.champion.map((count) => (count + 1) / (nA + bins))
  let below = 0
  const u = qA.map((q) => {
    below += q
    return 2 * (below - q / 2) - 1
  })
  const alternatives = [
    ...shrinkage.map((tau) => before.candidate.map((count, k) => (count + tau * (qA[k] as number)) / (nB + tau))),
    ...legendre.flatMap((phi) =>
      slopes.map((slope) => {
        const tilted = qA.map((q, k) => q * Math.exp(slope * phi(u[k] as number)))
        const total = sum(tilted)
        return tilted.map((q) => q / total)
      }),
    ),
  ]
  return alternatives.map((qB) => {
    let log = 0
    for (let k = 0; k < bins; k++) {
      const [a, b] = [qA[k] as number, qB[k] as number]
      const mixed = (1 - share) * a + share * b
      log += logRatio(block.champion[k] as number, a, mixed) + logRatio(block.candidate[k] as number, b, mixed)
    }
    return log
  })
}

/**
 * ln of the e-value against H0: each of n units falls on B with probability w. Beta mixture, centred on w: a
 * sample-ratio check that may be looked at as often as wanted (Lindon & Malek, NeurIPS 2022; Fabijan et al., KDD 2019
 * on why).
 */
export function splitMismatch(
  k: number,
  n: number,
  w: number,
  a = Math.max(1, 100 * w),
  b = Math.max(1, 100 * (1 - w)),
): number {
  if (n === 0 || w <= 0 || w >= 1) return 0
  return logBeta(a + k, b + n - k) - logBeta(a, b) - k * Math.log(w) - (n - k) * Math.log1p(-w)
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** ln Γ(x) for x > 0 (Lanczos, g = 7, n = 9; Numerical Recipes, 3rd ed., 6.1): 1e-14 relative. */
function logGamma(x: number): number {
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  let sum = c[0] as number
  for (let i = 1; i < 9; i++) sum += (c[i] as number) / (z + i)
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}
