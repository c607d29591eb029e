import { z } from 'zod'
import { ArtifactRef, Digest } from './artifact.ts'
import { BatchPolicy } from './batch-policy.ts'
import { ModelVersion } from './route.ts'
import { RowSchema } from './row-schema.ts'
import { Compression } from './table-format.ts'

/**
 * A file of the input. One in the store has a digest; one elsewhere is known by what changes with it until it is read.
 */
export const BatchFile = z.object({
  /** Where it was found, for people. */
  uri: z.string(),
  size: z.int().nonnegative(),
  digest: Digest.nullable(),
  etag: z.string().nullable(),
  compression: Compression,
  /** Columns that its folders name: `region=EU/`; null where they say that the value is missing. */
  partition: z.record(z.string(), z.string().nullable()),
  /** Rows by its footer; null where the format has none. */
  rows: z.int().nullable(),
})
export type BatchFile = z.infer<typeof BatchFile>

/** Rows of one file, from (inclusive) to (exclusive, null: its end): what one activity scores. */
export const Shard = z.object({ file: z.int(), from: z.int(), to: z.int().nullable() })
export type Shard = z.infer<typeof Shard>

/** Everything a batch depends on, fixed when it begins: an artifact. */
export const BatchPlan = z.object({
  slipway: z.literal('batch-plan/1'),
  owner: z.string(),
  name: z.string(),
  slot: z.string(),
  model: ModelVersion,
  /** Whose monitor hears of it. */
  endpoint: z.string().nullable(),
  policy: BatchPolicy,
  inputs: z.array(BatchFile),
  shards: z.array(Shard),
  /** Rows whose keys occurred before, `file` and `row`: parquet. */
  duplicates: ArtifactRef.nullable(),
})
export type BatchPlan = z.infer<typeof BatchPlan>

/** A file of the output. */
export const Part = z.object({
  /** In the output folder. */
  path: z.string(),
  digest: Digest,
  size: z.int(),
  rows: z.int(),
  /** The shard it was made from. */
  shard: z.int(),
})
export type Part = z.infer<typeof Part>

/** What came out of a batch: an artifact, the same bytes whoever made it and how often he was killed. */
export const BatchManifest = z.object({
  slipway: z.literal('batch/1'),
  owner: z.string(),
  name: z.string(),
  slot: z.string(),
  model: ModelVersion,
  plan: ArtifactRef,
  /** The input's columns as they were read. */
  schema: RowSchema,
  inputs: z.array(z.object({ uri: z.string(), digest: Digest, size: z.int() })),
  rows: z.object({ read: z.int(), scored: z.int(), quarantined: z.int() }),
  parts: z.array(Part),
  /** Rows that were set aside, with their file, row number and reasons: parquet. */
  quarantine: z.array(Part),
  /** Quarantined rows by reason; a row may have several. */
  reasons: z.record(z.string(), z.int()),
  /** Over parts and quarantine, in order: RFC 6962's tree hash of their canonical JSON. */
  merkleRoot: Digest,
})
export type BatchManifest = z.infer<typeof BatchManifest>

/**
 * That a manifest is in force: `batches/<owner>/<name>/<slot>/<generation>.json`, written once; the last one counts.
 */
export const BatchRecord = z.object({
  slipway: z.literal('batch-record/1'),
  owner: z.string(),
  name: z.string(),
  slot: z.string(),
  generation: z.int().positive(),
  /** Idempotency key: hash of model, inputs and policy. */
  key: z.string(),
  manifest: ArtifactRef,
  model: ModelVersion,
  rows: BatchManifest.shape.rows,
  to: z.string().nullable(),
  /** The manifest it took the place of. */
  supersedes: Digest.nullable(),
  /** ISO times. */
  startedAt: z.string(),
  publishedAt: z.string(),
  /** Who or what started it. */
  by: z.string(),
})
export type BatchRecord = z.infer<typeof BatchRecord>

/** What one shard came to. */
export const ShardFacts = z.object({
  read: z.int(),
  scored: z.int(),
  parts: z.array(Part),
  quarantine: Part.nullable(),
  reasons: z.record(z.string(), z.int()),
  /** The digest of the file it was cut from. */
  input: Digest,
  /** What scored it; `kernel` is the older word for a compiled model. */
  engine: z.enum(['kernel', 'onnxruntime']).optional(),
})
export type ShardFacts = z.infer<typeof ShardFacts>
