import { openSources } from '../lib/sources/open-sources.ts'
import type { Sources } from '../lib/sources/source.ts'
import type { ActivityDeps } from './step.ts'

/** The sources that activities may read: of the worker's machine, only what lies below the folder it was given. */
export const sourcesOfWorker = ({ store, sources, adapters }: ActivityDeps): Sources =>
  openSources(store, { root: sources, confined: true }, adapters.sources)
