import { z } from 'zod'
import { Digest } from '../formats/artifact.ts'
import { MonitorReport } from '../formats/monitor-report.ts'
import { stepKinds } from '../formats/step-kinds/index.ts'
import { passOver } from './broken.ts'
import { listKeys, publishOnce, readDocument } from './documents.ts'
import { readRef, updateRef } from './refs.ts'
import type { Store } from './store.ts'

/** What is watched of an endpoint, and by which plan it is retrained: the value of the ref `monitors/<endpoint>`. */
export const Monitor = z.object({
  pipeline: z.string(),
  step: stepKinds.monitor.shape,
  /** The plan as people wrote it, without what a supervisor adds. */
  plan: Digest,
  /** Retrainings begun since people last deployed: what the chance of error is spent over. */
  retrainings: z.int(),
  /** The run the last one of them was counted for. */
  lastRetraining: z.string().nullable(),
})
export type Monitor = z.infer<typeof Monitor>

const refName = (endpoint: string): string => `monitors/${endpoint}`
const reportKey = (endpoint: string, seq: number): string => `monitors/${endpoint}/${String(seq).padStart(8, '0')}.json`

export async function readMonitor(store: Store, endpoint: string): Promise<Monitor | undefined> {
  return (await readRef(store, refName(endpoint), Monitor))?.value
}

/** Names of all endpoints that are watched. */
export async function listMonitors(store: Store): Promise<string[]> {
  const keys = await listKeys(store, 'refs/monitors/')
  return keys.map((key) => key.slice('refs/monitors/'.length, -'.json'.length))
}

/** The monitors of a pipeline's endpoints. */
export async function monitorsOf(store: Store, pipeline: string): Promise<Monitor[]> {
  const monitors = await Promise.all((await listMonitors(store)).map((endpoint) => readMonitor(store, endpoint)))
  return monitors.flatMap((monitor) => (monitor?.pipeline === pipeline ? [monitor] : []))
}

/** Sets what is watched of an endpoint. A deployment by people begins the count of retrainings anew. */
export async function establishMonitor(
  store: Store,
  { pipeline, step, plan }: Pick<Monitor, 'pipeline' | 'step' | 'plan'>,
  by: { readonly run: string; readonly isRetraining: boolean },
): Promise<void> {
  await updateRef(store, refName(step.endpoint), Monitor, `run ${by.run} deployed`, (before) => ({
    pipeline,
    step,
    plan,
    retrainings: by.isRetraining ? (before?.retrainings ?? 0) : 0,
    lastRetraining: by.isRetraining ? (before?.lastRetraining ?? null) : null,
  }))
}

/** Counts a retraining, once a run. @returns its ordinal number, from 1 */
export async function countRetraining(store: Store, endpoint: string, run: string): Promise<number> {
  const monitor = await updateRef(store, refName(endpoint), Monitor, `run ${run} retrains`, (before) => {
    if (before === undefined) throw new RangeError(`endpoint ${endpoint} is not watched`)
    if (before.lastRetraining === run) return before
    return { ...before, retrainings: before.retrainings + 1, lastRetraining: run }
  })
  return monitor.retrainings
}

/** Publishes a check, once: a second try of the same check gets what the first one found. */
export async function publishReport(store: Store, report: MonitorReport): Promise<MonitorReport> {
  const { value } = await publishOnce(store, reportKey(report.endpoint, report.seq), MonitorReport, report)
  await updateRef(store, `checks/${report.endpoint}`, z.int(), `check ${report.seq}`, (last) =>
    last !== undefined && last >= report.seq ? last : report.seq,
  )
  return value
}

export async function readReport(store: Store, endpoint: string, seq: number): Promise<MonitorReport | undefined> {
  return (await readDocument(store, reportKey(endpoint, seq), MonitorReport))?.value
}

/**
 * The last check of an endpoint that can be read. Broken ones after it are passed over: the next check goes on from
 * this one, reads their windows again and takes their place.
 */
export async function readLastReport(store: Store, endpoint: string): Promise<MonitorReport | undefined> {
  const ref = await readRef(store, `checks/${endpoint}`, z.int())
  // A check whose writer died between report and ref is found all the same.
  for (let seq = (ref?.value ?? -1) + 1; seq >= 0; seq--) {
    const report = await passOver(readReport(store, endpoint, seq))
    if (report !== undefined) return report
  }
  return undefined
}

/** The last check of an endpoint that judged. */
export async function readLastJudgement(store: Store, endpoint: string): Promise<MonitorReport | undefined> {
  const last = await readLastReport(store, endpoint)
  if (last === undefined || last.judged) return last
  return last.next.judged === null ? undefined : readReport(store, endpoint, last.next.judged)
}
