import { mediaTypes } from '../../formats/artifact.ts'
import type { ModelVersion } from '../../formats/route.ts'
import type { CapturedOrder, ReadCaptured } from '../../formats/sagemaker-capture.ts'
import type { TelemetryWindow } from '../../formats/telemetry.ts'
import { putBytes } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import {
  type Captured,
  type CaptureFile,
  type CaptureReading,
  type KnownSpans,
  listCaptureFiles,
  readCaptureFiles,
} from './capture-files.ts'
import { captureFolder } from './requests.ts'
import type { InForce, Periods } from './served-periods.ts'

/*
 * Requests that SageMaker wrote down, on their way into windows. A request belongs to the period that its time lies in,
 * so to one window, whoever reads it and however often; a window is published once, so it counts once.
 */

/** Requests that a window keeps. */
const mostOfWindow = 20_000
/** Files of so long before an interval are looked at for requests that came late, ms. */
const lookBackMs = 3_600_000

/** Reads files for windows, from the window before them on. */
export interface CapturedSource {
  /**
   * The requests of an interval, by the beginning of their periods. What no period can be told of goes with the next
   * window that is filled.
   */
  between(from: number, to: number): Promise<ReadonlyMap<number, readonly Captured[]>>
  /** A window with rows and scores of the requests in its period. */
  fill(window: TelemetryWindow, history: readonly InForce[]): Promise<TelemetryWindow>
}

/** What files are read with. */
export interface CapturedDeps {
  readonly store: Store
  readonly read: ReadCaptured
  /** By file what is known of it, so that this process does not read it again. */
  readonly spans: KnownSpans
  readonly periodMs: number
  /** Of whose versions windows tell. */
  readonly model: string
  /** Where files lie: of this endpoint, by SageMaker's name of it and the names of variants that a route had. */
  readonly endpoint: string
  readonly name: string
  readonly variants: readonly string[]
  /** Share of requests that is written down, by the revision in force. */
  readonly share: (revision: number) => number
  /** Files that came later than this are not read yet, ms since 1970; those of before `readUpTo` were. */
  readonly upTo: number
  readonly readUpTo: number
}

type Besides = Pick<CaptureReading, 'unreadable' | 'late'>
const nothing: Besides = { unreadable: 0, late: 0 }

export function capturedSource(deps: CapturedDeps): CapturedSource {
  const { store, spans, periodMs, endpoint, name, variants, upTo } = deps
  let files: Promise<CaptureFile[]> | undefined
  let { readUpTo } = deps
  let besides = nothing
  let byPeriod = new Map<number, Captured[]>()
  let droppedByPeriod = new Map<number, number>()
  const periodOf = (at: number): number => Math.floor(at / periodMs) * periodMs

  const list = async (since: number): Promise<CaptureFile[]> => {
    const all = await listCaptureFiles(store, `${captureFolder(endpoint)}${name}/`, variants, since)
    return all.filter(({ writtenAt }) => writtenAt <= upTo)
  }
  return {
    async between(from, to) {
      files ??= list(from - lookBackMs)
      const reading = await readCaptureFiles(store, await files, spans, { from, to, readUpTo })
      // What is new was counted once.
      readUpTo = upTo
      besides = { unreadable: besides.unreadable + reading.unreadable, late: besides.late + reading.late }
      byPeriod = new Map()
      for (const event of reading.events) {
        const start = periodOf(event.at)
        const there = byPeriod.get(start)
        if (there === undefined) byPeriod.set(start, [event])
        else there.push(event)
      }
      droppedByPeriod = new Map()
      for (const at of reading.dropped) droppedByPeriod.set(periodOf(at), (droppedByPeriod.get(periodOf(at)) ?? 0) + 1)
      return byPeriod
    },

    async fill(window, history) {
      const share = deps.share(window.revision)
      const start = window.to - periodMs
      const all = byPeriod.get(start) ?? []
      if (share === 0 && all.length === 0) return window
      const { events, unclear } = answeredBy(window, history, all, periodMs)
      const kept = events.slice(0, mostOfWindow)
      const version = ({ digest, version: number }: { digest: string; version: number }): ModelVersion =>
        ({ model: deps.model, version: number, digest }) as ModelVersion
      const { champion, candidate, endpoint: of, revision, rollout, from } = window
      const named = { champion: version(champion), candidate: candidate && version(candidate) }
      const read = await deps.read({ endpoint: of, revision, rollout, from, ...named, events: kept })
      const { unreadable, late } = besides
      besides = nothing
      return {
        ...window,
        champion: { ...champion, ...read.champion },
        candidate: candidate && { ...candidate, ...read.candidate },
        capture: read.capture === undefined ? null : await putBytes(store, read.capture, mediaTypes.parquet),
        sampled: {
          share,
          upTo,
          events: kept.length - read.unreadable,
          repeated: all.reduce((sum, { repeats }) => sum + repeats, 0),
          unreadable: unreadable + read.unreadable,
          unclear,
          dropped: (droppedByPeriod.get(start) ?? 0) + events.length - kept.length,
          late,
        },
      }
    },
  }
}

/** Counts of nothing, for periods in which requests were written down that CloudWatch does not count. */
export function withCaptured(periods: Periods, captured: ReadonlyMap<number, readonly Captured[]>): Periods {
  const all = new Map([...periods].map(([at, variants]) => [at, new Map(variants)]))
  for (const [at, events] of captured) {
    const variants = all.get(at) ?? new Map()
    all.set(at, variants)
    for (const { variant } of events)
      if (!variants.has(variant))
        variants.set(variant, { invocations: 0, refused: 0, failed: 0, timed: 0, within: new Map() })
  }
  return all
}

/**
 * Which requests the versions of a window answered. Versions that share a variant are told apart by time: while one
 * gives way to the other, nobody knows.
 */
function answeredBy(
  { champion, candidate, to }: TelemetryWindow,
  history: readonly InForce[],
  events: readonly Captured[],
  periodMs: number,
): { readonly events: CapturedOrder['events']; readonly unclear: number } {
  const known = history.filter(({ begunAt }) => begunAt < to)
  const served = known.flatMap((each) => [each.champion, each.candidate ?? []].flat())
  const variantOf = (digest: string | undefined): string | undefined =>
    served.findLast((each) => each.digest === digest)?.variant
  const by = new Map<string | undefined, 'champion' | 'candidate'>([
    [variantOf(candidate?.digest), 'candidate'],
    [variantOf(champion.digest), 'champion'],
  ])
  // What was applied last before the period, and what was set out for since.
  const start = to - periodMs
  const applied = known.findLastIndex(({ appliedAt }) => appliedAt !== null && appliedAt <= start)
  const possible = known.slice(Math.max(0, applied)).flatMap((each) => [each.champion, each.candidate ?? []].flat())
  const isShared = (variant: string): boolean =>
    new Set(served.filter((each) => each.variant === variant).map(({ digest }) => digest)).size > 1
  const isUnclear = (variant: string): boolean =>
    isShared(variant) &&
    new Set(possible.filter((each) => each.variant === variant).map(({ digest }) => digest)).size !== 1
  const own = events.flatMap((event) => {
    const who = by.get(event.variant)
    return who === undefined ? [] : [{ ...event, by: who }]
  })
  const clear = own.filter(({ variant }) => !isUnclear(variant))
  return { events: clear, unclear: own.length - clear.length }
}
