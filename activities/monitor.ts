import { WorkflowNotFoundError } from '@temporalio/common'
import type { RetrainCause } from '../lib/formats/alerts.ts'
import { checkEndpoint } from '../lib/jobs/check-endpoint.ts'
import type { Examination } from '../lib/jobs/examine.ts'
import { monitorPage } from '../lib/reports/monitor-page.ts'
import type { CheckResult } from '../lib/stats/check-result.ts'
import { establishMonitor, readMonitor, readReport } from '../lib/store/monitors.ts'
import { readRoute } from '../lib/store/routes.ts'
import { targetOf } from '../lib/targets/targets.ts'
import { calmSignal, supervisorWorkflowId, tellSupervisor } from '../workflows/messages.ts'
import { alertOf, isAlertmanager, sendAlert } from './alert.ts'
import { setMonitorSchedules } from './monitor-schedules.ts'
import { type ActivityDeps, jobsOf, runActivity, type StepGiven, wholeStep } from './step.ts'
import { told } from './told.ts'

/** What monitors need done. */
export function createMonitorActivities(deps: ActivityDeps) {
  const { store, client } = deps
  /** Has what others serve and count be put into the store; gateways do so by themselves. */
  const takeIn = async (endpoint: string): Promise<void> => {
    const { kind } = (await readRoute(store, endpoint))?.champion.hosting ?? {}
    if (kind !== undefined) await targetOf(deps.adapters.targets, kind).look(endpoint)
  }
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
        await setMonitorSchedules(client, pipeline, step, deps.console?.())
      })
    },

    /**
     * One step of a check of an endpoint: windows and labels since the last one; judged, if it is to, when nothing more
     * waits.
     */
    async checkEndpoint(order: { endpoint: string; check: string; judge: boolean }): Promise<CheckResult | null> {
      return runActivity('monitor', async (context, progress) => {
        await takeIn(order.endpoint)
        const measureDrift: Examination['measureDrift'] = (drift) =>
          jobsOf(deps, context, progress)('measureDrift', drift)
        return checkEndpoint(deps, { ...order, progress, measureDrift, pageOf: monitorPage })
      })
    },

    /** Tells the supervisor of a pipeline why it should retrain, starting it if it is not there. */
    async signalSupervisor({ pipeline, cause }: { pipeline: string; cause: RetrainCause }): Promise<void> {
      await runActivity('supervisor', () =>
        told(
          `the supervisor of ${pipeline}`,
          client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause, deps.console?.())),
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
        const console = deps.console?.()
        const page = console === undefined ? undefined : `${console}/monitors/${endpoint}`
        await sendAlert(deps.alerts, alertOf(report, monitor, page))
      })
    },
  }
}
