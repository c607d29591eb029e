import { z } from 'zod'
import { distinctNames } from './answers.ts'
import { ArtifactRef, Digest } from './artifact.ts'
import { RouteRollout } from './route.ts'

/** Upper bounds of the latency histogram, seconds; one more bucket holds what is slower. */
export const latencyBounds: readonly number[] = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

const Count = z.int().nonnegative()
const Counts = z.array(Count)

/**
 * A feature's values in the bins of the version's own baseline profile: numbers by bin, then those below its smallest
 * value, those above its largest (both only since 0.7) and missing ones; text by value.
 */
export const FeatureCounts = z.union([Counts, z.record(z.string(), Count)])
export type FeatureCounts = z.infer<typeof FeatureCounts>
/** Keys of text that is not among the baseline's values, and of missing text. */
export const otherText = '\u0000other'
export const missingText = '\u0000missing'
/** Of a masked column the place of a text among the baseline's values stands for it. */
export const placedText = (place: number): string => `\u0000#${place}`

/** What one version did in a window. All counts: windows of any gateways add up, in any order. */
export const VersionCounts = z.object({
  digest: Digest,
  version: z.int(),
  /** Requests it was to answer, shadow ones included; those with an error were answered by the champion, or failed. */
  requests: Count,
  rows: Count,
  /** By class: `features`, `model`, `timeout`, `injected`. */
  errors: z.record(z.string(), Count),
  slow: Count,
  /** By `latencyBounds`. */
  latency: Counts,
  /** Score of each request's first row, in the champion's bins of scores; of several classes by class, others last. */
  scores: Counts,
  /**
   * Where the split is sticky: users not seen before, what came of their first request, and users whose first event it
   * was.
   */
  users: z.object({ new: Count, errors: Count, slow: Count, errorOnsets: Count, slowOnsets: Count }).nullable(),
  /**
   * All rows, by feature; `score:` are the predictions, of several classes `score:a` … and `class:`;
   * `answer:` what a function of the user's answers.
   */
  profile: z.record(z.string(), FeatureCounts),
})
export type VersionCounts = z.infer<typeof VersionCounts>

/**
 * A closed interval of serving under one revision of a route, as one gateway saw it: the object `windows/…/<seq>.json`.
 */
export const TelemetryWindow = z.object({
  slipway: z.literal('window/1'),
  endpoint: z.string(),
  gateway: z.string(),
  seq: Count,
  revision: z.int().positive(),
  rollout: z
    .object({ id: z.string(), mode: RouteRollout.shape.mode, share: z.number(), sticky: z.string().nullable() })
    .nullable(),
  /** That the candidate of a rollout got nothing, for nobody watched it; `rollout` is null then. */
  suspended: z.literal(true).optional(),
  /** Milliseconds since 1970. */
  from: z.number(),
  to: z.number(),
  champion: VersionCounts,
  candidate: VersionCounts.nullable(),
  /** Requests both versions were asked: how many, which of the two alone failed or was slow, and how they differ. */
  pairs: z
    .object({
      n: Count,
      championOnly: z.object({ errors: Count, slow: Count }),
      candidateOnly: z.object({ errors: Count, slow: Count }),
      /** Scores that differ by more than 1e-6, and the largest difference. */
      different: Count,
      largest: z.number(),
      /** Requests that functions of the user's answered on both sides, and those with an answer that differs. */
      answers: z.object({ n: Count, different: Count }).optional(),
      /** Of answers of tensors, as vectors: cosines of their angles, where both have a length; absent without any. */
      cosine: z.object({ n: Count, sum: z.number(), least: z.number() }).optional(),
      /** Not mirrored, because the shadow was busy. */
      dropped: Count,
    })
    .nullable(),
  /** A sample of rows and answers, parquet. */
  capture: ArtifactRef.nullable(),
  /** Labels that came in the interval, whenever their predictions were made: `Label`s, one JSON a line. */
  labels: ArtifactRef.nullable().default(null),
  /** Where rows and scores come from files of requests that somebody else wrote, of a share of them, and late. */
  sampled: z
    .object({
      /** Share of requests that is written down. */
      share: z.number(),
      /** Requests of the interval in files that were there at the time `upTo`, ms since 1970. */
      upTo: z.number(),
      events: Count,
      /** Copies of them that were there besides. */
      repeated: Count,
      /** Lines, or files, that are none, and requests or answers that cannot be read. */
      unreadable: Count,
      /** Requests of which it is not known which version answered them. */
      unclear: Count,
      /** Requests beyond what a window keeps. */
      dropped: Count,
      /** Requests of earlier windows that came only since the window before this one: they count nowhere. */
      late: Count,
    })
    .optional(),
})
export type TelemetryWindow = z.infer<typeof TelemetryWindow>

const scoreMark = 'slipway_score:'
/** Columns of captured rows of several targets: the prediction of each. */
export const servedScore = (output: string): string => `${scoreMark}${output}`
export const isServedScore = (column: string): boolean => column.startsWith(scoreMark)
const quantileMark = 'slipway_quantile:'
/** Of several quantiles each of them. */
export const servedQuantile = (level: string): string => `${quantileMark}${level}`
/** The target or the quantile that a column holds; undefined of another one. */
export const servedNumber = (column: string): string | undefined =>
  [scoreMark, quantileMark].flatMap((mark) => (column.startsWith(mark) ? [column.slice(mark.length)] : []))[0]
/** Of several classes: the likeliest class, and the probability of each. */
export const servedClass = 'slipway_class'
export const servedScores = (outputs: readonly string[]): string[] => distinctNames(outputs.map(servedScore))
/** What a function of the user's answered. */
export const servedAnswer = 'slipway_answer'

/** What became of a prediction, as it was told to a gateway. One of `request` and `key` says of which. */
export const Label = z.object({
  request: z.string().nullable(),
  /** Row of the request, from 0. */
  row: Count,
  /** Value of the column that the monitor's `labels.key` names. */
  key: z.string().nullable(),
  /**
   * 1 or 0 of a binary classifier; the class of one of several, as text; the true number of a regression, of several
   * targets a list of theirs.
   */
  label: z.union([z.number(), z.string(), z.array(z.number())]),
  /** When it became known, ms since 1970. */
  at: z.number(),
})
export type Label = z.infer<typeof Label>

/** A label as clients send it to `/feedback`: one of them, or an array. */
const Feedback = z.strictObject({
  requestId: z.string().min(1).max(128).optional(),
  row: Count.max(1_000_000).default(0),
  key: z
    .union([
      z.string().min(1).max(256),
      z.number().refine((key) => Math.abs(key) <= Number.MAX_SAFE_INTEGER, {
        error: 'is a number past 2^53, of which JSON lost digits: send it as text',
      }),
    ])
    .transform(String)
    .optional(),
  label: z.union([
    z.boolean().transform(Number),
    z.number(),
    z.string().min(1).max(1_000),
    z.array(z.number()).max(1_000),
    z.record(z.string(), z.number()),
  ]),
  /** When it became known: ISO time or ms since 1970; by default now. */
  at: z.union([z.number(), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]).optional(),
  /** The endpoint it is about, where a gateway serves more than one. */
  endpoint: z.string().optional(),
})
export const FeedbackBody = z.union([z.array(Feedback).min(1).max(10_000), Feedback.transform((one) => [one])])
export type GivenLabel = z.infer<typeof Feedback>['label']

/** What a gateway says of itself: the object `gateways/<id>.json`, replaced every few seconds. */
export const GatewayPresence = z.object({
  slipway: z.literal('gateway/1'),
  id: z.string(),
  address: z.string(),
  startedAt: z.string(),
  at: z.string(),
  /** What it was asked before is in windows that are in the store, ISO; missing in those of 0.7 and before. */
  sentUpTo: z.string().optional(),
  endpoints: z.record(
    z.string(),
    z.object({
      /** What it really applies. */
      revision: z.int(),
      champion: Digest,
      candidate: Digest.nullable(),
      share: z.number(),
      /** Since when it gives the candidate nothing, for nobody watches the rollout, ISO; missing while it does. */
      suspended: z.string().optional(),
      /** Why it does not apply a newer revision. */
      refused: z.object({ revision: z.int(), why: z.string() }).nullable(),
      /** The window it writes next; all before are in the store, or lost. */
      nextWindow: Count,
    }),
  ),
})
export type GatewayPresence = z.infer<typeof GatewayPresence>
