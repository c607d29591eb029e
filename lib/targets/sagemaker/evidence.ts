import type { Route } from '../../formats/route.ts'
import type { ReadCaptured } from '../../formats/sagemaker-capture.ts'
import type { TelemetryWindow } from '../../formats/telemetry.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { isPassing } from '../../sagemaker/faults.ts'
import { type HostingBegun, readHosted } from '../../store/hosted.ts'
import { findWindow, publishWindow } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import type { KnownSpans } from './capture-files.ts'
import { type CapturedSource, capturedSource, withCaptured } from './captured.ts'
import { readMetrics } from './metrics.ts'
import type { Pace } from './pace.ts'
import { type InForce, windowsOf } from './served-periods.ts'

/** Periods that are asked for at once. */
const periodsAtOnce = 1_000
/** The same where requests are read besides, which are large. */
const capturedAtOnce = 30
/** CloudWatch keeps minutes for fifteen days, ms. */
const keptMs = 15 * 86_400_000

/** Where an endpoint's counts come from. */
export interface Counting {
  readonly store: Store
  readonly clients: Pick<SageMakerClients, 'cloudWatch'>
  readonly pace: Pace
  /** SageMaker's name of the endpoint. */
  readonly name: string
  /** By source how far this process knows its windows, so that nothing is asked twice. */
  readonly known: Map<string, Known>
  /** Reads requests that SageMaker wrote down; missing in processes that read none. */
  readonly readCaptured?: ReadCaptured | undefined
  readonly spans: KnownSpans
}

/** How far windows are known. */
interface Known {
  /** The number of the next one. */
  readonly seq: number
  /** What came before was asked of CloudWatch, ms. */
  readonly upTo: number
}

/** What is known of a revision that was hosted. */
type Hosted = NonNullable<Awaited<ReturnType<typeof readHosted>>>

/** The source that numbers an endpoint's windows. */
export const sourceOf = (name: string): string => `sagemaker-${name}`

/**
 * Brings what CloudWatch has counted since the last window, and counts no more, to the store: as windows, numbered
 * without gaps, each published once, with what SageMaker wrote down of the same periods where it does. Two that do so
 * at once publish the same; who finds another window under a number than its own begins again behind it.
 * @returns the number of the next window
 */
export async function collectWindows(counting: Counting, route: Route): Promise<number> {
  const { store, name, pace } = counting
  const { endpoint } = route
  const source = sourceOf(name)
  const before = counting.known.get(source) ?? { seq: 0, upTo: 0 }
  let seq = await nextSeq(store, endpoint, source, before.seq)
  const last = seq === 0 ? undefined : await findWindow(store, endpoint, source, seq - 1)
  const history = await historyOf(store, endpoint, last?.revision ?? 1, route.revision)
  const [first] = history
  if (first === undefined) return seq
  const captured = capturedOf(counting, route, history, last?.sampled?.upTo ?? last?.to ?? 0)
  // Who cannot read what was written down leaves these periods to those who can.
  if (captured === 'elsewhere') return seq
  const whole = (at: number): number => Math.floor(at / pace.periodMs) * pace.periodMs
  const until = whole(Date.now() - (captured === undefined ? pace.finalMs : pace.capturedMs))
  const atOnce = (captured === undefined ? periodsAtOnce : capturedAtOnce) * pace.periodMs
  let from = Math.max(last?.to ?? whole(first.begun.at), before.upTo, whole(Date.now() - keptMs))
  for (; from < until; ) {
    const to = Math.min(until, from + atOnce)
    for (const planned of await windowsBetween({ ...counting, captured }, history, {
      endpoint,
      source,
      seq,
      from,
      to,
    })) {
      const window = (await captured?.fill(planned, history.map(inForce))) ?? planned
      const stored = await publishWindow(store, window)
      if (stored.to !== window.to || stored.champion.digest !== window.champion.digest)
        return nextSeq(store, endpoint, source, seq)
      seq++
    }
    from = to
    counting.known.set(source, { seq, upTo: to })
  }
  return seq
}

/** Where requests are read from; undefined where none are written down. */
function capturedOf(
  { store, readCaptured, spans, name, pace }: Counting,
  route: Route,
  history: readonly Hosted[],
  readUpTo: number,
): CapturedSource | 'elsewhere' | undefined {
  const shares = new Map(history.map(({ begun }) => [begun.revision, begun.capture ?? 0]))
  if ([...shares.values()].every((share) => share === 0)) return undefined
  if (readCaptured === undefined) return 'elsewhere'
  return capturedSource({
    store,
    read: readCaptured,
    spans,
    name,
    periodMs: pace.periodMs,
    model: route.champion.model,
    endpoint: route.endpoint,
    variants: variantsIn(history),
    share: (revision) => shares.get(revision) ?? 0,
    upTo: Date.now() - pace.listedMs,
    readUpTo,
  })
}

const variantsIn = (history: readonly Hosted[]): string[] => [
  ...new Set(history.flatMap(({ begun }) => [begun.champion.variant, begun.candidate?.variant ?? []].flat())),
]

async function windowsBetween(
  { clients, pace, name, captured }: Counting & { readonly captured: CapturedSource | undefined },
  history: readonly Hosted[],
  { to, ...order }: { endpoint: string; source: string; seq: number; from: number; to: number },
): Promise<TelemetryWindow[]> {
  const slow = new Map(history.map(({ begun }) => [begun.revision, begun.rollout?.slowMs ?? null]))
  const bounds = [...new Set(slow.values())].flatMap((each) => each ?? [])
  const { periodMs } = pace
  const asked = { endpoint: name, variants: variantsIn(history), bounds, from: order.from, to, periodMs }
  const counted = await readMetrics(clients, asked)
  const slowMs = (revision: number): number | null => slow.get(revision) ?? null
  const events = await captured?.between(order.from, to)
  if (events === undefined) return windowsOf({ ...order, periodMs, slowMs }, history.map(inForce), counted)
  const isCaptured = (start: number, variant: string): boolean =>
    events.get(start)?.some((event) => event.variant === variant) === true
  const periods = withCaptured(counted, events)
  return windowsOf({ ...order, periodMs, slowMs, isCaptured }, history.map(inForce), periods)
}

const inForce = ({ begun, appliedAt }: Hosted): InForce => ({
  revision: begun.revision,
  begunAt: begun.at,
  appliedAt,
  champion: begun.champion,
  candidate: begun.candidate,
  rollout: rolloutOf(begun),
})

function rolloutOf({ rollout }: HostingBegun): TelemetryWindow['rollout'] {
  if (rollout === null) return null
  const { id, mode, share, sticky } = rollout
  return { id, mode, share, sticky }
}

/** The revisions that somebody set out for, ascending. */
async function historyOf(store: Store, endpoint: string, from: number, to: number): Promise<Hosted[]> {
  const revisions = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
  const hosted = await Promise.all(revisions.map((revision) => readHosted(store, endpoint, revision)))
  return hosted.flatMap((each) => each ?? [])
}

/**
 * How many windows a source has published: they have no gaps, so it is found by halving.
 * @param known so many at least
 */
async function nextSeq(store: Store, endpoint: string, source: string, known = 0): Promise<number> {
  const isThere = async (seq: number): Promise<boolean> =>
    (await findWindow(store, endpoint, source, seq)) !== undefined
  if (!(await isThere(known))) return known
  let [low, high] = [known, known + 1]
  while (await isThere(high)) [low, high] = [high, high + 2 * (high - low)]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await isThere(middle)) low = middle
    else high = middle
  }
  return high
}

/** The same where CloudWatch does not answer: what is in the store already. */
export async function collectOrWait(counting: Counting, route: Route): Promise<number> {
  try {
    return await collectWindows(counting, route)
  } catch (error) {
    if (!isPassing(error)) throw error
    return nextSeq(counting.store, route.endpoint, sourceOf(counting.name))
  }
}
