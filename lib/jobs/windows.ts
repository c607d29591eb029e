import type { TelemetryWindow } from '../formats/telemetry.ts'
import { findWindow, listWindowGateways, readPresences } from '../store/routes.ts'
import type { Store } from '../store/store.ts'

/** Windows read at once. */
const readAtOnce = 32

/** What gateways sent since some cursors. */
export interface WindowsRead {
  readonly windows: readonly TelemetryWindow[]
  /** By gateway: the window to read next. */
  readonly cursors: Record<string, number>
  /** Whether there are more than were asked for. */
  readonly more: boolean
}

/**
 * Windows of all gateways since some cursors, at most some thousands at a time. One that is broken counts as lost, so
 * that one bad object does not blind whoever reads for ever; a store that is away is an error.
 */
export async function windowsSince(
  store: Store,
  endpoint: string,
  since: Readonly<Record<string, number>>,
  most: number,
): Promise<WindowsRead> {
  const cursors = { ...since }
  const windows: TelemetryWindow[] = []
  const presences = await readPresences(store)
  for (const id of await listWindowGateways(store, endpoint)) {
    const sent = presences.find((presence) => presence.id === id)?.endpoints[endpoint]?.nextWindow ?? 0
    let at = cursors[id] ?? 0
    // Before a gateway's next window all are in the store, or lost; behind it we look on, for gateways that left.
    for (let more = true; more; ) {
      if (windows.length >= most) return { windows, cursors: { ...cursors, [id]: at }, more: true }
      const seqs = Array.from({ length: readAtOnce }, (_, i) => at + i)
      const read = await Promise.all(seqs.map((seq) => findWindow(store, endpoint, id, seq)))
      for (const window of read) {
        if (window === undefined && at >= sent) {
          more = false
          break
        }
        if (window !== undefined && window !== null) windows.push(window)
        at++
      }
    }
    cursors[id] = at
  }
  return { windows, cursors, more: false }
}
