import type { Route } from '../../formats/route.ts'
import type { TelemetryWindow } from '../../formats/telemetry.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { isPassing } from '../../sagemaker/faults.ts'
import { type HostingBegun, readHosted } from '../../store/hosted.ts'
import { findWindow, publishWindow } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import { readMetrics } from './metrics.ts'
import type { Pace } from './pace.ts'
import { type InForce, windowsOf } from './served-periods.ts'

/** Periods that are asked for at once. */
const periodsAtOnce = 1_000
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
 * without gaps, each published once. Two that do so at once publish the same.
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
  const whole = (at: number): number => Math.floor(at / pace.periodMs) * pace.periodMs
  const until = whole(Date.now() - pace.finalMs)
  let from = Math.max(last?.to ?? whole(first.begun.at), before.upTo, whole(Date.now() - keptMs))
  for (; from < until; ) {
    const to = Math.min(until, from + periodsAtOnce * pace.periodMs)
    const windows = await windowsBetween(counting, history, { endpoint, source, seq, from, to })
    for (const window of windows) await publishWindow(store, window)
    seq += windows.length
    from = to
    counting.known.set(source, { seq, upTo: to })
  }
  return seq
}

async function windowsBetween(
  { clients, pace, name }: Counting,
  history: readonly Hosted[],
  { to, ...order }: { endpoint: string; source: string; seq: number; from: number; to: number },
): Promise<TelemetryWindow[]> {
  const slow = new Map(history.map(({ begun }) => [begun.revision, begun.rollout?.slowMs ?? null]))
  const all = history.flatMap(({ begun }) => [begun.champion.variant, begun.candidate?.variant ?? []].flat())
  const bounds = [...new Set(slow.values())].flatMap((each) => each ?? [])
  const { periodMs } = pace
  const asked = { endpoint: name, variants: [...new Set(all)], bounds, from: order.from, to, periodMs }
  const periods = await readMetrics(clients, asked)
  const slowMs = (revision: number): number | null => slow.get(revision) ?? null
  return windowsOf({ ...order, periodMs, slowMs }, history.map(inForce), periods)
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
