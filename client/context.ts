import { SlipwayError } from '../lib/formats/errors.ts'
import { type Outage, outageOf } from '../lib/store/outage.ts'
import { type Store, storeAddress } from '../lib/store/store.ts'
import type { TemporalClient } from '../workers/connect.ts'
import { readPlatform } from '../workers/platform/state.ts'
import { type Settings, storeOf } from '../workers/settings.ts'

/** What reads and writes the store alone needs. */
export interface StoreContext {
  readonly settings: Settings
  readonly store: Store
  /** Hears what whoever asks may want to know: a server that is waited for, a broken document that was passed over. */
  readonly say: (line: string) => void
}

/**
 * What everything here works with. Temporal is connected to only when something needs it: much works with it away.
 * Servers that are away for a moment are waited for, whatever is done, and `say` hears of it.
 */
export interface ClientContext extends StoreContext {
  /** How long a worker may take to say how a workflow stands, ms: without one nobody says it. */
  readonly answersWithin: number
  /** Waits for a gateway that is away. */
  readonly gateway: Outage
  temporal(): Promise<TemporalClient>
  /** Gives back the connections. Nothing may be asked by it afterwards. */
  close(): Promise<void>
}

/** @param patient false for those who want to know what is away, and not to wait for it */
export function contextOf(settings: Settings, { say, patient = true }: ContextOptions): ClientContext {
  const { endpoint, region, bucket } = settings.s3
  /** A server that the platform of this project started comes back by it. */
  const outage = (server: string, address: string | undefined, ours: (root: string) => string | undefined): Outage =>
    outageOf({ server, isExpected: () => address !== undefined && ours(settings.root) === address, say })
  const temporalAddress = settings.temporal.connectionOptions.address
  const away = {
    store: outage(
      `the S3 store at ${storeAddress(endpoint, region, bucket)}`,
      endpoint,
      (root) => readPlatform(root)?.s3.endpoint,
    ),
    temporal: outage(
      `the Temporal server at ${temporalAddress}`,
      temporalAddress,
      (root) => readPlatform(root)?.temporal.address,
    ),
  }
  const store = storeOf(settings, patient ? away.store : undefined)
  let temporal: Promise<TemporalClient> | undefined
  return {
    settings,
    store,
    say,
    answersWithin: patient ? 30_000 : 3_000,
    gateway: outage(
      `the gateway${settings.gateway === undefined ? '' : ` at ${settings.gateway}`}`,
      settings.gateway,
      (root) => readPlatform(root)?.gateway?.address,
    ),
    async temporal() {
      if (temporalAddress === undefined)
        throw new SlipwayError('PLATFORM_MISSING', 'nobody says where Temporal is', {
          next: 'set TEMPORAL_ADDRESS, or start a platform with `npx slipway up --detach`',
        })
      // Imported by those who need it: Temporal's client takes longer to load than most reads take. One that was away
      // may be back when it is asked for again.
      temporal ??= import('../workers/connect.ts')
        .then(({ connect }) => connect(settings, patient ? away.temporal : undefined))
        .catch((error) => {
          temporal = undefined
          throw error
        })
      return temporal
    },
    async close() {
      store.client.destroy()
      const connected = await temporal?.catch(() => undefined)
      await connected?.close()
    },
  }
}

export interface ContextOptions {
  readonly say: (line: string) => void
  readonly patient?: boolean
}

/** A link to a workflow in Temporal's web UI, or its id where the UI is not known. */
export function workflowLink(settings: Settings, workflowId: string): string {
  if (settings.temporalUi === undefined) return `workflow ${workflowId}`
  return `${settings.temporalUi}/namespaces/${settings.temporal.namespace ?? 'default'}/workflows/${encodeURIComponent(workflowId)}`
}
