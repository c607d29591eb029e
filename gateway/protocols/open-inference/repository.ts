import { SlipwayError } from '../../../lib/formats/errors.ts'
import type { Found, IndexedVersion, VersionStatistics } from '../protocol.ts'
import { type ModelMetadata, modelMetadata, tensorMetadata } from './metadata.ts'

/** The metadata of what was found. */
export const metadataOf = (name: string, { version, tensors, numbers }: Found): ModelMetadata =>
  version === undefined ? tensorMetadata(name, numbers, tensors) : modelMetadata(name, numbers, version)

/** An entry of the index (extension_model_repository.md). */
export interface ModelIndex {
  readonly name: string
  readonly version: string
  readonly state: 'READY' | 'UNAVAILABLE'
  readonly reason: string
}

/** @param isReady leaves out what cannot be asked */
export const repositoryIndex = (versions: readonly IndexedVersion[], isReady: boolean): ModelIndex[] =>
  versions
    .filter(({ reason }) => !isReady || reason === undefined)
    .map(({ name, version, reason = '' }) => ({
      name,
      version: version === undefined ? '' : String(version),
      state: reason === '' ? 'READY' : 'UNAVAILABLE',
      reason,
    }))

/** Statistics of a version (extension_statistics.md): what is measured here, and no more. */
export interface ModelStatistics {
  readonly name: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly last_inference: number
  readonly inference_count: number
  readonly execution_count: number
  readonly inference_stats: { readonly success: Duration; readonly fail: Duration }
}
interface Duration {
  readonly count: number
  readonly ns: number
}

export const modelStatistics = (statistics: readonly VersionStatistics[]): ModelStatistics[] =>
  statistics.map(({ name, version, lastAt, inferences, executions, answered, failed }) => ({
    name,
    version: String(version),
    last_inference: lastAt,
    inference_count: inferences,
    execution_count: executions,
    inference_stats: { success: durationOf(answered), fail: durationOf(failed) },
  }))

const durationOf = ({ count, ms }: VersionStatistics['answered']): Duration => ({ count, ns: Math.round(ms * 1e6) })

/** Models are loaded because routes name them. */
export const loadsByRoutes = (): SlipwayError =>
  new SlipwayError(
    'REQUEST_INVALID',
    'models are not loaded and unloaded by clients: a gateway loads what its routes name; see slipway rollout',
  )
