import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypes } from '../formats/artifact.ts'
import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import type { MonitorReport } from '../formats/monitor-report.ts'
import type { PackageSource } from '../models/package.ts'
import { type CheckResult, checkResultOf } from '../stats/check-result.ts'
import { publishReport, readLastReport, readMonitor } from '../store/monitors.ts'
import { putBytes } from '../store/objects.ts'
import { readRoute } from '../store/routes.ts'
import { type Examination, examine } from './examine.ts'

/** What a check is asked for: its own name, and whether it is to judge. */
interface CheckOrder extends Pick<Examination, 'check' | 'judge' | 'progress' | 'measureDrift'> {
  readonly endpoint: string
  /** A report as a page for people. */
  readonly pageOf: (report: Omit<MonitorReport, 'page'>, policy: MonitorPolicy) => string
}

/**
 * One step of a check of an endpoint, published: windows and labels since the last one; judged, if it is to, when
 * nothing more waits. Null where nothing is watched or served.
 */
export async function checkEndpoint(
  { store, trusted, scratch }: PackageSource & { readonly scratch: string },
  { endpoint, pageOf, ...order }: CheckOrder,
): Promise<CheckResult | null> {
  const [monitor, route] = await Promise.all([readMonitor(store, endpoint), readRoute(store, endpoint)])
  if (monitor === undefined || route === undefined) return null
  const { champion } = route
  const folder = await mkdtemp(join(scratch, 'monitor-'))
  try {
    for (;;) {
      const last = await readLastReport(store, endpoint)
      // An attempt before this one got so far and was not heard.
      if (last?.check === order.check) return checkResultOf(last, monitor.pipeline)
      const report = await examine({ ...order, store, trusted, monitor, champion, last, folder })
      const page = await putBytes(store, pageOf(report, monitor.step.policy), mediaTypes.html)
      const published = await publishReport(store, { ...report, page })
      if (published.check === order.check) return checkResultOf(published, monitor.pipeline)
      // The other schedule was quicker and has the number: this step goes on from there.
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
