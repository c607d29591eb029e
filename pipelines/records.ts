import { z } from 'zod'
import { ArtifactRef, Digest, Output } from './artifact.ts'
import { MetricName } from './gates.ts'

/** One gate's outcome. */
export const GateResult = z.object({
  name: z.string(),
  passed: z.boolean(),
  metric: MetricName,
  value: z.number().nullable(),
  limit: z.number().nullable(),
  /** The numbers behind the outcome, in words. */
  evidence: z.string(),
})
export type GateResult = z.infer<typeof GateResult>

/** What a run did, step by step. */
export const StepReport = z.object({
  name: z.string(),
  kind: z.string(),
  cached: z.boolean(),
  stepKey: z.string(),
  seconds: z.number(),
  /** One line for people. */
  summary: z.string(),
  outputs: z.array(Output),
})
export type StepReport = z.infer<typeof StepReport>

/** How a run ended: the result of its workflow, kept in the store as well, so that it can be read with Temporal away. */
export const RunRecord = z.object({
  runId: z.string(),
  workflowId: z.string(),
  pipeline: z.string(),
  status: z.enum(['succeeded', 'gate failed', 'rejected', 'failed', 'cancelled']),
  exitCode: z.int(),
  plan: z.object({ digest: Digest }),
  steps: z.array(StepReport),
  gates: z.array(GateResult),
  model: z.object({ name: z.string(), version: z.int(), digest: Digest, champion: z.boolean() }).nullable(),
  metrics: z.record(z.string(), z.number()),
  error: z
    .object({ code: z.string(), message: z.string(), step: z.string().nullable(), next: z.string().nullable() })
    .nullable(),
  startedAt: z.string(),
  finishedAt: z.string(),
  /** Who and what started it; not part of any digest. */
  origin: z.record(z.string(), z.string()),
})
export type RunRecord = z.infer<typeof RunRecord>

/**
 * The versions of a model and its aliases: the value of the ref `models/<name>`, written by that model's owner workflow
 * only. A version is a number for people; the digest is what it is.
 */
export const ModelState = z.object({
  /** Digest of version 1, 2, … */
  versions: z.array(Digest),
  /** Version numbers that were champion, oldest first; the last one is champion now. */
  champions: z.array(z.int().positive()),
  /** The version last registered. */
  candidate: z.int().positive().nullable(),
})
export type ModelState = z.infer<typeof ModelState>

/** What is on record about a version besides the package itself: who made it, and what it was judged by. */
export const VersionRecord = z.object({
  digest: Digest,
  run: z.string(),
  /** ISO time. */
  registeredAt: z.string(),
  evaluation: ArtifactRef.nullable(),
  gates: ArtifactRef.nullable(),
  metrics: z.record(z.string(), z.number()),
})
export type VersionRecord = z.infer<typeof VersionRecord>
