import { AsyncResource } from 'node:async_hooks'
import { type Outage, outageOf } from '../lib/store/outage.ts'
import { type Store, storeAddress } from '../lib/store/store.ts'
import type { TemporalClient } from '../workers/connect.ts'
import { readPlatform } from '../workers/platform/state.ts'
import { readSettings, type Settings, storeOf } from '../workers/settings.ts'
import { sayAbove } from './progress.ts'

/** What commands work with that need the store alone. */
export interface StoreContext {
  readonly settings: Settings
  readonly store: Store
}

/**
 * What most commands work with. Temporal is connected to only when a command needs it: many work with it away.
 * Servers that are away for a moment are waited for, wherever a command is, and it says so.
 */
export interface CliContext extends StoreContext {
  /** Waits for a gateway that is away. */
  readonly gateway: Outage
  temporal(): Promise<TemporalClient>
}

/** @param patient false for those who want to know what is away, and not to wait for it */
export function openContext(patient = true): CliContext {
  return contextOf(readSettings(), patient)
}

/** The same for commands that need the store alone: that Temporal is somewhere nobody has to say. */
export function openStoreContext(): StoreContext {
  return contextOf(readSettings(undefined, undefined, { temporal: false }), true)
}

function contextOf(settings: Settings, patient: boolean): CliContext {
  const { endpoint, region, bucket } = settings.s3
  // Said from callbacks of connections, and meant for whoever runs this command.
  const say = AsyncResource.bind(sayAbove)
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
  let temporal: Promise<TemporalClient> | undefined
  return {
    settings,
    store: storeOf(settings, patient ? away.store : undefined),
    gateway: outage(
      `the gateway${settings.gateway === undefined ? '' : ` at ${settings.gateway}`}`,
      settings.gateway,
      (root) => readPlatform(root)?.gateway?.address,
    ),
    temporal() {
      // Imported by those who need it: Temporal's client takes longer to load than most commands do to answer. One that
      // was away may be back when it is asked for again.
      temporal ??= import('../workers/connect.ts')
        .then(({ connect }) => connect(settings, patient ? away.temporal : undefined))
        .catch((error) => {
          temporal = undefined
          throw error
        })
      return temporal
    },
  }
}

/** A link to a workflow in Temporal's web UI, or its id where the UI is not known. */
export function workflowLink(settings: Settings, workflowId: string): string {
  if (settings.temporalUi === undefined) return `workflow ${workflowId}`
  return `${settings.temporalUi}/namespaces/${settings.temporal.namespace ?? 'default'}/workflows/${encodeURIComponent(workflowId)}`
}
