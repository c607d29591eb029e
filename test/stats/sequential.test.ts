import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { Arms } from '../../lib/formats/evidence.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import {
  effects,
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
  splitMismatch,
  thinnedHarmFactors,
} from '../../lib/stats/sequential.ts'

// Made by test/reference/sequential.py with ville, confseq and scipy.
const reference = JSON.parse(readFileSync(join(packageRoot, 'test/reference/sequential.json'), 'utf8'))
type Numbers = number[]

const armsOf = ([nA, kA, nB, kB]: Numbers) => ({ nA, kA, nB, kB }) as Arms
const mix = (logs: Numbers, weights: readonly number[]): number =>
  logSumExp(logs.map((log, i) => log + (weights[i] as number)))
const add = (a: Numbers, b: Numbers): Numbers => a.map((x, i) => x + (b[i] as number))
const rateOf = (k: number, n: number): number => (k + 0.5) / (n + 1)

/** ln E after each block, rates from what came before. */
function accumulate(
  { k0, n0, blocks }: { k0: number; n0: number; blocks: Numbers[] },
  factors: (arms: Arms, rate: number) => Numbers,
  weights: readonly number[],
): Numbers {
  let [k, n] = [k0, n0]
  let logs: Numbers = weights.map(() => 0)
  return blocks.map((block) => {
    const arms = armsOf(block)
    logs = add(logs, factors(arms, rateOf(k, n)))
    k += arms.kA
    n += arms.nA
    return mix(logs, weights)
  })
}

function expectClose(actual: Numbers, expected: Numbers): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(
      1e-9 * Math.max(1, Math.abs(expected[i] as number)),
    )
  })
}

describe('e-processes equal independent implementations', () => {
  it.each(reference.harm as { name: string; k0: number; n0: number; blocks: Numbers[]; logE: Numbers }[])(
    'harm: $name',
    (given) => expectClose(accumulate(given, harmFactors, logEffectWeights), given.logE),
  )

  it.each(reference.harm as { name: string; blocks: Numbers[]; logEThinning: Numbers }[])(
    'thinned harm: $name',
    (given) => {
      let logs: Numbers = effects.map(() => 0)
      const values = given.blocks.map((block) => {
        const { nA, kA, nB, kB } = armsOf(block)
        if (nA > 0 && nB > 0) logs = add(logs, thinnedHarmFactors(kA, kB, nB / (nA + nB)))
        return mix(logs, logEffectWeights)
      })
      expectClose(values, given.logEThinning)
    },
  )

  it.each(
    (
      reference.notWorse as {
        name: string
        k0: number
        n0: number
        r: number
        delta: number
        blocks: Numbers[]
        logE: Numbers
      }[]
    ).filter(({ r }) => r === 1),
  )('not worse by $delta: $name', (given) =>
    expectClose(
      accumulate(given, (arms, rate) => notWorseFactors(arms, rate, given.delta), logAlternativeWeights),
      given.logE,
    ),
  )

  it.each(reference.pairedHarm as { discordant: string; logE: Numbers }[])('paired harm: $discordant', (given) => {
    let logs: Numbers = effects.map(() => 0)
    const values = [...given.discordant].map((pair) => {
      logs = add(logs, pairedHarmFactors(pair === '1' ? 1 : 0, pair === '1' ? 0 : 1))
      return mix(logs, logEffectWeights)
    })
    expectClose(values, given.logE)
  })

  it.each(reference.betting as { name: string; d: Numbers; delta: number; logE: Numbers }[])(
    'paired not worse by $delta: $name',
    (given) => {
      let logs: Numbers = logStakeWeights.map(() => 0)
      const values = given.d.map((d) => {
        logs = add(logs, pairedNotWorseFactors([[d, 1]], given.delta))
        return mix(logs, logStakeWeights)
      })
      expectClose(values, given.logE)
    },
  )

  it.each(reference.scores as { name: string; before: Numbers; blocks: [Numbers, Numbers][]; logE: Numbers }[])(
    'scores: $name',
    (given) => {
      let champion = [...given.before]
      let candidate = given.before.map(() => 0)
      let logs: Numbers = logScoreWeights.map(() => 0)
      const values = given.blocks.map(([a, b]) => {
        logs = add(logs, scoreFactors({ champion: a, candidate: b }, { champion, candidate }))
        champion = add(champion, a)
        candidate = add(candidate, b)
        return mix(logs, logScoreWeights)
      })
      expectClose(values, given.logE)
    },
  )

  it.each(reference.srm as { k: number; n: number; w: number; a: number; b: number; logE: number }[])(
    'split: $k of $n at $w',
    ({ k, n, w, a, b, logE }) => expectClose([splitMismatch(k, n, w, a, b)], [logE]),
  )
})

describe('no e-process expects to grow under its null', () => {
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k)
  const probability = (k: number, n: number, p: number): number => choose(n, k) * p ** k * (1 - p) ** (n - k)
  /** E[e-value] of one block of 3 and 2 answers, by going through all of its outcomes. */
  const expectation = (pA: number, pB: number, logE: (arms: Arms) => number): number => {
    let sum = 0
    for (let kA = 0; kA <= 3; kA++)
      for (let kB = 0; kB <= 2; kB++)
        sum += probability(kA, 3, pA) * probability(kB, 2, pB) * Math.exp(logE({ nA: 3, kA, nB: 2, kB }))
    return sum
  }
  const harm = (k0: number, n0: number) => (arms: Arms) => mix(harmFactors(arms, rateOf(k0, n0)), logEffectWeights)
  const notWorse = (k0: number, n0: number, delta: number) => (arms: Arms) =>
    mix(notWorseFactors(arms, rateOf(k0, n0), delta), logAlternativeWeights)

  it('harm, by exact enumeration', () => {
    for (const { k0, n0, pA, pB, E } of reference.exactness.harm) {
      expect(expectation(pA, pB, harm(k0, n0))).toBeCloseTo(E, 10)
      expect(E).toBeLessThanOrEqual(1 + 1e-12)
    }
  })

  it('not worse, by exact enumeration', () => {
    for (const { k0, n0, delta, pA, pB, E } of reference.exactness.notWorse) {
      expect(expectation(pA, pB, notWorse(k0, n0, delta))).toBeCloseTo(E, 10)
      expect(E).toBeLessThanOrEqual(1 + 1e-12)
    }
  })

  it('and the check can fail: outside the null the expectation is above 1', () => {
    expect(expectation(0.1, 0.6, harm(2, 20))).toBeGreaterThan(1)
    expect(expectation(0.5, 0.05, notWorse(10, 20, 0.3))).toBeGreaterThan(1)
  })

  it('for the score test, on the distributions of the reference', () => {
    for (const { E } of reference.exactness.scores) expect(E).toBeLessThanOrEqual(1 + 1e-12)
  })
})

it('detecting a doubled error rate takes at most one and a half times the requests of a test that knows both rates', () => {
  const random = seededRandom(11)
  const uniform = (): number => random() / 2 ** 32
  const count = (n: number, p: number): number => {
    let k = 0
    for (let i = 0; i < n; i++) if (uniform() < p) k++
    return k
  }
  const [rate, share, size] = [0.008, 0.1, 300]
  const need = Math.log(20)
  const ratios: number[][] = [[], []]
  for (let run = 0; run < 300; run++) {
    const reached: (number | undefined)[] = [undefined, undefined]
    let logs: Numbers = effects.map(() => 0)
    let oracle = 0
    // Twenty minutes of the champion alone before, at the same traffic.
    let n = 20_000
    let k = count(n, rate)
    for (let requests = size; reached.includes(undefined); requests += size) {
      const arms = {
        nA: size * (1 - share),
        kA: count(size * (1 - share), rate),
        nB: size * share,
        kB: count(size * share, 2 * rate),
      }
      logs = add(logs, harmFactors(arms, rateOf(k, n)))
      const mean = (1 - share) * rate + share * 2 * rate
      oracle +=
        arms.kA * Math.log(rate / mean) +
        (arms.nA - arms.kA) * Math.log((1 - rate) / (1 - mean)) +
        arms.kB * Math.log((2 * rate) / mean) +
        (arms.nB - arms.kB) * Math.log((1 - 2 * rate) / (1 - mean))
      k += arms.kA
      n += arms.nA
      if (mix(logs, logEffectWeights) >= need) reached[0] ??= requests
      if (oracle >= need) reached[1] ??= requests
    }
    reached.forEach((requests, i) => void ratios[i]?.push(requests as number))
  }
  const [ours, oracles] = ratios.map((values) => values.sort((a, b) => a - b)[150] as number) as [number, number]
  expect(ours / oracles).toBeLessThanOrEqual(1.5)
})
