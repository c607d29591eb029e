import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { localCodes } from '../code/local-code.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { gatherServed, joinLabels, type LabelKind, labelKindOf, newestOf } from '../data/served.ts'
import { readLabelled, readScores } from '../data/served-scores.ts'
import type { Named } from '../formats/answers.ts'
import { type ArtifactRef, mediaTypes } from '../formats/artifact.ts'
import { isOfClasses, type Task } from '../formats/code-ref.ts'
import type { Numbers } from '../formats/columns.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { rowsOf } from '../formats/metrics/several.ts'
import { codeOfDrift, type MonitorPolicy } from '../formats/monitor-policy.ts'
import type { MonitorReport, ServedTable } from '../formats/monitor-report.ts'
import type { TelemetryWindow } from '../formats/telemetry.ts'
import { readBaseline } from '../models/baseline.ts'
import type { Estimate } from '../stats/drift.ts'
import { estimatedQuality, liveMetric, means, shownMetrics } from '../stats/live-quality.ts'
import { addWindows, conclude, driftOfAll, noLabels } from '../stats/monitor-check.ts'
import type { Monitor } from '../store/monitors.ts'
import { localFile, putFile } from '../store/objects.ts'
import type { TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import type { DriftOrder } from './measure-drift.ts'
import { windowsSince } from './windows.ts'

/** Windows that one step of a check takes in. */
const windowsAStep = 5_000
/** Points the time line keeps. */
const timelinePoints = 200
/** How long a label waits for its row, ms: captured rows come seconds after their predictions. */
const labelPatience = 3_600_000

export interface Examination {
  readonly store: Store
  readonly trusted: TrustedKeys
  readonly monitor: Monitor
  readonly champion: MonitorReport['champion']
  readonly last: MonitorReport | undefined
  readonly check: string
  /** Judge when all is gathered; otherwise only gather. */
  readonly judge: boolean
  /** Folder for tables. */
  readonly folder: string
  readonly progress: (what: string, done: number) => void
  /** Measures drift in a thread: where the user's code does. */
  readonly measureDrift: (order: DriftOrder) => Promise<MonitorReport['columns']>
}

/**
 * One step of a check: takes in the windows and labels since the last one, and judges what has come together since the
 * last judgement, if it is to and nothing more waits. All the next step needs is in the report.
 */
export async function examine(examination: Examination): Promise<Omit<MonitorReport, 'page'>> {
  const { store, trusted, monitor, champion, last, check, progress } = examination
  const { policy, endpoint } = monitor.step
  const now = Date.now()
  progress('reading windows', 0)
  const { windows, cursors, more } = await windowsSince(store, endpoint, last?.next.cursors ?? {}, windowsAStep)
  const judge = examination.judge && !more
  const open = addWindows(last?.next.open ?? null, windows, champion.digest)
  const { facts, profile, importances } = await readBaseline({ store, trusted }, champion.digest)

  progress('gathering rows and labels', 0.3)
  const gathered = await gather(examination, windows, labelKindOf(facts ?? {}), now)
  const openTables = {
    served: (last?.next.openTables.served ?? 0) + gathered.served.length,
    labelled: (last?.next.openTables.labelled ?? 0) + gathered.labelled.length,
  }
  const next = {
    cursors,
    open: judge ? null : open,
    openTables: judge ? { served: 0, labelled: 0 } : openTables,
    served: [...recent(last?.next.served, policy, now), ...gathered.served],
    labelled: [...recent(last?.next.labelled, policy, now), ...gathered.labelled],
    waiting: gathered.waiting,
    newest:
      [gathered.newest, last?.next.newest]
        .filter((each) => typeof each === 'string')
        .sort()
        .at(-1) ?? null,
  }

  progress('judging', 0.7)
  const tail = (tables: readonly ServedTable[], count: number): ArtifactRef[] =>
    count === 0 ? [] : tables.slice(-count).map(({ table }) => table)
  const known = judge
    ? await readKnown(
        store,
        tail(next.served, openTables.served),
        tail(next.labelled, openTables.labelled),
        champion.version,
        facts ?? {},
      )
    : { scored: undefined, scores: undefined }
  return conclude({
    endpoint,
    check,
    champion,
    policy,
    last,
    judge,
    more,
    at: new Date(now).toISOString(),
    interval: {
      ...open,
      from: open.from || now,
      to: open.to || now,
      columns: judge ? await driftNow(examination, { counts: open.counts, baseline: profile, importances }) : [],
    },
    quality: facts === undefined ? null : await qualityOf(known.scored, facts.task, policy),
    estimated: facts === undefined ? {} : estimatedOf(facts.task, known.scores),
    labels: gathered.counts,
    next,
    timelinePoints,
  })
}

/** What quality is to be expected of scores, where they are probabilities. */
function estimatedOf(task: Task, scores: Numbers | undefined): Record<string, number> {
  if (!isOfClasses(task) || scores === undefined || scores.length === 0) return {}
  // Of several classes a score is the probability that the answer is right.
  if (task === 'multiclass') return { accuracy: meanOf(scores) }
  return Object.fromEntries(Object.entries(estimatedQuality(scores)).filter(([, value]) => Number.isFinite(value)))
}

function meanOf(values: Numbers): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

/** How columns differ from the baseline; in a thread where the user's code says so. */
async function driftNow(
  { store, trusted, monitor, measureDrift }: Examination,
  columns: Omit<DriftOrder, 'policy' | 'code'>,
): Promise<MonitorReport['columns']> {
  const { policy } = monitor.step
  const refs = codeOfDrift(policy).map(([, ref]) => ref)
  if (refs.length === 0) return driftOfAll(columns.counts, columns.baseline, columns.importances)
  const { drift } = policy
  return measureDrift({ ...columns, policy: { drift }, code: await localCodes({ store, trusted }, refs) })
}

const recent = (
  tables: readonly ServedTable[] | undefined,
  { labels }: MonitorPolicy,
  now: number,
): readonly ServedTable[] => (tables ?? []).filter(({ to }) => to >= now - labels.withinMs)

const localFiles = (store: Store, refs: readonly ArtifactRef[]): Promise<string[]> =>
  Promise.all(refs.map(({ digest }) => localFile(store, digest)))

/** Makes tables of captured rows, and of those that labels have come for. */
async function gather(
  { store, monitor, last, folder }: Examination,
  windows: readonly TelemetryWindow[],
  kind: LabelKind,
  now: number,
) {
  const { policy, time } = monitor.step
  const captures = await localFiles(
    store,
    windows.flatMap(({ capture }) => capture ?? []),
  )
  const labels = await localFiles(
    store,
    windows.flatMap((window) => window.labels ?? []),
  )
  const tablesOf = (tables: readonly ServedTable[]) =>
    localFiles(
      store,
      tables.map(({ table }) => table),
    )
  const servedBefore = await tablesOf(recent(last?.next.served, policy, now))
  const labelled = await tablesOf(recent(last?.next.labelled, policy, now))
  const waiting = last?.next.waiting ?? null
  const waitingBefore = waiting === null ? undefined : await localFile(store, waiting.digest)
  const files = {
    served: join(folder, 'served.parquet'),
    labelled: join(folder, 'labelled.parquet'),
    waiting: join(folder, 'waiting.parquet'),
  }
  const { counts, rows, newest } = await withDuckDb(2, async (connection) => {
    const served = captures.length === 0 ? 0 : await gatherServed(connection, captures, files.served)
    const joined =
      labels.length === 0 && waitingBefore === undefined
        ? noLabels
        : await joinLabels(
            connection,
            {
              labels,
              waiting: waitingBefore,
              served: [...servedBefore, ...(served > 0 ? [files.served] : [])],
              labelled,
              key: policy.labels.key,
              now,
              waitSince: now - Math.min(labelPatience, policy.labels.withinMs),
              kind,
            },
            files.labelled,
            files.waiting,
          )
    return {
      counts: joined,
      rows: served,
      newest: joined.matched > 0 && time !== null ? await newestOf(connection, [files.labelled], time) : undefined,
    }
  })
  const stored = async (file: string, count: number, from: number, to: number): Promise<ServedTable[]> =>
    count === 0 ? [] : [{ table: await putFile(store, file, mediaTypes.parquet), rows: count, from, to }]
  const [first, final] = [
    Math.min(now, ...windows.map(({ from }) => from)),
    Math.max(0, ...windows.map(({ to }) => to)),
  ]
  return {
    counts,
    newest,
    served: await stored(files.served, rows, first, final),
    labelled: await stored(files.labelled, counts.matched, now, now),
    waiting: counts.waiting === 0 ? null : await putFile(store, files.waiting, mediaTypes.parquet),
  }
}

/** What a version answered and what became known of it, in some tables. */
async function readKnown(
  store: Store,
  served: readonly ArtifactRef[],
  labelled: readonly ArtifactRef[],
  version: number,
  named: Named,
): Promise<{ scored: Scored | undefined; scores: Numbers | undefined }> {
  const [servedFiles, labelledFiles] = [await localFiles(store, served), await localFiles(store, labelled)]
  return withDuckDb(2, async (connection) => ({
    scored: labelledFiles.length === 0 ? undefined : await readLabelled(connection, labelledFiles, version, named),
    scores: servedFiles.length === 0 ? undefined : await readScores(connection, servedFiles, version),
  }))
}

async function qualityOf(
  scored: Scored | undefined,
  task: Task,
  policy: MonitorPolicy,
): Promise<MonitorReport['quality']> {
  if (scored === undefined || scored.labels.length === 0) return null
  const wanted = new Set([...shownMetrics(task), ...policy.quality.map(({ metric }) => metric)])
  const metrics: Record<string, Estimate> = {}
  for (const metric of wanted) {
    // An interval takes a while of the thread that also says that this check is alive.
    await setImmediate()
    const estimate = liveMetric(metric, scored)
    if (estimate !== undefined) metrics[metric] = estimate
  }
  return { labels: rowsOf(scored), metrics, ...means(scored) }
}
