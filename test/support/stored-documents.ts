import { startRollout } from '../../lib/stats/rollout.ts'
import { digestOf } from '../../lib/store/digest.ts'

/** One small document of each kind that the store holds, as its writer would publish it. */
const digest = digestOf('model')
const ref = { digest, mediaType: 'application/json', size: 5 }
const variant = { model: 'loans', version: 1, digest }
const at = '2026-01-01T00:00:00.000Z'

export const material = { step: 'train', version: 1, code: {}, host: {}, inputs: { train: digest }, params: {} }

export const runRecord = (runId: string) => ({
  runId,
  workflowId: `run/${runId}`,
  pipeline: 'loans',
  status: 'succeeded' as const,
  exitCode: 0,
  plan: { digest },
  steps: [],
  gates: [],
  model: null,
  metrics: {},
  rollout: null,
  error: null,
  startedAt: at,
  finishedAt: at,
  origin: {},
})

export const versionRecord = {
  digest,
  run: 'r',
  registeredAt: at,
  evaluation: null,
  gates: null,
  metrics: {},
  against: null,
}

const policy = {
  strategy: { kind: 'canary' as const, steps: [5] },
  shadow: null,
  sticky: null,
  alpha: { rollback: 0.05, promote: 0.05 },
  minSamples: 0,
  watch: [{ metric: 'errors' as const, margin: 0.01 }],
  harmBudget: null,
  withinMs: 1,
  approval: null,
}

export const rolloutStart = (id: string) => ({
  id,
  endpoint: 'credit',
  run: 'r',
  champion: variant,
  candidate: variant,
  policy,
  startedAt: at,
  state: startRollout(0),
})

export const evidence = (seq: number) => ({
  seq,
  at: 1,
  blocks: [],
  cursors: {},
  before: null,
  answers: [],
  labels: [],
  mistakes: [],
  judged: 0,
})

export const rolloutEnd = (id: string) => ({
  ...rolloutStart(id),
  outcome: 'promoted' as const,
  reason: 'good',
  finishedAt: at,
  seconds: 1,
  requests: { champion: 1, candidate: 1 },
  harmed: 0,
  decisions: [],
  evidence: 1,
})

export const telemetryWindow = (gateway: string, seq: number) => ({
  slipway: 'window/1' as const,
  endpoint: 'credit',
  gateway,
  seq,
  revision: 1,
  rollout: null,
  from: 1,
  to: 2,
  champion: {
    digest,
    version: 1,
    requests: 1,
    rows: 1,
    errors: {},
    slow: 0,
    latency: [],
    scores: [],
    users: null,
    profile: {},
  },
  candidate: null,
  pairs: null,
  capture: null,
  labels: null,
})

export const presence = (id: string) => ({
  slipway: 'gateway/1' as const,
  id,
  address: 'http://127.0.0.1:1',
  startedAt: at,
  at,
  endpoints: {},
})

export const monitorReport = (endpoint: string, seq: number) => ({
  slipway: 'monitor-report/1' as const,
  endpoint,
  seq,
  check: `check ${seq}`,
  at,
  from: 1,
  to: 2,
  champion: variant,
  judged: true,
  more: false,
  windows: 0,
  requests: 0,
  errors: 0,
  rows: 0,
  columns: [],
  quality: null,
  estimated: {},
  labels: { received: 0, matched: 0, waiting: 0, dropped: 0, warning: null },
  rules: [],
  incident: null,
  change: 'none' as const,
  verdict: 'all is well',
  enoughLabels: false,
  page: ref,
  next: {
    cursors: {},
    open: null,
    openTables: { served: 0, labelled: 0 },
    openLabels: { received: 0, matched: 0, dropped: 0 },
    judged: seq,
    streaks: {},
    timeline: [],
    served: [],
    labelled: [],
    waiting: null,
    freshLabels: 0,
    newest: null,
  },
})

export const monitorStep = (endpoint: string) => ({
  id: 'monitor',
  kind: 'monitor' as const,
  package: 'package',
  model: 'loans',
  endpoint,
  time: null,
  policy: {
    everyMs: 1,
    drift: [],
    quality: [],
    volume: [],
    minRows: 1,
    minLabels: 1,
    importance: 0.5,
    falseAlarms: 0.01,
    labels: { withinMs: 1, key: null },
    retrain: null,
    playbook: null,
  },
})

export const batchRecord = (slot: string, generation: number) => ({
  slipway: 'batch-record/1' as const,
  owner: 'loans',
  name: 'nightly',
  slot,
  generation,
  key: 'k',
  manifest: ref,
  model: variant,
  rows: { read: 1, scored: 1, quarantined: 0 },
  to: null,
  supersedes: null,
  startedAt: at,
  publishedAt: at,
  by: 'ann',
})

export const publication = (name: string) => ({
  name,
  pipeline: 'loans',
  run: 'r',
  definition: digest,
  table: { digest, rows: 1 },
  key: ['id'],
  known: null,
  seen: { since: null },
})

export const batchDefinition = {
  pipeline: 'loans',
  endpoint: 'credit',
  policy: {
    cron: null,
    from: 'in/',
    to: null,
    format: 'parquet' as const,
    write: 'parquet' as const,
    onBadRow: 'quarantine' as const,
    maxBadRows: 0.01,
    keys: [],
    keep: null,
    partitionBy: [],
    catchupMs: 0,
    overlap: 'wait' as const,
  },
}

export { digest, variant }
