import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auc, brier } from '../../lib/definition/index.ts'
import type { MetricCheck } from '../../lib/formats/check.ts'
import type { Numbers, UserFunction } from '../../lib/formats/columns.ts'
import { Evaluation } from '../../lib/formats/evaluation.ts'
import type { OwnMetric } from '../../lib/formats/gate-rules.ts'
import type { Scored } from '../../lib/formats/metrics/metric.ts'
import type { CodeRef } from '../../lib/formats/plan.ts'
import { judgeOwn, ownMeasure } from '../../lib/jobs/own-measures.ts'
import { type GateEvidence, judge } from '../../lib/stats/gates.ts'
import { driftOfAll } from '../../lib/stats/monitor-check.ts'
import { profileNumbers } from '../../lib/stats/profile.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const code: CodeRef = { name: 'mine', file: 'mine.ts', digest: `sha256:${'a'.repeat(64)}`, host: {} }
const own: OwnMetric = { better: 'smaller', code }

/** Predictions of 400 rows and their labels, with an amount a row. */
function rowsOf(seed: number, noise: number, count = 400): Scored {
  const [truth, random] = [seededRandom(7), seededRandom(seed)]
  const labels = Float64Array.from({ length: count }, () => truth() % 2)
  const predictions = Float32Array.from(labels, (label) => 0.4 + 0.2 * label + noise * (random() / 2 ** 32 - 0.5))
  return { labels, predictions, columns: { amount: Float64Array.from(labels, (_, i) => i % 7) } }
}

const evidenceWith = (run: UserFunction, over: Partial<GateEvidence> = {}): GateEvidence => ({
  candidate: rowsOf(1, 0.3),
  baseline: rowsOf(2, 0.6),
  slicesOf: () => [],
  sizeBytes: 0,
  latency: [],
  task: 'binary',
  seed: 3,
  measureOf: (name, metric) => ownMeasure(name, metric, run),
  ...over,
})
const atMost = (limit: number): MetricCheck => ({ rule: 'atMost', metric: 'mine', own, limit })
const notWorse = (by: number): MetricCheck => ({
  rule: 'notWorseThan',
  metric: 'mine',
  own,
  opponent: 'champion',
  by,
  confidence: 0.95,
})
const meanSquare = (predictions: Numbers, labels: Float64Array): number =>
  labels.reduce((sum, label, i) => sum + ((predictions[i] as number) - label) ** 2, 0) / labels.length

describe('a metric of the user', () => {
  it('is judged as the same metric of ours is, by its rules and by the bootstrap on the same draws', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 0.2, noNaN: true }), (seed, by) => {
        const over = { candidate: rowsOf(seed, 0.5, 60), baseline: rowsOf(seed + 1, 0.4, 60), seed }
        const [mine, ours] = [
          judge(notWorse(by), evidenceWith(meanSquare, over)),
          judge(brier.notWorseThan('champion', { by }).check, evidenceWith(meanSquare, over)),
        ]
        expect(mine.value).toBeCloseTo(ours.value as number, 9)
        const limit = judge(atMost(by), evidenceWith(meanSquare, over))
        expect(limit.value).toBeCloseTo(meanSquare(over.candidate.predictions, over.candidate.labels), 12)
        expect(limit.passed).toBe((limit.value as number) <= by)
      }),
      { numRuns: 8 },
    )
  })

  it('of which more is better is worse where it falls', () => {
    const larger = { ...notWorse(0.01), own: { ...own, better: 'larger' as const } }
    const negative: UserFunction = (predictions, labels) => -meanSquare(predictions, labels)
    const [better, worse] = [rowsOf(1, 0.1), rowsOf(2, 0.9)]
    expect(judge(larger, evidenceWith(negative, { candidate: better, baseline: worse })).passed).toBe(true)
    expect(judge(larger, evidenceWith(negative, { candidate: worse, baseline: better })).passed).toBe(false)
  })

  it('gets the columns of the very rows it judges: all, those of a slice, and those that were drawn', () => {
    const everySecond = Uint32Array.from({ length: 200 }, (_, i) => i * 2)
    const seen: number[] = []
    const amounts: UserFunction = (predictions, _labels, { amount }) => {
      expect(amount.length).toBe(predictions.length)
      seen.push(amount.length)
      return amount.reduce((sum: number, value: number) => sum + value, 0) / amount.length
    }
    const expected = everySecond.reduce((sum, row) => sum + (row % 7), 0) / 200
    const slicesOf = () => [{ value: 'even', rows: everySecond }]
    const sliced = judge({ ...atMost(9), slice: 'parity' }, evidenceWith(amounts, { slicesOf }))
    expect(sliced).toMatchObject({ passed: true, name: 'mine ≤ 9 for each parity' })
    expect(sliced.value).toBeCloseTo(expected, 12)
    // The same rows are drawn of both models, so an amount never differs between them.
    expect(judge(notWorse(0), evidenceWith(amounts))).toMatchObject({ passed: true, value: 0 })
    expect(new Set(seen)).toEqual(new Set([200, 400]))
  })

  it('changes nothing for others by what it does to its arguments', () => {
    const evidence = evidenceWith((predictions: Numbers) => predictions.fill(0).length)
    const before = judge(auc.atLeast(0.5).check, evidence)
    judge(atMost(1), evidence)
    judge(notWorse(0), evidence)
    expect(judge(auc.atLeast(0.5).check, evidence)).toEqual(before)
  })

  it.each<[string, UserFunction, string]>([
    ['throws', () => JSON.parse('{'), 'metric "mine" throws on 400 rows: SyntaxError'],
    ['gives NaN', () => Number.NaN, 'metric "mine" returns NaN on 400 rows'],
    ['gives infinity', () => 1 / 0, 'metric "mine" returns Infinity on 400 rows'],
    ['gives a text', () => '0.3', 'metric "mine" returns a text on 400 rows'],
    ['gives nothing', () => undefined, 'metric "mine" returns undefined on 400 rows'],
    ['gives a promise', () => Promise.resolve(1), 'metric "mine" returns a Promise on 400 rows'],
  ])('that %s is refused by name', (_, run, words) => {
    for (const check of [atMost(1), notWorse(1)]) {
      let thrown: unknown
      try {
        judge(check, evidenceWith(run))
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ code: 'MEASURE_FAILED', exitCode: 11, retryable: false })
      expect((thrown as Error).message).toContain(words)
    }
  })

  it('may be undefined on a draw, which then does not count', () => {
    // Where the first row is not among those drawn there is nothing to divide by.
    const first = rowsOf(1, 0.3).predictions[0]
    const ofFirst: UserFunction = (predictions: Numbers) => (predictions.includes(first as never) ? 1 : Number.NaN)
    const same = rowsOf(1, 0.3)
    expect(judge(notWorse(0), evidenceWith(ofFirst, { candidate: same, baseline: same })).passed).toBe(true)
  })
})

describe('a gate of the user', () => {
  const evaluation = Evaluation.parse({
    rows: 400,
    task: 'binary',
    metrics: { auc: 0.7, brier: 0.2 },
    reliability: [],
    slices: { origin: [{ value: 'ORD', rows: 200, metrics: { auc: 0.6 } }] },
  })
  const ask = (run: UserFunction) => judgeOwn({ rule: 'own', name: 'even', code }, evaluation, () => run)

  it('decides by the evaluation, and says why', () => {
    const even: UserFunction = ({ metrics, slices }: Evaluation) => {
      const gap = (metrics.auc as number) - (slices.origin?.[0]?.metrics.auc as number)
      return { passed: gap < 0.05, evidence: `gap ${gap.toFixed(2)}` }
    }
    expect(ask(even)).toEqual({
      name: 'even',
      metric: 'even',
      passed: false,
      value: null,
      limit: null,
      evidence: 'gap 0.10',
    })
  })

  it('cannot change the evaluation that others see', () => {
    ask((given) => {
      given.metrics.auc = 1
      return { passed: true, evidence: '' }
    })
    expect(evaluation.metrics.auc).toBe(0.7)
  })

  it.each<[string, UserFunction, string]>([
    ['throws', () => JSON.parse('{'), 'gate "even" throws: SyntaxError'],
    ['answers with a truth value alone', () => true, 'gate "even" returns true'],
    ['gives no evidence', () => ({ passed: true }), 'gate "even" returns an object with passed'],
    ['passes by something that is not a truth value', () => ({ passed: 1, evidence: '' }), 'an object with passed'],
    ['is asynchronous', async () => ({ passed: true, evidence: '' }), 'gate "even" returns a Promise'],
  ])('that %s is refused by name', (_, run, words) => {
    expect(() => ask(run)).toThrow(expect.objectContaining({ code: 'MEASURE_FAILED' }))
    expect(() => ask(run)).toThrow(words)
  })
})

describe('a drift measure of the user', () => {
  const draw = (seed: number, shift: number, count: number): Float64Array => {
    const random = seededRandom(seed)
    return Float64Array.from({ length: count }, () => random() / 2 ** 32 + shift)
  }
  const baseline = {
    x: profileNumbers(draw(1, 0, 4_000)),
    town: {
      kind: 'categorical',
      rows: 100,
      missing: 0,
      distinct: 2,
      top: [
        ['Ulm', 60],
        ['Bonn', 40],
      ],
      other: 0,
    },
  } as const
  const driftBy = (distance: UserFunction, shift: number) => {
    const counter = profileCounter(baseline as never)
    counter.add({ x: draw(2, shift, 1_000), town: Array.from({ length: 1_000 }, (_, i) => (i % 2 ? 'Ulm' : 'Kiel')) })
    return driftOfAll(counter.take(), baseline as never, { x: 1 }, { mine: distance as never })
  }
  /** Total variation. */
  const variation: UserFunction = (before: ArrayLike<number>, now: ArrayLike<number>) =>
    Array.from(before, (p, i) => Math.abs(p - (now[i] as number))).reduce((sum, each) => sum + each, 0) / 2

  it('is measured of numbers and of text beside ours, with an interval around it', () => {
    const [x, town] = driftBy(variation, 0.2)
    const estimate = x?.measures.mine
    // Uniform on [0, 1] against [0.2, 1.2]: a fifth of the rows lies where none was.
    expect(estimate?.value).toBeCloseTo(0.2, 1)
    expect(estimate?.low).toBeLessThan(estimate?.value as number)
    expect(estimate?.high).toBeGreaterThan(estimate?.value as number)
    expect(x?.measures.psi).toEqual(driftBy(() => 0, 0.2)[0]?.measures.psi)
    // Ulm 0.6 → 0.5, Bonn 0.4 → 0, new ones 0 → 0.5.
    expect(town?.measures.mine?.value).toBeCloseTo(0.5, 9)
  })

  it('gets shares that sum to one, as many before as now, in every draw', () => {
    driftBy((before: Float64Array, now: Float64Array) => {
      expect(before.length).toBe(now.length)
      for (const shares of [before, now]) expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
      return 0
    }, 0.1)
  })
})
