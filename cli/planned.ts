import { hostVersions } from '../lib/code/host.ts'
import { type Overrides, type PlannedPipeline, planPipeline } from '../lib/code/plan.ts'
import { type Adapters, adaptersOf } from '../lib/extensions/adapters.ts'
import { withAdapters } from '../lib/extensions/plan.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import type { Sources } from '../lib/sources/source.ts'
import type { Store } from '../lib/store/store.ts'

/** The sources that a command may read from: it runs with the rights of who gives it. */
export async function readableFrom(root: string, store: Store): Promise<Sources> {
  return readableWith(root, store, await adaptersOf(root, { store }))
}

const readableWith = (root: string, store: Store, { sources }: Adapters): Sources =>
  openSources(store, { root, confined: false }, sources)

/** A pipeline's plan, and the sources that it may be given. */
interface PlannedHere extends PlannedPipeline {
  readonly readable: Sources
}

/**
 * A pipeline's plan, with what `slipway.config.ts` adds to it: the file is loaded once.
 * @throws SlipwayError with a problem of the definition or of the configuration
 */
export async function planned(
  root: string,
  store: Store,
  pipeline: string,
  overrides: Overrides,
): Promise<PlannedHere> {
  const adapters = await adaptersOf(root, { store })
  const found = await planPipeline(root, pipeline, hostVersions(), overrides)
  return { ...found, plan: withAdapters(found.plan, adapters), readable: readableWith(root, store, adapters) }
}
