import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import type { ColumnDrift, OpenInterval } from '../formats/monitor-report.ts'
import { driftOfAll } from '../stats/monitor-check.ts'
import type { Profile } from '../stats/profile.ts'
import { loadDistances, type OwnCode } from './own-measures.ts'

export interface DriftOrder {
  readonly counts: OpenInterval['counts']
  readonly baseline: Profile
  readonly importances: Readonly<Record<string, number>>
  readonly policy: Pick<MonitorPolicy, 'drift'>
  /** Drift measures of the user's that the policy names. */
  readonly code: readonly OwnCode[]
}

/**
 * How counts of features and scores differ from the baseline, by measures of the user's as well.
 * @throws SlipwayError MEASURE_FAILED
 */
export async function measureDrift({
  counts,
  baseline,
  importances,
  policy,
  code,
}: DriftOrder): Promise<ColumnDrift[]> {
  return driftOfAll(counts, baseline, importances, await loadDistances(policy, code))
}
