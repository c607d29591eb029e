import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { WorkflowNotFoundError } from '@temporalio/common'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import { mediaTypes } from '../lib/formats/artifact.ts'
import { brief } from '../lib/formats/brief.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import { examine } from '../lib/jobs/examine.ts'
import { monitorPage } from '../lib/reports/monitor-page.ts'
import { establishMonitor, publishReport, readLastReport, readMonitor, readReport } from '../lib/store/monitors.ts'
import { putBytes } from '../lib/store/objects.ts'
import { readRoute } from '../lib/store/routes.ts'
import { calmSignal, incidentKey, supervisorWorkflowId, tellSupervisor } from '../workflows/messages.ts'
import { alertOf, isAlertmanager, sendAlert } from './alert.ts'
import { setMonitorSchedules } from './monitor-schedules.ts'
import { type ActivityDeps, jobsOf, runActivity, type StepGiven, wholeStep } from './step.ts'
import { told } from './told.ts'

export interface CheckResult {
  readonly seq: number
  readonly verdict: string
  readonly firing: readonly string[]
  readonly change: MonitorReport['change']
  readonly pipeline: string
  readonly cause: RetrainCause | null
  /** More windows wait to be gathered: nothing was judged yet. */
  readonly more: boolean
}

/** What monitors need done. */
export function createMonitorActivities(deps: ActivityDeps) {
  const { store, client } = deps
  return {
    /** Sets what is watched of an endpoint, and the schedule that checks it. */
    async establishMonitor(order: {
      pipeline: string
      run: string
      step: StepGiven<'monitor'>
      plan: string
      isRetraining: boolean
    }): Promise<void> {
      await runActivity(order.step.id, async () => {
        const { pipeline, run, plan, isRetraining } = order
        const step = await wholeStep(deps, order.step)
        await establishMonitor(store, { pipeline, step, plan: plan as never }, { run, isRetraining })
        await setMonitorSchedules(client, pipeline, step)
      })
    },

    /** One step of a check of an endpoint: windows and labels since the last one; judged, if it is to, when nothing more waits. */
    async checkEndpoint(order: { endpoint: string; check: string; judge: boolean }): Promise<CheckResult | null> {
      const { endpoint, check, judge } = order
      return runActivity('monitor', async (context, progress) => {
        const [monitor, route] = await Promise.all([readMonitor(store, endpoint), readRoute(store, endpoint)])
        if (monitor === undefined || route === undefined) return null
        const folder = await mkdtemp(join(deps.scratch, 'monitor-'))
        try {
          for (;;) {
            const last = await readLastReport(store, endpoint)
            // An attempt before this one got so far and was not heard.
            if (last?.check === check) return resultOf(last, monitor.pipeline)
            const { champion } = route
            const report = await examine({
              store,
              trusted: deps.trusted,
              monitor,
              champion,
              last,
              check,
              judge,
              folder,
              progress,
              measureDrift: (order) => jobsOf(deps, context, progress)('measureDrift', order),
            })
            const page = await putBytes(store, monitorPage(report, monitor.step.policy), mediaTypes.html)
            const published = await publishReport(store, { ...report, page })
            if (published.check === check) return resultOf(published, monitor.pipeline)
            // The other schedule was quicker and has the number: this step goes on from there.
          }
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      })
    },

    /** Tells the supervisor of a pipeline why it should retrain, starting it if it is not there. */
    async signalSupervisor({ pipeline, cause }: { pipeline: string; cause: RetrainCause }): Promise<void> {
      await runActivity('supervisor', () =>
        told(
          `the supervisor of ${pipeline}`,
          client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause)),
        ),
      )
    },

    /** Tells the supervisor that an incident has ended. One that was never asked for anything need not know. */
    async calmSupervisor({ pipeline, endpoint }: { pipeline: string; endpoint: string }): Promise<void> {
      const signal = client.workflow
        .getHandle(supervisorWorkflowId(pipeline))
        .signal(calmSignal, { endpoint })
        .catch((error) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error
        })
      await runActivity('supervisor', () => told(`the supervisor of ${pipeline}`, signal))
    },

    /** Tells whoever is to be called that an incident began, or ended; Alertmanager also that it goes on. */
    async sendAlert({ endpoint, seq }: { endpoint: string; seq: number }): Promise<void> {
      await runActivity('alert', async () => {
        const [monitor, report] = await Promise.all([readMonitor(store, endpoint), readReport(store, endpoint, seq)])
        if (monitor === undefined || report === undefined || deps.alerts === undefined) return
        if (report.change === 'goes on' && !isAlertmanager(deps.alerts.url)) return
        await sendAlert(deps.alerts, alertOf(report, monitor))
      })
    },
  }
}

function resultOf(report: MonitorReport, pipeline: string): CheckResult {
  const firing = report.rules.filter((rule) => rule.firing)
  return {
    seq: report.seq,
    verdict: brief(report.verdict),
    firing: firing.map(({ rule }) => rule),
    change: report.change,
    pipeline,
    cause: report.judged ? causeOf(report, firing) : null,
    more: report.more,
  }
}

/** What the supervisor is asked for: an alarm that fits the model, or labels enough to learn from. */
function causeOf(report: MonitorReport, firing: MonitorReport['rules']): RetrainCause | null {
  const { endpoint, incident, champion, seq, at } = report
  const asOf = report.next.newest
  // That fewer requests come is no fault of the model: people hear of it.
  const model = firing.filter(({ kind }) => kind !== 'volume')
  if (incident !== null && model.length > 0) {
    return {
      kind: model.some(({ kind }) => kind === 'drift') ? 'drift' : 'quality',
      key: incidentKey(endpoint, incident.id, champion.version),
      reason: model
        .map(({ rule, reason }) => `${rule}: ${reason}`)
        .join('; ')
        .slice(0, 1_000),
      asOf,
      at,
    }
  }
  if (!report.enoughLabels) return null
  return { kind: 'labels', key: `labels:${endpoint}:${seq}`, reason: `enough new labels for ${endpoint}`, asOf, at }
}
