import { describe, expect, it } from 'vitest'
import { latencyBounds } from '../../../lib/formats/telemetry.ts'
import { type InForce, type VariantCounts, windowsOf } from '../../../lib/targets/sagemaker/served-periods.ts'

/* All values are computed by hand: in minutes from 0, with the counts that are given. */
const minute = 60_000
const digest = (number: number) => `sha256:${String(number).repeat(64)}`
const served = (number: number) => ({ digest: digest(number), version: number, variant: `v${number}` })
const rollout = (share: number) => ({ id: 'r', mode: 'split' as const, share, sticky: null })
const opened: InForce = {
  revision: 1,
  begunAt: 0,
  appliedAt: 30_000,
  champion: served(1),
  candidate: null,
  rollout: null,
}
/** Begins at 3:30, is applied at 4:10. */
const five: InForce = {
  ...opened,
  revision: 2,
  begunAt: 3.5 * minute,
  appliedAt: 4 * minute + 10_000,
  candidate: served(2),
  rollout: rollout(0.05),
}
const counts = (invocations: number, over: Partial<VariantCounts> = {}): VariantCounts => ({
  invocations,
  refused: 0,
  failed: 0,
  timed: invocations,
  within: new Map([...latencyBounds.map((bound): [number, number] => [bound * 1000, 100]), [250, 100]]),
  ...over,
})
const order = {
  endpoint: 'loans',
  source: 'sagemaker-loans',
  seq: 4,
  from: 0,
  periodMs: minute,
  slowMs: (revision: number) => (revision === 2 ? 250 : null),
}
const periods = (...each: [number, Record<string, VariantCounts>][]) =>
  new Map(each.map(([at, variants]) => [at * minute, new Map(Object.entries(variants))]))

describe('windows of what CloudWatch counted', () => {
  it('are of the periods in which something was asked, numbered without gaps', () => {
    const windows = windowsOf(order, [opened], periods([3, { v1: counts(7) }], [1, { v1: counts(5) }], [2, {}]))
    expect(windows.map(({ seq, from, to, champion }) => [seq, from, to, champion.requests])).toEqual([
      [4, 0, 2 * minute, 5],
      [5, 2 * minute, 4 * minute, 7],
    ])
    expect(windows.every(({ gateway, endpoint }) => gateway === 'sagemaker-loans' && endpoint === 'loans')).toBe(true)
  })

  it('count for a rollout only where its revision was in force all the time', () => {
    const both = { v1: counts(95), v2: counts(5) }
    const windows = windowsOf(order, [opened, five], periods([2, both], [3, both], [4, both], [5, both]))
    // 3:00–4:00: it begins meanwhile; 4:00–5:00: it is applied at 4:10.
    const told = windows.map((each) => [
      each.revision,
      each.rollout?.share,
      each.champion.requests,
      each.candidate?.requests,
    ])
    expect(told).toEqual([
      [1, undefined, 95, undefined],
      [2, undefined, 95, 5],
      [2, undefined, 95, 5],
      [2, 0.05, 95, 5],
    ])
  })

  it('never count for a revision that was not applied', () => {
    const pending = { ...five, appliedAt: null }
    const [window] = windowsOf(order, [opened, pending], periods([9, { v1: counts(10), v2: counts(10) }]))
    expect(window).toMatchObject({ revision: 2, rollout: null })
  })

  it('tell of a version that the route does not name any more, in a window of its own', () => {
    const back: InForce = { ...opened, revision: 3, begunAt: 6.5 * minute, appliedAt: 6.6 * minute }
    const windows = windowsOf(order, [opened, five, back], periods([6, { v1: counts(90), v2: counts(4) }]))
    expect(windows.map(({ champion, rollout: of }) => [champion.version, champion.requests, of])).toEqual([
      [1, 90, null],
      [2, 4, null],
    ])
    expect(windows.map(({ seq }) => seq)).toEqual([4, 5])
  })

  it('count failures, refusals and slow answers', () => {
    // Of 200 answers that were timed, 97.5 % came within 250 ms: 5 did not.
    const v2 = counts(210, { failed: 6, refused: 4, timed: 200, within: new Map([[250, 97.5]]) })
    const [window] = windowsOf(order, [opened, five], periods([5, { v1: counts(100), v2 }]))
    expect(window?.candidate).toMatchObject({ requests: 210, errors: { model: 6, refused: 4 }, slow: 5 })
    expect(window?.champion).toMatchObject({ requests: 100, errors: {}, slow: 0 })
  })

  it('spread latencies over the histogram by their cumulative percentages', () => {
    // Of 8 answers: half within 1 ms, three quarters within 10 ms, all but one within 0.5 s; the last within 1 s.
    const percent = (ms: number): number => (ms < 1 ? 0 : ms < 10 ? 50 : ms < 500 ? 75 : ms < 1000 ? 87.5 : 100)
    const within = new Map(latencyBounds.map((bound): [number, number] => [bound * 1000, percent(bound * 1000)]))
    const [window] = windowsOf(order, [opened], periods([1, { v1: counts(8, { within }) }]))
    const expected = new Map([
      [0.001, 4],
      [0.01, 2],
      [0.5, 1],
      [1, 1],
    ])
    expect(window?.champion.latency).toEqual([...latencyBounds.map((bound) => expected.get(bound) ?? 0), 0])
  })

  it('are no evidence where CloudWatch does not say how long answers took', () => {
    const v2 = counts(5, { within: new Map() })
    const [window] = windowsOf(order, [opened, five], periods([5, { v1: counts(95), v2 }]))
    expect(window).toMatchObject({ rollout: null, candidate: { requests: 5, slow: 0 } })
    // Where nothing was answered there is nothing to time.
    const failing = counts(5, { failed: 5, timed: 0, within: new Map() })
    expect(windowsOf(order, [opened, five], periods([5, { v1: counts(95), v2: failing }]))[0]?.rollout).not.toBeNull()
  })

  it('of versions that share a variant are those of the version in force: CloudWatch does not tell them apart', () => {
    const shared = (number: number) => ({ ...served(number), variant: 'AllTraffic' })
    const history: InForce[] = [
      { ...opened, champion: shared(1) },
      // Begins at 3:30, is applied at 5:10, and is promoted at 6:10.
      {
        ...five,
        champion: shared(1),
        candidate: shared(2),
        rollout: rollout(1),
        appliedAt: 5 * minute + 10_000,
      },
      { ...opened, revision: 3, begunAt: 6 * minute + 10_000, appliedAt: 6 * minute + 20_000, champion: shared(2) },
    ]
    const periods = new Map([2, 4, 6, 7].map((at) => [at * minute, new Map([['AllTraffic', counts(10)]])]))
    const windows = windowsOf(order, history, periods)
    expect(
      windows.map(({ champion, candidate, rollout: held }) => [champion.version, champion.requests, candidate, held]),
    ).toEqual([1, 1, 2, 2].map((version) => [version, 10, null, null]))
  })
})
