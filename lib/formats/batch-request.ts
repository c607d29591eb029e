import type { ArtifactRef } from './artifact.ts'
import type { BatchPolicy } from './batch-policy.ts'
import type { BatchRecord } from './batch-records.ts'
import type { ModelVersion } from './route.ts'

/** A batch as it is asked for. */
export interface BatchRequest {
  readonly owner: string
  readonly name: string
  /** Its partition, a day or an hour; null takes the time it was scheduled for. */
  readonly slot: string | null
  /** Take the place of what was published of the same partition. */
  readonly redo: boolean
  /** Who or what asks. */
  readonly by: string
  /**
   * All of it, where no pipeline defines it. `files` where they were stored already: the list of them, `BatchFile`s.
   */
  readonly adHoc: {
    readonly policy: BatchPolicy
    readonly model: ModelVersion
    readonly files: ArtifactRef | null
  } | null
}

/** A batch whose input was looked at. */
export interface BatchPlanned {
  readonly plan: ArtifactRef
  readonly key: string
  readonly slot: string
  readonly model: ModelVersion
  /** To be scored. */
  readonly shards: number
  /** By the footers; 0 where there are none. */
  readonly rows: number
  /** Its rows are scored elsewhere: staged, scored by one job, and collected. */
  readonly transform?: true
  /** What was published of the very same already. */
  readonly published: BatchRecord | null
}

/** What the scoring of a shard came to. */
export interface ShardOutcome {
  readonly read: number
  readonly scored: number
  readonly quarantined: number
  readonly cached: boolean
}
