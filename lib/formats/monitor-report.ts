import { z } from 'zod'
import { ArtifactRef, Digest } from './artifact.ts'
import { ModelVersion } from './route.ts'
import { FeatureCounts } from './telemetry.ts'

const Estimate = z.object({ value: z.number(), low: z.number(), high: z.number() })

/** How a column differs from its baseline: see `lib/stats/drift.ts`. */
export const ColumnDrift = z.object({
  name: z.string(),
  kind: z.enum(['numeric', 'categorical']),
  /** Rows of the window, missing ones included. */
  rows: z.int(),
  /** Share of the model's importance; null for scores. */
  importance: z.number().nullable(),
  /** By measure; those that are not defined on the column are left out. */
  measures: z.record(z.string(), Estimate),
  /** Why there are no measures to judge by, where it is news: all values have gone, or the first have come. */
  note: z.string().optional(),
  /** The bins both are drawn in: labels, and shares of the rows that have a value. */
  bins: z.array(z.object({ label: z.string(), baseline: z.number(), now: z.number() })),
})
export type ColumnDrift = z.infer<typeof ColumnDrift>

/** What became known of predictions, or was estimated of them. */
export const QualityReport = z.object({
  labels: z.int(),
  metrics: z.record(z.string(), Estimate),
  /** Means over the labelled rows. */
  prediction: z.number(),
  label: z.number(),
})

/** A rule's state after a check. */
export const RuleState = z.object({
  rule: z.string(),
  kind: z.enum(['drift', 'quality', 'volume']),
  /** `breached`: beyond the limit with 95 % confidence; `unknown`: too few rows or labels to say. */
  state: z.enum(['kept', 'breached', 'unknown']),
  /** Breached checks one after the other; checks that know nothing neither add nor break. */
  streak: z.int(),
  firing: z.boolean(),
  reason: z.string(),
})
export type RuleState = z.infer<typeof RuleState>

/** Something is wrong with an endpoint: from the first alarm until all rules are kept again. */
export const Incident = z.object({
  id: z.string(),
  since: z.string(),
  reasons: z.array(z.string()),
})
export type Incident = z.infer<typeof Incident>

/** A point of the time line of an endpoint. */
export const TimelinePoint = z.object({
  seq: z.int(),
  /** End of the interval, ms since 1970. */
  to: z.number(),
  version: z.int(),
  rows: z.int(),
  /** By column. */
  psi: z.record(z.string(), z.number()),
  labels: z.int(),
  metrics: z.record(z.string(), z.number()),
  /** Estimated without labels. */
  estimated: z.record(z.string(), z.number()),
  firing: z.boolean(),
})
export type TimelinePoint = z.infer<typeof TimelinePoint>

/** Rows that were served and captured in an interval, or labelled in one: parquet. */
export const ServedTable = z.object({ table: ArtifactRef, rows: z.int(), from: z.number(), to: z.number() })
export type ServedTable = z.infer<typeof ServedTable>

/** What windows came to since the last judgement, for one version of the model. */
export const OpenInterval = z.object({
  digest: Digest,
  /** ms since 1970; 0 where there were no windows. */
  from: z.number(),
  to: z.number(),
  windows: z.int(),
  requests: z.int(),
  errors: z.int(),
  rows: z.int(),
  /** By feature; `score:` are the predictions. */
  counts: z.record(z.string(), FeatureCounts),
})
export type OpenInterval = z.infer<typeof OpenInterval>

/** Labels that came since the last judgement. */
const LabelSums = z.object({ received: z.int(), matched: z.int(), dropped: z.int() })

/** One check of an endpoint: `monitors/<endpoint>/<seq>.json`, written once. What the next check needs is in `next`. */
export const MonitorReport = z.object({
  slipway: z.literal('monitor-report/1'),
  endpoint: z.string(),
  seq: z.int(),
  /** Which step of which workflow run wrote it: trying again finds its own report. */
  check: z.string(),
  /** ISO time of the check. */
  at: z.string(),
  /** The interval the windows cover, ms since 1970; equal where there were none. */
  from: z.number(),
  to: z.number(),
  champion: ModelVersion,
  /** Whether rules were judged; false where windows were gathered only, and more of them wait if `more`. */
  judged: z.boolean(),
  more: z.boolean(),
  windows: z.int(),
  requests: z.int(),
  errors: z.int(),
  rows: z.int(),
  columns: z.array(ColumnDrift),
  quality: QualityReport.nullable(),
  /** Without labels, from the scores. */
  estimated: z.record(z.string(), z.number()),
  labels: z.object({
    /**
     * Labels that came, that found their row, and that came too late or for unknown rows: since the last judgement
     * where rules were judged, of this step elsewhere (and always up to 0.6); those that wait for their row now.
     */
    received: z.int(),
    matched: z.int(),
    waiting: z.int(),
    dropped: z.int(),
    /** That none found its row, in words. */
    warning: z.string().nullable().default(null),
  }),
  rules: z.array(RuleState),
  incident: Incident.nullable(),
  /** Whether the incident began, goes on, or ended with this check. */
  change: z.enum(['none', 'opened', 'goes on', 'resolved']),
  verdict: z.string(),
  /** As many new labels have come as the definition retrains after. */
  enoughLabels: z.boolean().default(false),
  /** The same for people: a self-contained page. */
  page: ArtifactRef,
  next: z.object({
    /** By gateway: the window to read next. */
    cursors: z.record(z.string(), z.int()),
    /** What was gathered and not judged yet, and how many of the newest tables belong to it. */
    open: OpenInterval.nullable(),
    openTables: z.object({ served: z.int(), labelled: z.int() }),
    openLabels: LabelSums.default({ received: 0, matched: 0, dropped: 0 }),
    /** The last check that judged. */
    judged: z.int().nullable(),
    streaks: z.record(z.string(), z.int()),
    timeline: z.array(TimelinePoint),
    served: z.array(ServedTable),
    labelled: z.array(ServedTable),
    /** Labels that found no row yet. */
    waiting: ArtifactRef.nullable(),
    /** Labels that found their row since a version took over, or since they asked for a retraining. */
    freshLabels: z.int().default(0),
    /** The newest row among the labelled ones by the split's column, ISO time. */
    newest: z.string().nullable(),
  }),
})
export type MonitorReport = z.infer<typeof MonitorReport>
