import { readArtifact } from '../client/artifact.ts'
import { readBatches } from '../client/batches.ts'
import type { ClientContext } from '../client/context.ts'
import { readEndpointStates } from '../client/endpoint-states.ts'
import { readEndpoint } from '../client/endpoints.ts'
import { readLineage } from '../client/lineage.ts'
import { readModelReport } from '../client/model.ts'
import { readModels } from '../client/models.ts'
import { readCheck } from '../client/monitors.ts'
import { readPartition } from '../client/partition.ts'
import { readPipelines } from '../client/pipelines.ts'
import { readRetraining } from '../client/retraining.ts'
import { readRunGraph } from '../client/run-graph.ts'
import { readRun, readRuns } from '../client/runs.ts'
import { readSchedules } from '../client/schedules.ts'
import { readWaiting } from '../client/waiting.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { readPlace } from './place.ts'

/** What pages show: the very document that a command prints with `--json`. */
interface DocumentKind {
  /** `runs/:run/graph`: parts with a colon are taken from the address. */
  readonly path: string
  /** The command that prints it, without `--json`; empty where none does. */
  readonly command: (parts: Parts) => string
  read(context: ClientContext, parts: Parts): Promise<unknown>
  /** It takes much to make and changes seldom: while somebody listens it is looked at this often, ms. */
  readonly everyMs?: number
}

type Parts = Readonly<Record<string, string>>

/** A document that was asked for. */
interface AskedDocument {
  readonly command: string
  readonly everyMs: number
  read(context: ClientContext): Promise<unknown>
}

const kinds: readonly DocumentKind[] = [
  // Where things are is no figure: no command prints it so.
  { path: 'place', command: () => '', read: (context) => readPlace(context) },
  { path: 'pipelines', command: () => 'slipway pipelines', read: (context) => readPipelines(context) },
  { path: 'runs', command: () => 'slipway runs', read: (context) => readRuns(context) },
  {
    path: 'pipelines/:pipeline/runs',
    command: ({ pipeline }) => `slipway runs ${pipeline}`,
    read: (context, { pipeline }) => readRuns(context, { pipeline }),
  },
  {
    path: 'runs/:run',
    command: ({ run }) => `slipway show ${run}`,
    read: (context, { run = '' }) => readRun(context, run),
  },
  {
    path: 'runs/:run/graph',
    command: ({ run }) => `slipway show ${run} --graph`,
    read: (context, { run = '' }) => readRunGraph(context, run),
  },
  {
    path: 'runs/:run/logs/:digest',
    command: ({ digest }) => `slipway show ${digest}`,
    read: async (context, { run = '', digest = '' }) => {
      // Logs and no data: whatever else a digest names may be of any size.
      const { steps } = await readRunGraph(context, run)
      if (!steps.some(({ log }) => log === digest))
        throw new SlipwayError('NOT_FOUND', `run ${run} has no log ${digest}`, { next: `slipway show ${run} --graph` })
      const { bytes: _, ...document } = await readArtifact(context, digest)
      return document
    },
    everyMs: 60_000,
  },
  { path: 'models', command: () => 'slipway models', read: (context) => readModels(context) },
  {
    path: 'models/:model/:version/report',
    command: ({ model, version }) => `slipway open ${model}@${version}`,
    // The command prints besides where it wrote the page, which is none of a browser's business.
    read: async (context, { model, version }) => ({ report: await readModelReport(context, `${model}@${version}`) }),
    everyMs: 60_000,
  },
  {
    path: 'models/:model/:version/lineage',
    command: ({ model, version }) => `slipway lineage ${model}@${version}`,
    read: (context, { model, version }) => readLineage(context, `${model}@${version}`),
    everyMs: 10_000,
  },
  { path: 'endpoints', command: () => 'slipway endpoints', read: (context) => readEndpointStates(context) },
  {
    path: 'endpoints/:endpoint',
    command: ({ endpoint }) => `slipway rollout status ${endpoint}`,
    read: (context, { endpoint = '' }) => readEndpoint(context, endpoint),
  },
  {
    path: 'monitors/:endpoint',
    command: ({ endpoint }) => `slipway drift show ${endpoint}`,
    read: async (context, { endpoint = '' }) => (await readCheck(context, endpoint)).report,
  },
  {
    path: 'retraining/:pipeline',
    command: ({ pipeline }) => `slipway retrain status ${pipeline}`,
    read: (context, { pipeline = '' }) => readRetraining(context, pipeline),
  },
  { path: 'batches', command: () => 'slipway batch list', read: (context) => readBatches(context) },
  {
    path: 'batches/:owner/:name/:slot',
    command: ({ owner, name, slot }) => `slipway batch show ${owner} ${name} ${slot}`,
    read: (context, { owner = '', name = '', slot = '' }) => readPartition(context, owner, name, slot),
  },
  {
    path: 'schedules',
    command: () => 'slipway schedule list',
    read: (context) => readSchedules(context),
    everyMs: 3_000,
  },
  { path: 'waiting', command: () => 'slipway waiting', read: (context) => readWaiting(context) },
]

/** Parts of an address: names, ids and numbers, as commands take them, and nothing else. */
const part = /^[a-z0-9][A-Za-z0-9:_-]{0,120}$/

/** @param path below `/api/`; undefined where there is no such document */
export function findDocument(path: string): AskedDocument | undefined {
  const given = path.split('/')
  for (const kind of kinds) {
    const parts = partsOf(kind.path.split('/'), given)
    if (parts === undefined) continue
    const command = kind.command(parts)
    return {
      command: command === '' ? '' : `npx ${command} --json`,
      everyMs: kind.everyMs ?? 1_500,
      read: (context) => kind.read(context, parts),
    }
  }
  return undefined
}

function partsOf(pattern: readonly string[], given: readonly string[]): Parts | undefined {
  if (pattern.length !== given.length) return undefined
  const parts: Record<string, string> = {}
  for (const [i, expected] of pattern.entries()) {
    const text = given[i] ?? ''
    if (!expected.startsWith(':')) {
      if (expected !== text) return undefined
    } else if (part.test(text)) parts[expected.slice(1)] = text
    else return undefined
  }
  return parts
}
