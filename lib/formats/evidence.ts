import { z } from 'zod'
import { Digest } from './artifact.ts'
import { RolloutDecision, RolloutRecord } from './records.ts'
import { RouteRollout } from './route.ts'

const Count = z.number()
const Counts = z.array(Count).readonly()

/** Metrics that count events of requests. */
export type EventMetric = 'errors' | 'latency'
const byMetric = <Shape extends z.ZodType>(shape: Shape) => z.object({ errors: shape, latency: shape }).readonly()

/** A count of either version. */
export const Both = z.object({ champion: Count, candidate: Count }).readonly()
export type Both = z.infer<typeof Both>

/** Answers and events of two arms: A is the champion's, B the candidate's. */
export const Arms = z.object({ nA: Count, kA: Count, nB: Count, kB: Count }).readonly()
export type Arms = z.infer<typeof Arms>

const weighed = {
  /** Milliseconds since 1970. */
  from: z.number(),
  to: z.number(),
  mode: RouteRollout.shape.mode,
  /** Design weight of the candidate. */
  share: z.number(),
}

/** Evidence of one weight: counts, no times but its own. */
export const Block = z
  .object({
    ...weighed,
    /** Requests drawn to each arm, or users new to it where the split is sticky. */
    units: Both,
    /** Answers and events an arm; of users new to it (their first request) where the split is sticky. */
    arms: byMetric(Arms),
    /** Sticky splits: users whose first event it was. */
    onsets: byMetric(Both).nullable(),
    /** Counts of scores by bin, one a request. */
    scores: z.object({ champion: Counts, candidate: Counts }).readonly(),
    /** Requests that both answered, and on which just one of them had the event. */
    pairs: z
      .object({ n: Count, only: byMetric(Both) })
      .readonly()
      .nullable(),
  })
  .readonly()
export type Block = z.infer<typeof Block>

/** Evidence that labels bring: answers of one weight that are labelled, and how many of them were wrong. */
export const LabelBlock = z
  .object({
    ...weighed,
    arms: Arms,
    /** Labelled requests that both answered, and on which just one of them was wrong. */
    pairs: z.object({ n: Count, only: Both }).readonly().nullable(),
  })
  .readonly()
export type LabelBlock = z.infer<typeof LabelBlock>

/** ln of a capital; JSON has no −∞, which it says as null. */
const Logs = z
  .array(
    z
      .number()
      .nullable()
      .transform((ln) => ln ?? Number.NEGATIVE_INFINITY),
  )
  .readonly()

/** What is known of one share of requests: of failures, of slow answers, of label errors. */
export const MetricState = z
  .object({
    champion: z.object({ n: Count, k: Count }).readonly(),
    candidate: z.object({ n: Count, k: Count }).readonly(),
    /** Log-wealth of the restarting e-process, on each of `effects`. */
    late: Logs,
    /** By target: ln e of the unpaired alternatives, of the paired stakes, and the largest ln E so far. */
    split: z.record(z.string(), Logs).readonly(),
    paired: z.record(z.string(), Logs).readonly(),
    best: z.record(z.string(), z.number()).readonly(),
  })
  .readonly()
export type MetricState = z.infer<typeof MetricState>

/** All that is known of a rollout, serialisable: it goes through continue-as-new and into the evidence log. */
export const RolloutState = z
  .object({
    /** Milliseconds since 1970. */
    startedAt: z.number(),
    now: z.number(),
    stage: z.int(),
    stageSince: z.number(),
    /** Milliseconds in which nobody watched: since it began, and in this stage; missing while there were none. */
    unwatched: z.object({ all: z.number(), stage: z.number() }).readonly().optional(),
    /** Answers by the candidate in this stage. */
    samples: Count,
    /** Minutes whose restart capital is invested. */
    minute: z.number(),
    pending: Block.nullable(),
    metrics: byMetric(MetricState),
    /**
     * What labels say, which come later and have minutes of their own; null before any (and missing in rollouts begun
     * before 0.6).
     */
    labels: z
      .object({ minute: z.number(), pending: LabelBlock.nullable(), mistakes: MetricState })
      .readonly()
      .nullable()
      .optional(),
    scores: z.object({ champion: Counts, candidate: Counts, log: Logs }).readonly(),
    /** Units by design weight, for the check of the split. */
    units: z.record(z.string(), z.object({ candidate: Count, all: Count }).readonly()).readonly(),
    /** Excess failures: the candidate's failures minus those expected at the champion's rate. */
    excess: z.number(),
  })
  .readonly()
export type RolloutState = z.infer<typeof RolloutState>

/** What a rollout begins with. */
export const RolloutStart = RolloutRecord.pick({
  id: true,
  endpoint: true,
  run: true,
  champion: true,
  candidate: true,
  policy: true,
  startedAt: true,
}).extend({ state: RolloutState })
export type RolloutStart = z.infer<typeof RolloutStart>

/** What came in between two looks, and what had been decided at the one before. */
export const EvidenceEntry = z.object({
  seq: z.int(),
  /** Milliseconds since 1970, by the worker that collected it. */
  at: z.number(),
  blocks: z.array(Block),
  /** Milliseconds before this look in which nobody watched and the candidate got nothing; missing without any. */
  unwatched: z.number().positive().optional(),
  /** By source: the window to read next. */
  cursors: z.record(z.string(), z.int()),
  before: RolloutDecision.nullable(),
  /** Where labels count: captured answers of the rollout that came in, and labels of whatever answers. */
  answers: z.array(z.object({ ...weighed, capture: Digest })).default([]),
  labels: z.array(Digest).default([]),
  /** What labels say of answers that came in at earlier looks, and the look to be judged next. */
  mistakes: z.array(LabelBlock).default([]),
  judged: z.int().default(0),
})
export type EvidenceEntry = z.infer<typeof EvidenceEntry>

/** That a rollout is watched: the object `rollouts/<id>/lease.json`, replaced at every look. */
export const RolloutLease = z.object({
  slipway: z.literal('lease/1'),
  rollout: z.string(),
  /** The look. */
  seq: z.int(),
  /** How long it is good for on the clock of who finds it, milliseconds. */
  ms: z.number().positive(),
})
export type RolloutLease = z.infer<typeof RolloutLease>
