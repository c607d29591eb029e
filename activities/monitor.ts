import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client'
import { WorkflowNotFoundError } from '@temporalio/common'
import { withDuckDb } from '../data/duckdb.ts'
import { gatherServed, joinLabels, newestOf, readLabelled, readScores } from '../data/served.ts'
import { ModelFacts, modelFiles } from '../models/model.ts'
import type { RetrainCause } from '../pipelines/alerts.ts'
import { type ArtifactRef, mediaTypes } from '../pipelines/artifact.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { MetricName } from '../pipelines/gates.ts'
import type { MonitorReport, ServedTable } from '../pipelines/monitor-report.ts'
import type { StepOf } from '../pipelines/plan.ts'
import type { TelemetryWindow } from '../pipelines/telemetry.ts'
import { TrainingReport } from '../pipelines/training-report.ts'
import { monitorPage } from '../reports/monitor-page.ts'
import type { Estimate } from '../stats/drift.ts'
import { conclude, mergeWindows } from '../stats/interval.ts'
import { estimatedQuality, liveMetric, means, shownMetrics } from '../stats/live-quality.ts'
import type { Profile } from '../stats/profile.ts'
import { establishMonitor, publishReport, readLastReport, readMonitor } from '../store/monitors.ts'
import { getJson, localBundle, localFile, putBytes, putFile } from '../store/objects.ts'
import { listWindowGateways, readPresences, readRoute, readWindow } from '../store/routes.ts'
import {
  calmSignal,
  incidentKey,
  monitorScheduleId,
  retrainScheduleId,
  supervisorWorkflowId,
  taskQueue,
  tellSupervisor,
} from '../workflows/messages.ts'
import { alertOf, isAlertmanager, sendAlert } from './alert.ts'
import { type ActivityDeps, guarded } from './step.ts'

/** Windows of a gateway that one check takes in. */
const windowsACheck = 5_000
/** Windows read at once. */
const readAtOnce = 32
/** Points the time line keeps. */
const timelinePoints = 200
/** How long a label waits for its row, ms: captured rows come seconds after their predictions. */
const labelPatience = 3_600_000

export interface CheckResult {
  readonly seq: number
  readonly verdict: string
  readonly firing: readonly string[]
  readonly change: MonitorReport['change']
  readonly pipeline: string
  readonly cause: RetrainCause | null
}

/** What monitors need done. */
export function createMonitorActivities(deps: ActivityDeps) {
  const { store, client } = deps
  return {
    /** Sets what is watched of an endpoint, and the schedule that checks it. */
    async establishMonitor(order: {
      pipeline: string
      run: string
      step: StepOf<'monitor'>
      plan: string
      isRetraining: boolean
    }): Promise<void> {
      await guarded(order.step.id, async () => {
        const { pipeline, run, step, plan, isRetraining } = order
        await establishMonitor(store, { pipeline, step, plan: plan as never }, { run, isRetraining })
        const { endpoint, policy } = step
        const scheduleId = monitorScheduleId(endpoint)
        const spec = { intervals: [{ every: policy.everyMs }] }
        const action = {
          type: 'startWorkflow' as const,
          workflowType: 'monitorEndpoint',
          workflowId: scheduleId,
          args: [endpoint],
          taskQueue,
          staticSummary: `check of ${endpoint}`,
        }
        const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const }
        const memo = { pipeline, endpoint, kind: 'monitor' }
        await setSchedule({ scheduleId, spec, action, policies, memo })
        const everyMs = policy.retrain?.everyMs
        const retrainId = retrainScheduleId(pipeline)
        if (everyMs === null || everyMs === undefined) {
          await client.schedule
            .getHandle(retrainId)
            .delete()
            .catch((error) => {
              if (!(error instanceof ScheduleNotFoundError)) throw error
            })
          return
        }
        await setSchedule({
          scheduleId: retrainId,
          spec: { intervals: [{ every: everyMs }] },
          action: {
            ...action,
            workflowType: 'askForRetraining',
            workflowId: retrainId,
            args: [pipeline],
            staticSummary: `${pipeline} is to be retrained regularly`,
          },
          policies,
          memo: { pipeline, endpoint, kind: 'retrain' },
        })
      })
    },

    /** One check of an endpoint: windows and labels since the last one, against the baseline of its champion. */
    async checkEndpoint({ endpoint, check }: { endpoint: string; check: string }): Promise<CheckResult | null> {
      return guarded('monitor', async (_context, progress) => {
        const [monitor, route, last] = await Promise.all([
          readMonitor(store, endpoint),
          readRoute(store, endpoint),
          readLastReport(store, endpoint),
        ])
        if (monitor === undefined || route === undefined) return null
        // An attempt before this one got so far and was not heard.
        if (last?.check === check) return resultOf(last, monitor.pipeline)
        const folder = await mkdtemp(join(deps.scratch, 'monitor-'))
        try {
          const report = await examine(monitor, route.champion, last, check, folder, progress)
          const published = await publishReport(store, report)
          return resultOf(published, monitor.pipeline)
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      })
    },

    /** Tells the supervisor of a pipeline why it should retrain, starting it if it is not there. */
    async signalSupervisor({ pipeline, cause }: { pipeline: string; cause: RetrainCause }): Promise<void> {
      await guarded('supervisor', async () => {
        await client.workflow.signalWithStart('supervise', tellSupervisor(pipeline, cause))
      })
    },

    /** Tells the supervisor that an incident has ended. One that was never asked for anything need not know. */
    async calmSupervisor({ pipeline, endpoint }: { pipeline: string; endpoint: string }): Promise<void> {
      await guarded('supervisor', async () => {
        await client.workflow
          .getHandle(supervisorWorkflowId(pipeline))
          .signal(calmSignal, { endpoint })
          .catch((error) => {
            if (!(error instanceof WorkflowNotFoundError)) throw error
          })
      })
    },

    /** Tells whoever is to be called that an incident began, or ended; Alertmanager also that it goes on. */
    async sendAlert({ endpoint, seq }: { endpoint: string; seq: number }): Promise<void> {
      await guarded('alert', async () => {
        const [monitor, report] = await Promise.all([readMonitor(store, endpoint), readLastReport(store, endpoint)])
        if (monitor === undefined || report === undefined || report.seq < seq || deps.alerts === undefined) return
        if (report.change === 'goes on' && !isAlertmanager(deps.alerts.url)) return
        await sendAlert(deps.alerts, alertOf(report, monitor))
      })
    },
  }

  async function setSchedule(options: ScheduleOptions): Promise<void> {
    try {
      await client.schedule.create(options)
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      const { spec, action, policies } = options
      await client.schedule
        .getHandle(options.scheduleId)
        .update((before) => ({ ...before, spec, action, ...(policies === undefined ? {} : { policies }) }))
    }
  }

  async function examine(
    monitor: NonNullable<Awaited<ReturnType<typeof readMonitor>>>,
    champion: MonitorReport['champion'],
    last: MonitorReport | undefined,
    check: string,
    folder: string,
    progress: (what: string, done: number) => void,
  ): Promise<MonitorReport> {
    const { policy, endpoint, time } = monitor.step
    const now = Date.now()
    progress('reading windows', 0)
    const { windows, cursors } = await windowsSince(endpoint, last?.next.cursors ?? {})
    const bundle = await localBundle(store, champion.digest, 'model')
    const facts = ModelFacts.parse(bundle.facts)
    const baseline = JSON.parse(
      await readFile(await localFile(store, (bundle.files[modelFiles.baseline] as ArtifactRef).digest), 'utf8'),
    ) as Profile
    const training = TrainingReport.parse(
      await getJson(store, (bundle.files[modelFiles.training] as ArtifactRef).digest),
    )
    const importances = Object.fromEntries(training.features.map(({ name, importance }) => [name, importance]))
    const interval = mergeWindows(windows, champion.digest, baseline, importances)

    progress('gathering rows and labels', 0.3)
    const local = (refs: readonly ArtifactRef[]): Promise<string[]> =>
      Promise.all(refs.map(({ digest }) => localFile(store, digest)))
    const oldest = now - policy.labels.withinMs
    const before = {
      served: (last?.next.served ?? []).filter(({ to }) => to >= oldest),
      labelled: (last?.next.labelled ?? []).filter(({ to }) => to >= oldest),
    }
    const captures = await local(windows.flatMap(({ capture }) => capture ?? []))
    const labelFiles = await local(windows.flatMap(({ labels }) => labels ?? []))
    const files = {
      served: join(folder, 'served.parquet'),
      labelled: join(folder, 'labelled.parquet'),
      waiting: join(folder, 'waiting.parquet'),
    }
    const servedBefore = await local(before.served.map(({ table }) => table))
    const labelledBefore = await local(before.labelled.map(({ table }) => table))
    const waiting = last?.next.waiting ?? null
    const { counts, rows, scored, scores, newest } = await withDuckDb(2, async (connection) => {
      const served = captures.length === 0 ? 0 : await gatherServed(connection, captures, files.served)
      const join = {
        labels: labelFiles,
        waiting: waiting === null ? undefined : await localFile(store, waiting.digest),
        served: [...servedBefore, ...(served > 0 ? [files.served] : [])],
        labelled: labelledBefore,
        key: policy.labels.key,
        now,
        waitSince: now - Math.min(labelPatience, policy.labels.withinMs),
      }
      const joined =
        labelFiles.length === 0 && waiting === null
          ? { received: 0, matched: 0, waiting: 0, dropped: 0 }
          : await joinLabels(connection, join, files.labelled, files.waiting)
      const hasLabels = joined.matched > 0
      return {
        counts: joined,
        rows: served,
        scored: hasLabels ? await readLabelled(connection, [files.labelled], champion.version) : undefined,
        scores: served > 0 ? await readScores(connection, [files.served], champion.version) : undefined,
        newest: hasLabels && time !== null ? await newestOf(connection, [files.labelled], time) : undefined,
      }
    })

    progress('judging', 0.7)
    const wanted: MetricName[] = [
      ...new Set([...shownMetrics[facts.task], ...policy.quality.map(({ metric }) => metric)]),
    ]
    const metrics: Record<string, Estimate> = {}
    if (scored !== undefined && scored.labels.length > 0) {
      for (const metric of wanted) {
        const estimate = liveMetric(metric, scored)
        if (estimate !== undefined) metrics[metric] = estimate
      }
    }
    const labels = scored?.labels.length ?? 0
    const estimated =
      facts.task === 'binary' && scores !== undefined && scores.length > 0
        ? Object.fromEntries(Object.entries(estimatedQuality(scores)).filter(([, value]) => Number.isFinite(value)))
        : {}
    const span = { from: interval.from || now, to: interval.to || now }
    const stored = async (file: string, count: number): Promise<ServedTable[]> =>
      count === 0 ? [] : [{ table: await putFile(store, file, mediaTypes.parquet), rows: count, ...span }]
    const next = {
      cursors,
      served: [...before.served, ...(await stored(files.served, rows))],
      labelled: [
        ...before.labelled,
        ...(await stored(files.labelled, counts.matched)).map((table) => ({ ...table, from: now, to: now })),
      ],
      waiting: counts.waiting === 0 ? null : await putFile(store, files.waiting, mediaTypes.parquet),
      newest:
        [newest, last?.next.newest]
          .filter((each) => typeof each === 'string')
          .sort()
          .at(-1) ?? null,
    }
    const report = conclude({
      endpoint,
      check,
      champion,
      policy,
      last,
      at: new Date(now).toISOString(),
      interval: { ...interval, ...span, windows: windows.length },
      quality: scored === undefined || labels === 0 ? null : { labels, metrics, ...means(scored) },
      estimated,
      labels: counts,
      next,
      timelinePoints,
    })
    const page = await putBytes(store, monitorPage(report, policy), mediaTypes.html)
    return { ...report, page }
  }

  /** Windows of all gateways since some cursors. Those that cannot be read are passed over, and said so. */
  async function windowsSince(
    endpoint: string,
    since: Readonly<Record<string, number>>,
  ): Promise<{ windows: TelemetryWindow[]; cursors: Record<string, number> }> {
    const cursors = { ...since }
    const windows: TelemetryWindow[] = []
    const presences = await readPresences(store)
    for (const id of await listWindowGateways(store, endpoint)) {
      const sent = presences.find((presence) => presence.id === id)?.endpoints[endpoint]?.nextWindow
      const from = cursors[id] ?? 0
      // Before a gateway's next window all are in the store, or lost; behind it we look on, for gateways that left.
      let at = from
      for (let more = true; more && at - from < windowsACheck; ) {
        const seqs = Array.from({ length: readAtOnce }, (_, i) => at + i)
        const read = await Promise.all(seqs.map((seq) => readWindow(store, endpoint, id, seq).catch(unreadable)))
        for (const [i, window] of read.entries()) {
          if (window === undefined && at + i >= (sent ?? 0)) {
            at += i
            more = false
            break
          }
          if (window !== undefined && window !== null) windows.push(window)
        }
        if (more) at += readAtOnce
      }
      cursors[id] = at
    }
    return { windows, cursors }
  }
}

/** A window that is not one: passed over, so that one bad object does not blind the monitor for ever. */
function unreadable(error: unknown): null {
  if (error instanceof SlipwayError && error.mayPass) throw error
  console.error(`monitor: a window cannot be read and is passed over: ${(error as Error).message}`)
  return null
}

function resultOf(report: MonitorReport, pipeline: string): CheckResult {
  const firing = report.rules.filter((rule) => rule.firing)
  return {
    seq: report.seq,
    verdict: report.verdict,
    firing: firing.map(({ rule }) => rule),
    change: report.change,
    pipeline,
    cause: causeOf(report, firing),
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
