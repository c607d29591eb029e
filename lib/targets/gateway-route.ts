import type { TelemetryWindow } from '../formats/telemetry.ts'
import { findWindow, readPresences, serves } from '../store/routes.ts'
import type { Store } from '../store/store.ts'
import type { Target } from './target.ts'

/** Windows of a gateway that are read at a time; the next reading takes the rest. */
const windowsAtATime = 100

/**
 * Slipway's own gateways: they follow the route in the store, say there what they apply, and send windows of what they
 * served.
 */
export function gatewayRoute(store: Store): Target {
  return {
    kind: 'gateway',

    async look(endpoint) {
      const sources = (await readPresences(store)).map((presence) => {
        const { id, endpoints } = presence
        return [id, { next: endpoints[endpoint]?.nextWindow ?? 0, serves: serves(presence, endpoint) }] as const
      })
      return Object.fromEntries(sources)
    },

    // Gateways look for themselves, several times a second.
    async apply() {},

    async readBack({ endpoint, revision }) {
      const gateways = (await readPresences(store)).filter((presence) => serves(presence))
      const behind = gateways.filter(({ endpoints }) => (endpoints[endpoint]?.revision ?? 0) < revision)
      const refusing = behind.find(({ endpoints }) => (endpoints[endpoint]?.refused?.revision ?? 0) >= revision)
      return {
        serving: gateways.length,
        behind: behind.map(({ id }) => id),
        refused:
          refusing === undefined
            ? null
            : `gateway ${refusing.id} refuses revision ${revision}: ${refusing.endpoints[endpoint]?.refused?.why ?? ''}`,
      }
    },

    async evidence(endpoint, since) {
      const sources = await this.look(endpoint)
      const cursors: Record<string, number> = { ...since }
      const windows: TelemetryWindow[] = []
      for (const [gateway, first] of Object.entries(since)) {
        const sent = sources[gateway]?.next ?? 0
        for (let next = first; next < first + windowsAtATime; next++) {
          const window = await findWindow(store, endpoint, gateway, next)
          // All windows before the gateway's next are in the store, or lost for good.
          if (window === undefined && next >= sent) break
          cursors[gateway] = next + 1
          if (window) windows.push(window)
        }
      }
      return { windows, cursors }
    },
  }
}
