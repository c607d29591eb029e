import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ScheduleOverlapPolicy } from '@temporalio/client'
import { hostVersions } from '../code/host.ts'
import { planPipeline } from '../code/plan.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { turnColumn } from '../data/replay.ts'
import { readLabelled } from '../data/served.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { MonitorReport } from '../pipelines/monitor-report.ts'
import type { StepOf } from '../pipelines/plan.ts'
import { show } from '../stats/gates.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../stats/metrics.ts'
import { readLastReport } from '../store/monitors.ts'
import { localFile } from '../store/objects.ts'
import { readRoute } from '../store/routes.ts'
import { monitorScheduleId, type SupervisorStatus } from '../workflows/messages.ts'
import { colors } from './colors.ts'
import { type RunOptions, runAndShow } from './commands/run.ts'
import { supervisorStatus } from './commands/supervise.ts'
import type { CliContext } from './context.ts'
import { gatewayAddress, gatewayClient } from './gateway-client.ts'
import { print } from './output.ts'
import { openPast, type Past, type Stretch } from './replay.ts'
import { bodiesOfOneRow, sendTraffic } from './traffic.ts'

const day = 86_400_000
/** How the past is lived through again. */
const replay = {
  /** A stretch of the past, its rows at most, and the requests a second they are sent in. */
  stretchMs: 7 * day,
  rows: 10_000,
  rate: 220,
  /** Outcomes become known this long after their prediction. */
  labelsAfterMs: day,
  /** Requests of one row a second while a retraining goes on and time stands still. */
  meanwhile: 400,
} as const

/** What happened, for the summary. */
interface Chapter {
  readonly at: string
  readonly what: string
}

/**
 * The whole life of a model, on real rows in fast time: the first half of the source trains it, the second half is replayed as
 * traffic with labels that come late; the monitor judges every week, the supervisor retrains, gates, guard and canary decide, and a
 * sabotaged candidate is thrown out. @returns the exit code
 */
export async function tellStory(context: CliContext, pipeline: string, options: RunOptions): Promise<number> {
  const { store, settings } = context
  const planned = await planPipeline(settings.root, pipeline, hostVersions())
  const monitor = planned.plan.steps.find((step) => step.kind === 'monitor') as StepOf<'monitor'>
  const { endpoint } = monitor
  const past = await openPast(planned, settings.root)
  // The end of the first half, at midnight.
  const begin = Math.floor((past.first + past.last) / 2 / day) * day
  const chapters: Chapter[] = []
  const told = (at: number, what: string): void => {
    chapters.push({ at: dayOf(at), what })
    print(`${colors.bold(dayOf(at))}  ${what}`)
  }

  if ((await readRoute(store, endpoint)) === undefined) {
    told(begin, `training on what is known by then, ${dayOf(past.first)} to ${dayOf(begin)}`)
    const first = await runAndShow(context, pipeline, {
      ...options,
      wait: true,
      json: false,
      brief: true,
      asOf: iso(begin),
    })
    if (first.code !== 0) return first.code
    told(begin, `version ${first.record?.model?.version} serves ${endpoint}`)
  }
  const traffic = await openTraffic(context, endpoint)
  const before = (await readRoute(store, endpoint))?.champion.version as number
  let takenOver = false
  let sabotage: Promise<string> | undefined
  let clock = begin
  try {
    for (; clock < past.last; clock += replay.stretchMs) {
      const stretch = await past.stretch(clock, Math.min(clock + replay.stretchMs, past.last + 1), replay.rows)
      if (stretch.bodies.length === 0) continue
      await traffic.send(stretch)
      const report = await checkNow(context, endpoint)
      print(`${dayOf(clock)}  ${weekLine(report, traffic.sent())}`)
      const { reason, state, run } = (await supervisorStatus(context, pipeline)) ?? idle
      if (state === 'running' && run !== null && !takenOver) {
        told(clock + replay.stretchMs, `the supervisor retrains (${run}): ${report.incident?.reasons[0] ?? reason}`)
        const outcome = await traffic.meanwhile(stretch, () => followRetraining(context, pipeline, run))
        told(clock + replay.stretchMs, outcome.words)
        takenOver = outcome.tookOver
        if (takenOver) sabotage = tryPoison(context, pipeline, past, clock + replay.stretchMs, options)
      }
    }
    if (sabotage !== undefined) told(clock, await sabotage)
  } finally {
    traffic.close()
  }
  await summarize(context, endpoint, chapters, traffic, before)
  if (!takenOver) print(colors.red('no retrained version took over: see `slipway retrain status`'))
  return takenOver && traffic.failed() === 0 ? 0 : 1
}

const idle: Pick<SupervisorStatus, 'reason' | 'state' | 'run'> = { reason: '', state: 'idle', run: null }
const iso = (ms: number): string => new Date(ms).toISOString()
const dayOf = (ms: number): string => iso(ms).slice(0, 10)

/** `9,984 rows, AUC 0.712, …: all is as in training` */
function weekLine({ rows, quality, verdict, champion, rules }: MonitorReport, requests: number): string {
  const isAlarm = rules.some(({ firing }) => firing)
  const known =
    quality === null
      ? 'no labels yet'
      : `predicted ${percent(quality.prediction)}, came true ${percent(quality.label)}, ${Object.entries(
          quality.metrics,
        )
          .filter(([name]) => name === 'auc' || name === 'calibrationError' || name === 'rmse')
          .map(([name, { value }]) => `${name} ${show(value)}`)
          .join(', ')}`
  const words = isAlarm ? colors.red(verdict.split('; ')[0] as string) : (verdict.split(':')[0] as string)
  return `version ${champion.version}, ${rows} rows (${requests} requests so far): ${known}; ${words}`
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** Has the monitor check the endpoint now, and waits for what it finds. */
async function checkNow(context: CliContext, endpoint: string): Promise<MonitorReport> {
  const { store } = context
  const before = (await readLastReport(store, endpoint))?.seq ?? -1
  // Gateways close their windows every two seconds.
  await sleep(2_500)
  const { client } = await context.temporal()
  await client.schedule.getHandle(monitorScheduleId(endpoint)).trigger(ScheduleOverlapPolicy.BUFFER_ONE)
  for (const until = Date.now() + 60_000; ; ) {
    const report = await readLastReport(store, endpoint)
    if (report !== undefined && report.seq > before) {
      // The supervisor hears of an alarm right after.
      if (report.rules.some(({ firing }) => firing)) await sleep(1_500)
      return report
    }
    if (Date.now() > until)
      throw new SlipwayError('WAIT_TIMED_OUT', `the monitor of ${endpoint} has not checked within a minute`, {
        next: 'look at it in the Temporal web UI, and at .slipway/logs/worker.log',
      })
    await sleep(100)
  }
}

/** Waits until a retraining has ended. */
async function followRetraining(
  context: CliContext,
  pipeline: string,
  run: string,
): Promise<{ words: string; tookOver: boolean }> {
  for (;;) {
    const status = await supervisorStatus(context, pipeline)
    const outcome = status?.retrainings.find((each) => each.run === run)
    if (outcome !== undefined) {
      const tookOver = outcome.status === 'succeeded'
      return {
        words: tookOver
          ? `gates, guard and canary passed: ${outcome.reason}`
          : `${run} ended: ${outcome.status}, ${outcome.reason}`,
        tookOver,
      }
    }
    await sleep(500)
  }
}

/**
 * A drill: the source is poisoned so that its labels say the opposite, and a run is made of it. Its own test rows are poisoned as well,
 * so it looks fine by them; the rows that were served, whose outcomes came another way, tell.
 */
async function tryPoison(
  context: CliContext,
  pipeline: string,
  past: Past,
  now: number,
  options: RunOptions,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-drill-'))
  const file = join(folder, 'poisoned.parquet')
  try {
    const around = await past.turningPoint()
    await withDuckDb(2, (connection) => turnColumn(connection, past.source, past.target.column, around, file))
    const { record } = await runAndShow(context, pipeline, {
      ...options,
      wait: true,
      json: false,
      brief: true,
      quiet: true,
      from: file,
      asOf: iso(now),
      set: ['trees=40'],
    })
    const failed = record?.gates.find(({ passed }) => !passed)
    return record?.status === 'gate failed'
      ? `sabotage: a candidate learnt from poisoned labels was thrown out: ${failed?.name}: ${failed?.evidence}`
      : `sabotage: the poisoned candidate ended as ${record?.status}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Sends stretches of the past to a gateway, and what became of them a while later. */
async function openTraffic(context: CliContext, endpoint: string) {
  const address = await gatewayAddress(context)
  const client = gatewayClient(address, 16)
  let [sent, failed, batch] = [0, 0, 0]
  /** Labels that are not known yet. */
  let due: { at: number; label: object }[] = []
  const post = async (path: string, body: string, id: string): Promise<void> => {
    sent++
    const answer = await client.post(path, body, { 'x-request-id': id }).catch(() => undefined)
    if (answer?.status !== 200) failed++
  }
  return {
    address,
    sent: () => sent,
    failed: () => failed,
    close: () => client.close(),
    /** Sends a stretch, then the labels that have become known by its end. */
    async send({ bodies, labels, times, to }: Stretch): Promise<void> {
      const path = `/v1/models/${endpoint}:predict`
      const name = `replay-${Date.now().toString(36)}-${++batch}`
      const under = new Set<Promise<void>>()
      const start = performance.now()
      for (const [i, body] of bodies.entries()) {
        const wait = start + (i * 1000) / replay.rate - performance.now()
        if (wait > 1) await sleep(wait)
        const id = `${name}-${i}`
        const posted = post(path, body, id).finally(() => under.delete(posted))
        under.add(posted)
        if (under.size >= 16) await Promise.race(under)
        for (const [row, label] of (labels[i] as number[]).entries())
          due.push({ at: (times[i] as number) + replay.labelsAfterMs, label: { requestId: id, row, label, endpoint } })
      }
      await Promise.all(under)
      const known = due.filter(({ at }) => at <= to)
      due = due.filter(({ at }) => at > to)
      // Out of order, as they come in life.
      known.reverse()
      for (let from = 0; from < known.length; from += 2_000) {
        const body = JSON.stringify(known.slice(from, from + 2_000).map(({ label }) => label))
        const answer = await client.post('/feedback', body)
        if (answer.status !== 202) throw new SlipwayError('REQUEST_INVALID', `labels were refused: ${answer.body}`)
      }
    },
    /** Goes on sending rows of a stretch, one a request, while something happens. */
    async meanwhile<T>({ bodies }: Stretch, work: () => Promise<T>): Promise<T> {
      let going = true
      const traffic = sendTraffic({
        address,
        endpoint,
        bodies: bodiesOfOneRow(bodies),
        rate: replay.meanwhile,
        faults: 0,
        goesOn: () => going,
      })
      try {
        return await work()
      } finally {
        going = false
        const report = await traffic.done
        sent += report.sent
        failed += Object.values(report.failed).reduce((sum, count) => sum + count, 0)
      }
    },
  }
}

async function summarize(
  { store }: CliContext,
  endpoint: string,
  chapters: readonly Chapter[],
  traffic: { sent(): number; failed(): number },
  before: number,
): Promise<void> {
  const report = await readLastReport(store, endpoint)
  if (report === undefined) return
  print('')
  print(colors.bold('What happened'))
  for (const { at, what } of chapters) print(`  ${at}  ${what}`)
  const files = await Promise.all(report.next.labelled.map(({ table }) => localFile(store, table.digest)))
  const versions = [...new Set([before, report.champion.version])]
  for (const version of versions) {
    const scored = await withDuckDb(2, (connection) => readLabelled(connection, files, version))
    if (scored.labels.length === 0) continue
    const isBinary = scored.labels.every((label) => label === 0 || label === 1)
    const metrics = isBinary ? binaryMetricsOf(scored) : regressionMetricsOf(scored)
    const shown = isBinary ? ['auc', 'logLoss', 'calibrationError'] : ['rmse', 'mae', 'r2']
    print(
      `  version ${version}  live ${shown.map((name) => `${name} ${show((metrics as Record<string, number>)[name] as number)}`).join(', ')} on ${scored.labels.length} labelled rows`,
    )
  }
  print(`  ${traffic.sent()} requests served, requests failed: ${traffic.failed()}`)
}
