import { type MetricVerdict, sharesInWords } from '../lib/stats/rollout-decision.ts'
import { table } from './output.ts'

/** What is known of each metric of a rollout, for people. */
export function verdictTable(verdicts: readonly MetricVerdict[]): string {
  const number = (value: number | null): string => (value === null ? '' : value.toPrecision(3))
  return table(
    ['metric', 'verdict', 'shares', 'e (worse)', 'e (not worse)'],
    verdicts.map((verdict) => [
      verdict.metric,
      verdict.verdict,
      sharesInWords(verdict),
      number(verdict.harm),
      number(verdict.notWorse),
    ]),
  )
}
