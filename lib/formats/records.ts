import { z } from 'zod'
import { ArtifactRef, Digest, Output } from './artifact.ts'
import { RolloutPolicy } from './rollout-policy.ts'
import { ModelVersion } from './route.ts'

/** One gate's outcome. */
export const GateResult = z.object({
  name: z.string(),
  passed: z.boolean(),
  /** A metric of the table or of the user's; of a gate of the user's its name. */
  metric: z.string(),
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

/** A step a rollout took, or that somebody took for it. */
export const RolloutDecision = z.object({
  /** The evidence it was taken on. */
  seq: z.int(),
  /** ISO time. */
  at: z.string(),
  /** What was served when it was taken: `25 %`. */
  stage: z.string(),
  action: z.enum(['hold', 'advance', 'promote', 'rollback', 'inconclusive']),
  reason: z.string(),
  /** Who took it, where it was not the policy. */
  by: z.string().optional(),
})
export type RolloutDecision = z.infer<typeof RolloutDecision>

/** How a rollout ended, with all it decided: the result of its workflow, kept in the store as well. */
export const RolloutRecord = z.object({
  id: z.string(),
  endpoint: z.string(),
  run: z.string(),
  champion: ModelVersion,
  candidate: ModelVersion,
  policy: RolloutPolicy,
  outcome: z.enum(['promoted', 'rolled back', 'inconclusive']),
  reason: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
  seconds: z.number(),
  /** Answers an arm, as far as compared. */
  requests: z.object({ champion: z.int(), candidate: z.int() }),
  /** Excess failures: the candidate's failures minus those expected at the champion's rate. */
  harmed: z.number(),
  /** All but waiting. */
  decisions: z.array(RolloutDecision),
  /** Evidence stored: `rollouts/<id>/evidence/0 …`. */
  evidence: z.int(),
})
export type RolloutRecord = z.infer<typeof RolloutRecord>

const RunStatus = z.enum(['succeeded', 'gate failed', 'rejected', 'rolled back', 'inconclusive', 'failed', 'cancelled'])

/** Why a step failed. */
const StepFailure = z.object({
  step: z.string(),
  code: z.string(),
  message: z.string(),
  /** What its program wrote, where it kept that. */
  log: Digest.optional(),
})
export type StepFailure = z.infer<typeof StepFailure>

/** A step that was never begun: the failed step it waited for, null where the run was over before. */
const StepNotBegun = z.object({ name: z.string(), because: z.string().nullable() })

/** How a branch of `p.each` ended. */
export const BranchReport = z.object({
  name: z.string(),
  /** `not done` where none of its steps failed, and some never began. */
  status: z.enum([...RunStatus.options, 'not done']),
  /** What it registered, `flights-east version 3`; null for nothing. */
  model: z.string().nullable(),
  /** Its first failure in the order of the plan. */
  failure: StepFailure.nullable(),
})
export type BranchReport = z.infer<typeof BranchReport>

/**
 * What a workflow that carried out some branches of a run did: kept beside the run's record, which would grow too large
 * with it.
 */
export const BranchesRecord = z.object({
  slipway: z.literal('branches/1'),
  runId: z.string(),
  /** Which of the run's groups of branches, from 0. */
  group: z.int().nonnegative(),
  branches: z.array(BranchReport),
  steps: z.array(StepReport),
  gates: z.array(GateResult),
  failures: z.array(StepFailure),
  notBegun: z.array(StepNotBegun),
})
export type BranchesRecord = z.infer<typeof BranchesRecord>

/**
 * How a run ended: the result of its workflow, kept in the store as well, so that it can be read with Temporal away.
 */
export const RunRecord = z.object({
  runId: z.string(),
  workflowId: z.string(),
  pipeline: z.string(),
  status: RunStatus,
  exitCode: z.int(),
  plan: z.object({ digest: Digest }),
  steps: z.array(StepReport),
  gates: z.array(GateResult),
  model: z.object({ name: z.string(), version: z.int(), digest: Digest, champion: z.boolean() }).nullable(),
  metrics: z.record(z.string(), z.number()),
  /** The rollout it went into, if it got that far and the endpoint served something else before. */
  rollout: RolloutRecord.pick({
    id: true,
    endpoint: true,
    outcome: true,
    reason: true,
    seconds: true,
    requests: true,
    harmed: true,
  })
    .nullable()
    .default(null),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      step: z.string().nullable(),
      next: z.string().nullable(),
      /** Where in the user's sources, of an error of theirs. */
      file: z.string().optional(),
      line: z.int().optional(),
      column: z.int().optional(),
      text: z.string().nullable().optional(),
      /** What the step's program wrote, where it kept that. */
      log: Digest.optional(),
      /** Where the value is that it is about: the value itself is in no record. */
      cell: z.object({ table: Digest, file: z.string().optional(), row: z.int(), column: z.string() }).optional(),
    })
    .nullable(),
  /** All steps that failed, where it was more than one; `error` is the first of them in the order of the plan. */
  failures: z.array(StepFailure).optional(),
  /** Steps that were never begun, where there are any. */
  notBegun: z.array(StepNotBegun).optional(),
  /** How its branches ended, where it has any. */
  branches: z.array(BranchReport).optional(),
  /** How many records of branches belong to it: what they did is not in this one. */
  groups: z.int().optional(),
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
  /** Digest of the version it was judged against; null for none, and in records of 0.7 and before. */
  against: Digest.nullable().default(null),
})
export type VersionRecord = z.infer<typeof VersionRecord>
