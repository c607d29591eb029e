import { hostVersions } from '../lib/code/host.ts'
import { type Overrides, type PlannedPipeline, planPipeline } from '../lib/code/plan.ts'
import { type Adapters, adaptersOf } from '../lib/extensions/adapters.ts'
import { withAdapters } from '../lib/extensions/plan.ts'
import { withModelFiles } from '../lib/jobs/model-files.ts'
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
 * A pipeline's plan, with what `slipway.config.ts` adds to it, whose file is loaded once, and the finished models it
 * names.
 * @throws SlipwayError with a problem of the definition, of the configuration or of a model's file
 */
export async function planned(
  root: string,
  store: Store,
  pipeline: string,
  overrides: Overrides,
): Promise<PlannedHere> {
  const adapters = await adaptersOf(root, { store })
  const found = await planPipeline(root, pipeline, hostVersions(), overrides)
  const whole = await withModelFiles(root, withAdapters(found.plan, adapters))
  return { ...found, ...whole, readable: readableWith(root, store, adapters) }
}
