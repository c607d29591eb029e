import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkNow } from '../client/check-now.ts'
import type { ClientContext } from '../client/context.ts'
import { findRetraining } from '../client/retraining.ts'
import { hostVersions } from '../lib/code/host.ts'
import { planPipeline } from '../lib/code/plan.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { turnColumn } from '../lib/data/replay.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import { show } from '../lib/formats/show-number.ts'
import { readLastReport } from '../lib/store/monitors.ts'
import { readVersion } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import { readRun } from '../lib/store/runs.ts'
import type { SupervisorStatus } from '../workflows/messages.ts'
import { colors } from './colors.ts'
import { type RunOptions, runAndShow } from './commands/run.ts'
import { print } from './output.ts'
import { openPast, type Past } from './replay.ts'
import { openReplayTraffic } from './replay-traffic.ts'
import { type Chapter, summarize } from './story-summary.ts'

const day = 86_400_000
/** How the past is lived through again. */
const replay = {
  /** A stretch of the past, and its rows at most. */
  stretchMs: 7 * day,
  rows: 10_000,
} as const

/**
 * The whole life of a model, on real rows in fast time: the first half of the source trains it, the second half is
 * replayed as traffic with labels that come late; the monitor judges every week, the supervisor retrains, gates and
 * canary decide, and a sabotaged candidate is thrown out.
 * @returns the exit code
 */
export async function tellStory(context: ClientContext, pipeline: string, options: RunOptions): Promise<number> {
  const { store, settings } = context
  const planned = await planPipeline(settings.root, pipeline, hostVersions())
  const monitor = planned.plan.steps.find((step) => step.kind === 'monitor') as StepOf<'monitor'>
  const { endpoint } = monitor
  const past = await openPast(store, planned, settings.root)
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
  const traffic = await openReplayTraffic(context, endpoint)
  const before = (await readRoute(store, endpoint))?.champion.version as number
  let takenOver = await isRetrained(context, endpoint)
  let sabotage: Promise<string> | undefined
  // One that was interrupted goes on where it was; one that was told is not told again.
  const known = (await readLastReport(store, endpoint))?.next.newest ?? null
  let clock =
    known === null ? begin : begin + Math.ceil((Date.parse(known) - begin) / replay.stretchMs) * replay.stretchMs
  if (known !== null) told(clock, `going on from here; version ${before} serves ${endpoint}`)
  try {
    for (; clock < past.last; clock += replay.stretchMs) {
      const stretch = await past.stretch(clock, Math.min(clock + replay.stretchMs, past.last + 1), replay.rows)
      if (stretch.bodies.length === 0) continue
      await traffic.send(stretch)
      const report = await checkNow(context, endpoint)
      print(`${dayOf(clock)}  ${weekLine(report, traffic.sent())}`)
      const { reason, state, run } = (await findRetraining(context, pipeline)) ?? idle
      if (state === 'running' && run !== null && !takenOver) {
        told(clock + replay.stretchMs, `the supervisor retrains (${run}): ${report.incident?.reasons[0] ?? reason}`)
        const outcome = await traffic.meanwhile(stretch, (rolloutBegins) =>
          followRetraining(context, { pipeline, endpoint, run, rolloutBegins }),
        )
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

/** Whether what an endpoint serves was made by a supervisor. */
async function isRetrained({ store }: ClientContext, endpoint: string): Promise<boolean> {
  const champion = (await readRoute(store, endpoint))?.champion
  const version = champion === undefined ? undefined : await readVersion(store, champion.model, champion.digest)
  return version !== undefined && (await readRun(store, version.run))?.origin.retraining !== undefined
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

interface Followed {
  readonly pipeline: string
  readonly endpoint: string
  readonly run: string
  rolloutBegins(): void
}

/** Waits until a retraining has ended. */
async function followRetraining(
  context: ClientContext,
  { pipeline, endpoint, run, rolloutBegins }: Followed,
): Promise<{ words: string; tookOver: boolean }> {
  for (;;) {
    if ((await readRoute(context.store, endpoint))?.rollout) rolloutBegins()
    const status = await findRetraining(context, pipeline)
    const outcome = status?.retrainings.find((each) => each.run === run)
    if (outcome !== undefined) {
      const tookOver = outcome.status === 'succeeded'
      return {
        words: tookOver
          ? `gates and canary passed: ${outcome.reason}`
          : `${run} ended: ${outcome.status}, ${outcome.reason}`,
        tookOver,
      }
    }
    await sleep(500)
  }
}

/**
 * A drill: the source is poisoned so that its labels say the opposite, and a run is made of it. Its own test rows are
 * poisoned as well, so it looks fine by them; the rows that were served, whose outcomes came another way, tell.
 */
async function tryPoison(
  context: ClientContext,
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
