import { SlipwayError } from '../lib/formats/errors.ts'
import type { MonitorPolicy } from '../lib/formats/monitor-policy.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import { passOver } from '../lib/store/broken.ts'
import {
  type Monitor,
  monitorsOf,
  readLastJudgement,
  readReport,
  readMonitor as readState,
} from '../lib/store/monitors.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'

/** What is watched of an endpoint, and what was found. */
export interface MonitorDocument {
  readonly endpoint: string
  readonly pipeline: string
  readonly policy: MonitorPolicy
  /** How often its pipeline was retrained since people deployed it, and the last such run. */
  readonly retrainings: number
  readonly lastRetraining: string | null
  /** The last check that judged, with its time line; null before the first. */
  readonly check: MonitorReport | null
}

/** What is watched of an endpoint, as stored. @throws SlipwayError NOT_MONITORED */
export async function requireMonitor(store: Store, endpoint: string): Promise<Monitor> {
  const monitor = await readState(store, endpoint)
  if (monitor !== undefined) return monitor
  throw new SlipwayError('NOT_MONITORED', `endpoint "${endpoint}" is not watched`, {
    next: 'add p.monitor(live, { … }) to its pipeline and run it',
  })
}

/** The monitor of an endpoint with its last check, which `slipway drift show --json` prints. */
export async function readMonitor({ store }: StoreContext, endpoint: string): Promise<MonitorDocument> {
  const monitor = await requireMonitor(store, endpoint)
  return documentOf(endpoint, monitor, await readLastJudgement(store, endpoint))
}

/** Rows that were judged, and the policy they were judged by. */
export interface CheckedRows {
  readonly report: Omit<MonitorReport, 'page'>
  readonly policy: MonitorPolicy
}

/**
 * A check of an endpoint and the policy it is judged by: the last one that judged, or one by its number.
 * @throws SlipwayError NOT_MONITORED, NOT_FOUND
 */
export async function readCheck(
  { store }: StoreContext,
  endpoint: string,
  seq?: number,
): Promise<{ readonly report: MonitorReport; readonly policy: MonitorPolicy }> {
  const monitor = await requireMonitor(store, endpoint)
  const report = seq === undefined ? await readLastJudgement(store, endpoint) : await readReport(store, endpoint, seq)
  if (report !== undefined) return { report, policy: monitor.step.policy }
  throw new SlipwayError('NOT_FOUND', `endpoint "${endpoint}" has no check ${seq ?? 'yet'}`, {
    next: `npx slipway schedule trigger ${endpoint} monitor`,
  })
}

/** The last check of every endpoint that a pipeline has watched; without those that were not checked yet. */
export async function readLastChecks({ store, say }: StoreContext, pipeline: string): Promise<MonitorReport[]> {
  const monitors = await monitorsOf(store, pipeline)
  const last = await Promise.all(monitors.map(({ step }) => passOver(readLastJudgement(store, step.endpoint), say)))
  return last.flatMap((report) => report ?? [])
}

const documentOf = (
  endpoint: string,
  { pipeline, step, retrainings, lastRetraining }: Monitor,
  check: MonitorReport | undefined,
): MonitorDocument => ({
  endpoint,
  pipeline,
  policy: step.policy,
  retrainings,
  lastRetraining,
  check: check ?? null,
})
