import type { ClientContext } from '../client/context.ts'
import { unreachable } from '../client/unreachable.ts'
import { listKeys } from '../lib/store/documents.ts'

/** Where everything is, and what of it does not answer: what the banner says, and links are made of. */
export interface Place {
  readonly project: string
  /** `http://…/namespaces/default`, to which pages add; null where Temporal's web UI is not known. */
  readonly temporalUi: string | null
  readonly store: string
  /** Why they do not answer; null while they do. */
  readonly away: { readonly temporal: string | null; readonly store: string | null }
}

export async function readPlace({ settings, store, temporal }: ClientContext): Promise<Place> {
  const why = (error: unknown): string => (unreachable(error) ?? (error as Error)).message
  const [temporalAway, storeAway] = await Promise.all([
    temporal()
      .then(({ connection }) =>
        connection.withDeadline(Date.now() + 4_000, () => connection.workflowService.getSystemInfo({})),
      )
      .then(() => null, why),
    listKeys(store, 'refs/', 1).then(() => null, why),
  ])
  const { temporalUi, temporal: where, root } = settings
  return {
    project: root.split('/').at(-1) ?? '',
    temporalUi: temporalUi === undefined ? null : `${temporalUi}/namespaces/${where.namespace ?? 'default'}`,
    store: store.address,
    away: { temporal: temporalAway, store: storeAway },
  }
}
