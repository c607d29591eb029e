import type { RunRecord } from '../../lib/formats/records.ts'
import type { LineageTable } from '../../lib/tracking/openlineage.ts'

/** A run that has ended, as its record has it. */
export const endedRun = (over: Partial<RunRecord> = {}): RunRecord => ({
  runId: 'flights-20261122-034512-k3x9',
  workflowId: 'run/flights-20261122-034512-k3x9',
  pipeline: 'flights',
  status: 'succeeded',
  exitCode: 0,
  plan: { digest: `sha256:${'a'.repeat(64)}` },
  steps: [],
  gates: [],
  model: { name: 'flights', version: 3, digest: `sha256:${'b'.repeat(64)}`, champion: true },
  metrics: {},
  rollout: null,
  error: null,
  startedAt: '2026-11-22T03:45:12.000Z',
  finishedAt: '2026-11-22T03:46:00.500Z',
  origin: {},
  ...over,
})

export const flightsTable = (over: Partial<LineageTable> = {}): LineageTable => ({
  name: 'flights',
  from: 's3://lake/flights/2026.parquet',
  digest: `sha256:${'c'.repeat(64)}`,
  rows: 1_000,
  files: 2,
  size: 65_536,
  columns: [
    { name: 'origin', type: 'string' },
    { name: 'delay', type: 'number' },
  ],
  quality: {
    origin: { missing: 0, distinct: 7 },
    delay: { missing: 12, distinct: 300, min: -20.5, max: 1_300 },
  },
  ...over,
})
