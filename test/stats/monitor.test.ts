import { describe, expect, it } from 'vitest'
import { auc, calibrationError, psi, volume } from '../../lib/definition/index.ts'
import { monitorPolicyOf } from '../../lib/definition/monitor.ts'
import { describeRule, type MonitorPolicy } from '../../lib/formats/monitor-policy.ts'
import type { ColumnDrift, MonitorReport } from '../../lib/formats/monitor-report.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import type { Estimate } from '../../lib/stats/drift.ts'
import { estimatedQuality, liveMetric } from '../../lib/stats/live-quality.ts'
import { judgeRules } from '../../lib/stats/monitor.ts'
import { addWindows, type CheckInputs, conclude, noLabels, nothingBefore } from '../../lib/stats/monitor-check.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const exact = (value: number): Estimate => ({ value, low: value, high: value })
const column = (name: string, importance: number | null, value: number): ColumnDrift => ({
  name,
  kind: 'numeric',
  rows: 1000,
  importance,
  measures: { psi: exact(value) },
  bins: [],
})
const policy = monitorPolicyOf({
  every: '1h',
  drift: psi.over(0.2).for(2),
  quality: [auc.below(0.65), calibrationError.above(0.05).for(2)],
})
const none = {
  rows: 1000,
  columns: [column('x', 0.8, 0.01)],
  labels: 1000,
  metrics: { auc: exact(0.7) },
  rowsBefore: [],
}

describe('the rules of a monitor', () => {
  it('say in words what they watch', () => {
    expect(policy.drift.map(describeRule)).toEqual(['psi > 0.2 (2 checks in a row)'])
    expect(policy.quality.map(describeRule)).toEqual(['auc < 0.65', 'calibrationError > 0.05 (2 checks in a row)'])
  })
  it('fire only after as many breaches in a row as they ask for', () => {
    const drifted = { ...none, columns: [column('x', 0.8, 0.5)] }
    const first = judgeRules(policy, drifted, {})[0]
    expect(first).toMatchObject({ state: 'breached', streak: 1, firing: false })
    const second = judgeRules(policy, drifted, { [first?.rule as string]: 1 })[0]
    expect(second).toMatchObject({ state: 'breached', streak: 2, firing: true })
    expect(judgeRules(policy, none, { [first?.rule as string]: 1 })[0]).toMatchObject({ state: 'kept', streak: 0 })
  })
  it('leave out what the model hardly uses, and take predictions in full', () => {
    const minor = { ...none, columns: [column('x', 0.05, 0.9), column('y', 0.95, 0)] }
    expect(judgeRules(policy, minor, {})[0]).toMatchObject({ state: 'kept' })
    const scores = { ...none, columns: [column('x', 0.05, 0.9), column('score:', null, 0.9)] }
    expect(judgeRules(policy, scores, {})[0]).toMatchObject({ state: 'breached' })
  })
  it('ask for confidence: a value over the limit whose interval reaches below it is no breach', () => {
    const unsure = {
      ...none,
      columns: [{ ...column('x', 1, 0), measures: { psi: { value: 0.3, low: 0.1, high: 0.5 } } }],
    }
    expect(judgeRules(policy, unsure, {})[0]).toMatchObject({ state: 'kept' })
    const quality = { ...none, metrics: { auc: { value: 0.6, low: 0.5, high: 0.7 } } }
    expect(judgeRules(policy, quality, {})[1]).toMatchObject({ state: 'kept' })
  })
  it('take no data for neither good nor bad news: a streak stays as it is', () => {
    const empty = { ...none, rows: 3, labels: 0 }
    const rule = describeRule(policy.drift[0] as MonitorPolicy['drift'][number])
    expect(judgeRules(policy, empty, { [rule]: 1 })[0]).toMatchObject({ state: 'unknown', streak: 1, firing: false })
    expect(judgeRules(policy, empty, { [rule]: 2 })[0]).toMatchObject({ state: 'unknown', streak: 2, firing: true })
  })
  it('keep the two kinds of trouble apart', () => {
    const conceptDrift = { ...none, metrics: { auc: exact(0.5) } }
    expect(judgeRules(policy, conceptDrift, {}).map(({ kind, state }) => [kind, state])).toEqual([
      ['drift', 'kept'],
      ['quality', 'breached'],
      ['quality', 'unknown'],
    ])
    const dataDrift = { ...none, columns: [column('x', 0.8, 0.6)] }
    expect(judgeRules(policy, dataDrift, {}).map(({ state }) => state)).toEqual(['breached', 'kept', 'unknown'])
  })
})

describe('the rest of what a monitor looks at', () => {
  const watching = monitorPolicyOf({ every: '1h', volume: volume.fallsBy(0.5) })
  const judged = (rows: number, rowsBefore: number[]) => judgeRules(watching, { ...none, rows, rowsBefore }, {})[0]
  it('is how much is asked, against the median of the checks before', () => {
    expect(judged(100, [1000, 900])).toMatchObject({ kind: 'volume', state: 'unknown' })
    expect(judged(600, [1000, 900, 1100])).toMatchObject({ state: 'kept' })
    expect(judged(100, [1000, 900, 1100])).toMatchObject({ state: 'breached', firing: true })
    expect(judged(0, [1000, 900, 1100])).toMatchObject({ state: 'breached' })
  })
})

describe('an incident', () => {
  const digest = `sha256:${'a'.repeat(64)}` as const
  const page = { digest, mediaType: 'text/html', size: 1 }
  const inputs = (last: MonitorReport | undefined, drift: number, rows = 1000, version = 1): CheckInputs => ({
    endpoint: 'e',
    check: 'c',
    champion: { model: 'm', version, digest: version === 1 ? digest : `sha256:${'b'.repeat(64)}` },
    policy: monitorPolicyOf({ every: '1h', drift: psi.over(0.2).for(2) }),
    last,
    at: new Date(1e12 + 1e6 * (last?.seq ?? 0)).toISOString(),
    interval: {
      from: 1,
      to: 2,
      requests: rows,
      errors: 0,
      rows,
      columns: rows === 0 ? [] : [column('x', 1, drift)],
      windows: 1,
    },
    quality: null,
    estimated: {},
    labels: noLabels,
    judge: true,
    more: false,
    next: nothingBefore,
    timelinePoints: 5,
  })
  const checks = (...drifts: [number, number?, number?][]): MonitorReport[] => {
    const reports: MonitorReport[] = []
    for (const [drift, rows, version] of drifts)
      reports.push({ ...conclude(inputs(reports.at(-1), drift, rows, version)), page })
    return reports
  }
  it('opens once, goes on while it lasts, and is resolved once', () => {
    const changes = checks([0.5], [0.5], [0.5], [0], [0]).map(({ change }) => change)
    expect(changes).toEqual(['none', 'opened', 'goes on', 'resolved', 'none'])
  })
  it('keeps its id, and is not ended by a check that knows nothing', () => {
    const [, opened, , empty, resolved] = checks([0.5], [0.5], [0.5], [0, 0], [0])
    expect(empty?.incident?.id).toBe(opened?.incident?.id)
    expect([empty?.change, resolved?.change]).toEqual(['goes on', 'resolved'])
  })
  it('begins anew with another version: what was said of one says nothing of the next', () => {
    const [, , after] = checks([0.5], [0.5], [0.5, 1000, 2])
    expect(after).toMatchObject({ change: 'resolved', incident: null })
    expect(after?.rules[0]?.streak).toBe(1)
  })
  it('is no reason to wait for: enough new labels ask for a retraining, once, and count from anew', () => {
    const retraining = monitorPolicyOf({ every: '1h', drift: psi.over(0.2), retrain: { labels: 1_000 } })
    let last: MonitorReport | undefined
    const enough: boolean[] = []
    for (const matched of [600, 300, 200, 900]) {
      const given = {
        ...inputs(last, 0),
        policy: retraining,
        labels: { received: matched, matched, waiting: 0, dropped: 0 },
      }
      last = { ...conclude(given), page }
      enough.push(last.enoughLabels)
    }
    expect(enough).toEqual([false, false, true, false])
  })
  it('is left as it is by a check that only gathers; the next judgement takes it all in', () => {
    const [first, opened] = checks([0.5], [0.5])
    const gathering = { ...inputs(opened, 0), judge: false, more: true }
    const between = { ...conclude(gathering), page }
    expect(between).toMatchObject({ judged: false, change: 'goes on', incident: opened?.incident, columns: [] })
    expect(between.next).toMatchObject({ judged: opened?.seq, streaks: opened?.next.streaks })
    expect({ ...conclude(inputs(between, 0)), page }).toMatchObject({ change: 'resolved', seq: (first?.seq ?? 0) + 3 })
  })
  it('adds windows up in any order and number of steps, and leaves other versions behind', () => {
    const window = (seq: number, of: typeof digest, rows: number): TelemetryWindow => ({
      slipway: 'window/1',
      endpoint: 'e',
      gateway: 'g',
      seq,
      revision: 1,
      rollout: null,
      from: seq * 10,
      to: seq * 10 + 10,
      champion: {
        digest: of,
        version: 1,
        requests: 1,
        rows,
        errors: { model: 1 },
        slow: 0,
        latency: [],
        scores: [],
        users: null,
        profile: { x: [rows, 0, 1] },
      },
      candidate: null,
      pairs: null,
      capture: null,
      labels: null,
    })
    const other = `sha256:${'c'.repeat(64)}` as const
    const all = [window(0, digest, 5), window(1, other, 70), window(2, digest, 8)]
    const whole = addWindows(null, all, digest)
    expect(whole).toMatchObject({ from: 0, to: 30, windows: 3, rows: 13, errors: 2, counts: { x: [13, 0, 2] } })
    const steps = [...all]
      .reverse()
      .reduce((open, each) => addWindows(open, [each], digest), addWindows(null, [], digest))
    expect(steps).toEqual(whole)
    expect(addWindows(whole, [], other)).toMatchObject({ rows: 0, windows: 0 })
  })
  it('numbers its checks, and keeps a time line of bounded length', () => {
    const reports = checks([0], [0], [0], [0], [0], [0], [0])
    expect(reports.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(reports.at(-1)?.next.timeline).toHaveLength(5)
  })
})

describe('live quality', () => {
  const random = seededRandom(5)
  const uniform = (): number => random() / 2 ** 32
  const probabilities = Float32Array.from({ length: 20_000 }, () => uniform() ** 2)
  const labels = Float64Array.from(probabilities, (p) => (uniform() < p ? 1 : 0))
  it('is estimated without labels where the probabilities are right', () => {
    const estimate = estimatedQuality(probabilities)
    for (const metric of ['auc', 'logLoss', 'brier'] as const) {
      const known = liveMetric(metric, { predictions: probabilities, labels }) as Estimate
      // Within twice the 90 % interval: three standard errors.
      expect(Math.abs(estimate[metric] - known.value)).toBeLessThan(known.high - known.low)
    }
  })
  it('differs from the estimate when the labels mean something else: concept drift', () => {
    const flipped = labels.map((label) => 1 - label)
    const known = liveMetric('auc', { predictions: probabilities, labels: flipped }) as Estimate
    expect(known.high).toBeLessThan(estimatedQuality(probabilities).auc)
  })
  it('is not defined on one class only', () => {
    expect(liveMetric('auc', { predictions: probabilities, labels: new Float64Array(20_000) })).toBeUndefined()
  })
})
