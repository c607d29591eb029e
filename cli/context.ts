import type { Store } from '../store/store.ts'
import { connect, type TemporalClient } from '../workers/connect.ts'
import { readSettings, type Settings, storeOf } from '../workers/settings.ts'

/** What most commands work with. Temporal is connected to only when a command needs it: many work with it away. */
export interface CliContext {
  readonly settings: Settings
  readonly store: Store
  temporal(): Promise<TemporalClient>
}

export function openContext(): CliContext {
  const settings = readSettings()
  let temporal: Promise<TemporalClient> | undefined
  return {
    settings,
    store: storeOf(settings),
    temporal() {
      temporal ??= connect(settings)
      return temporal
    },
  }
}

/** A link to a workflow in Temporal's web UI, or its id where the UI is not known. */
export function workflowLink(settings: Settings, workflowId: string): string {
  if (settings.temporalUi === undefined) return `workflow ${workflowId}`
  return `${settings.temporalUi}/namespaces/${settings.temporal.namespace ?? 'default'}/workflows/${encodeURIComponent(workflowId)}`
}
