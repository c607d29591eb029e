import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { auc, logLoss, rmse } from '../../lib/definition/index.ts'
import { agreements, failuresByDefault, failuresOfEquals, measuredFailures } from '../../lib/stats/equal-candidates.ts'

/** The chance of k successes or fewer among n, each of probability p: summed, not approximated. */
function atMost(k: number, n: number, p: number): number {
  let [term, sum] = [(1 - p) ** n, 0]
  for (let i = 0; i <= k; i++) {
    sum += term
    term *= ((n - i) / (i + 1)) * (p / (1 - p))
  }
  return Math.min(1, sum)
}
/** Whether a count may come of a probability; a thousandth on either side. */
const isPossible = (count: number, n: number, p: number): boolean =>
  atMost(count, n, p) > 1e-3 && 1 - atMost(count - 1, n, p) > 1e-3

const metrics = { auc: [auc, 'binary'], logLoss: [logLoss, 'binary'], rmse: [rmse, 'regression'] } as const
const metricNames = Object.keys(metrics) as (keyof typeof metrics)[]
const failures = (name: keyof typeof metrics, rows: number, agreement: number, repetitions: number): number => {
  const [metric, task] = metrics[name]
  const { check } = metric.notWorseThan('champion', { byShare: 0.01, confidence: 0.9 })
  return failuresOfEquals({ check, task, rows, agreement, repetitions, seed: 5 })
}

describe('how often the default gate fails a candidate as good as the champion', () => {
  it.each(
    metricNames.flatMap((name) => [
      [name, 300, 0.9, 24] as const,
      [name, 300, 0.99, 24] as const,
      [name, 1_000, 0.97, 12] as const,
      // Ordering ten thousand rows a thousand times takes too long for a test.
      ...(name === 'auc' ? [] : [[name, 10_000, 0.97, 6] as const]),
    ]),
  )('is as documented: %s on %d rows, correlation %d', (name, rows, agreement, repetitions) => {
    const documented = measuredFailures[name][rows]?.[agreements.indexOf(agreement)] as number
    // What is documented was drawn as well, four hundred times.
    const spread = 3 * Math.sqrt((documented * (1 - documented)) / 400)
    const counted = failures(name, rows, agreement, repetitions)
    const fits = (p: number): boolean => isPossible(counted, repetitions, p)
    expect([counted, fits(documented) || fits(documented - spread) || fits(documented + spread)]).toEqual([
      counted,
      true,
    ])
    // It is a test: a share that is half as far from the other end is impossible.
    expect(fits(documented > 0.5 ? (documented - 0.4) / 2 : documented + (1 - documented) * 0.7)).toBe(false)
  })

  it('is said by the plan where it is often, by rows that were measured', () => {
    const shares = measuredFailures.auc[1_000] as readonly number[]
    expect(failuresByDefault('auc', 'binary', 9_999)).toEqual({ most: shares[0], least: shares[2] })
    expect(failuresByDefault('auc', 'binary', 10)).toEqual({ most: 0.8, least: 0.39 })
    expect(failuresByDefault('brier', 'binary', 300)).toEqual(failuresByDefault('logLoss', 'binary', 300))
    expect(failuresByDefault('mae', 'regression', 300)).toEqual(failuresByDefault('rmse', 'regression', 300))
    for (const name of metricNames) expect(failuresByDefault(name, metrics[name][1], 1e6)).toBeUndefined()
  })

  it('is the table of docs/definition.md', () => {
    const page = readFileSync(join(packageRoot, 'docs/definition.md'), 'utf8')
    for (const name of metricNames)
      for (const [rows, shares] of Object.entries(measuredFailures[name])) {
        const row = page
          .split('\n')
          .find((line) => line.startsWith(`| \`${name}\``) && line.includes(` ${Number(rows).toLocaleString('en')} |`))
        expect(
          row
            ?.split('|')
            .slice(3, 6)
            .map((cell) => cell.trim()),
        ).toEqual(shares.map((share) => `${Math.round(share * 100)} %`))
      }
    for (const agreement of agreements) expect(page).toContain(`correlation ${agreement} |`)
  })
})
