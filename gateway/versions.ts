import type { ModelVersion } from '../lib/formats/route.ts'
import type { TensorFacts } from '../lib/formats/tensors.ts'
import { rowReader } from '../lib/models/rows.ts'
import { type Batcher, createBatcher } from './batcher.ts'
import type { ServedVersion } from './protocols/protocol.ts'
import type { Scorer } from './scorer.ts'
import { createTensorQueue, type TensorQueue } from './tensors/queue.ts'
import type { TensorScorer } from './tensors/scorer.ts'

/** A version that is loaded, with what it takes to ask it. */
export interface LoadedRows extends ServedVersion {
  readonly kind: 'rows'
  readonly scorer: Scorer
  /** For small batches of a version that is trusted; see `Scorer`. */
  readonly inline: Batcher | undefined
  readonly offloaded: Batcher
}

/** The same of a model of tensors. */
export interface LoadedTensors {
  readonly kind: 'tensors'
  readonly facts: TensorFacts
  readonly scorer: TensorScorer
  readonly inline: undefined
  readonly offloaded: TensorQueue
}
export type LoadedVersion = LoadedRows | LoadedTensors

/** The versions of an endpoint that are loaded or being loaded, each once. */
export interface Versions {
  /** Loads a version, or joins who is loading it. */
  get(version: ModelVersion): Promise<LoadedVersion>
  /** A version that is loaded. */
  byDigest(digest: string): LoadedVersion | undefined
  byNumber(version: number): LoadedVersion | undefined
  /** Numbers of those that are loaded, ascending. */
  numbers(): number[]
  /** Rows that wait for any of them. */
  queued(): number
  /** Lets go of all but these, once they have answered what they were asked. */
  keepOnly(digests: ReadonlySet<string>): void
  close(): Promise<void>
}

/** Requests that hold an old view of the route reach their batcher within this, ms. */
const graceMs = 1_000

const loadedRows = (scorer: Scorer): LoadedRows => ({
  kind: 'rows',
  scorer,
  facts: scorer.facts,
  inline: scorer.inline === undefined ? undefined : createBatcher(scorer.inline),
  offloaded: createBatcher(scorer.offloaded),
  reader: rowReader(scorer.facts.inputs),
})

const loadedTensors = (scorer: TensorScorer): LoadedTensors => ({
  kind: 'tensors',
  scorer,
  facts: scorer.facts,
  inline: undefined,
  offloaded: createTensorQueue(scorer),
})

export function createVersions(load: (version: ModelVersion) => Promise<Scorer | TensorScorer>): Versions {
  const loading = new Map<string, Promise<LoadedVersion>>()
  const loaded = new Map<string, LoadedVersion>()

  const letGo = async (version: LoadedVersion): Promise<void> => {
    await Promise.all([version.inline?.drained(), version.offloaded.drained()])
    await version.scorer.close()
  }
  const begin = async (version: ModelVersion): Promise<LoadedVersion> => {
    const scorer = await load(version)
    const begun = 'answer' in scorer ? loadedTensors(scorer) : loadedRows(scorer)
    // Nobody may want it any more.
    if (loading.has(version.digest)) loaded.set(version.digest, begun)
    else void letGo(begun)
    return begun
  }
  return {
    get(version) {
      const known = loading.get(version.digest)
      if (known !== undefined) return known
      const begun = begin(version)
      loading.set(version.digest, begun)
      begun.catch(() => loading.delete(version.digest))
      return begun
    },
    byDigest: (digest) => loaded.get(digest),
    byNumber: (version) => [...loaded.values()].find(({ scorer }) => scorer.modelVersion.version === version),
    numbers: () => [...loaded.values()].map(({ scorer }) => scorer.modelVersion.version).sort((a, b) => a - b),
    queued: () =>
      [...loaded.values()].reduce((sum, { inline, offloaded }) => sum + offloaded.queued + (inline?.queued ?? 0), 0),
    keepOnly(digests) {
      for (const digest of loading.keys()) {
        if (digests.has(digest)) continue
        loading.delete(digest)
        const version = loaded.get(digest)
        loaded.delete(digest)
        if (version !== undefined) setTimeout(() => void letGo(version), graceMs)
      }
    },
    async close() {
      for (const begun of loading.values()) {
        const version = await begun.catch(() => undefined)
        if (version !== undefined) await letGo(version)
      }
    },
  }
}
