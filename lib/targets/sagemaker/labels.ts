import type { TelemetryWindow, VersionCounts } from '../../formats/telemetry.ts'
import type { Store } from '../../store/store.ts'
import { gatewayRoute } from '../gateway-route.ts'
import type { Cursors, Source } from '../target.ts'

/*
 * Labels of answers that SageMaker gave. Gateways take them, as all labels, and send them to the store in windows of
 * theirs. What they answer themselves is no evidence of what SageMaker serves.
 */

/** Gateways as sources of labels. */
export const labelSources = (store: Store, endpoint: string): Promise<Readonly<Record<string, Source>>> =>
  gatewayRoute(store).look(endpoint)

/**
 * Windows of gateways with nothing in them but labels. What SageMaker wrote down comes late, and labels may be quicker:
 * they are held back for as long, so that nobody looks for their answers before these are there.
 * @param own the source that is none
 * @param until ms since 1970: later windows are not read yet
 */
export async function readLabels(
  store: Store,
  endpoint: string,
  all: Cursors,
  { own, until }: { readonly own: string; readonly until: number },
): Promise<{ readonly windows: readonly TelemetryWindow[]; readonly cursors: Cursors }> {
  const { [own]: _, ...since } = all
  const { windows, cursors } = await gatewayRoute(store).evidence(endpoint, since)
  const next: Record<string, number> = { ...cursors }
  for (const { gateway, seq, to } of windows) if (to > until) next[gateway] = Math.min(next[gateway] ?? seq, seq)
  const due = windows.filter(({ gateway, seq }) => seq < (next[gateway] ?? 0))
  return { windows: due.flatMap((window) => (window.labels === null ? [] : labelsAlone(window))), cursors: next }
}

const labelsAlone = (window: TelemetryWindow): TelemetryWindow => ({
  ...window,
  rollout: null,
  champion: withoutCounts(window.champion),
  candidate: null,
  pairs: null,
  capture: null,
})

const withoutCounts = ({ digest, version }: VersionCounts): VersionCounts => ({
  digest,
  version,
  requests: 0,
  rows: 0,
  errors: {},
  slow: 0,
  latency: [],
  scores: [],
  users: null,
  profile: {},
})
