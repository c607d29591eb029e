import { SlipwayError } from '../lib/formats/errors.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import type { GatewayPresence } from '../lib/formats/telemetry.ts'
import { passOver } from '../lib/store/broken.ts'
import { listKeys } from '../lib/store/documents.ts'
import { getPlan } from '../lib/store/plans.ts'
import { readModel } from '../lib/store/registry.ts'
import { readAlive } from '../lib/store/routes.ts'
import { readRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import type { ClientContext } from './context.ts'
import { type EndpointState, readEndpointState } from './endpoint-states.ts'
import { type GoingRun, pipelineOf, readGoingRuns } from './going-runs.ts'
import { sentencesOf, type Tone } from './pipeline-sentences.ts'

/** A pipeline and how it stands. */
export interface PipelineState {
  readonly pipeline: string
  /** How it stands, in sentences; the first one is what matters most. */
  readonly sentences: readonly string[]
  readonly tone: Tone
  readonly endpoints: readonly EndpointState[]
  readonly models: readonly { readonly name: string; readonly champion: number | null; readonly versions: number }[]
  /** The run that ended last. */
  readonly last: Pick<RunRecord, 'runId' | 'status' | 'startedAt' | 'finishedAt' | 'metrics' | 'model' | 'error'> | null
  /** Runs that go on; null where Temporal is away. */
  readonly going: readonly GoingRun[] | null
}

/** All pipelines with how they stand: `pipelines`. */
export async function readPipelines(context: ClientContext): Promise<PipelineState[]> {
  const { store } = context
  const [newest, going, alive] = await Promise.all([
    newestRuns(store),
    readGoingRuns(context).catch(() => null),
    readAlive(store),
  ])
  const names = new Set([...newest.keys(), ...(going ?? []).map(({ pipeline }) => pipeline)])
  return Promise.all(
    [...names].sort().map(async (pipeline) => {
      const ofThis = going === null ? null : going.filter((run) => run.pipeline === pipeline)
      return stateOf(context, pipeline, newest.get(pipeline), ofThis, alive)
    }),
  )
}

async function stateOf(
  context: ClientContext,
  pipeline: string,
  runId: string | undefined,
  going: readonly GoingRun[] | null,
  alive: readonly GatewayPresence[],
): Promise<PipelineState> {
  const { store } = context
  const record = runId === undefined ? undefined : await passOver(readRun(store, runId))
  const parts = record === undefined ? { endpoints: [], models: [] } : await partsOf(store, record.plan.digest)
  const [endpoints, models] = await Promise.all([
    Promise.all(parts.endpoints.map((endpoint) => readEndpointState(context, endpoint, alive))),
    Promise.all(
      parts.models.map(async (name) => {
        const state = await passOver(readModel(store, name))
        return { name, champion: state?.champions.at(-1) ?? null, versions: state?.versions.length ?? 0 }
      }),
    ),
  ])
  const found = {
    pipeline,
    endpoints: endpoints.filter((each) => each !== undefined),
    models,
    last: record === undefined ? null : lastOf(record),
    going,
  }
  return { ...found, ...sentencesOf(found, new Date()) }
}

const lastOf = ({ runId, status, startedAt, finishedAt, metrics, model, error }: RunRecord): PipelineState['last'] => ({
  runId,
  status,
  startedAt,
  finishedAt,
  metrics,
  model,
  error,
})

/** The newest finished run of each pipeline, by the names of the records alone. */
async function newestRuns(store: Store): Promise<ReadonlyMap<string, string>> {
  const keys = await listKeys(store, 'runs/', Number.POSITIVE_INFINITY)
  const newest = new Map<string, string>()
  for (const key of keys) {
    const runId = key.slice('runs/'.length, -'.json'.length)
    const pipeline = pipelineOf(runId)
    const before = newest.get(pipeline)
    if (before === undefined || runId > before) newest.set(pipeline, runId)
  }
  return newest
}

interface Parts {
  readonly endpoints: readonly string[]
  readonly models: readonly string[]
}
const parts = new Map<string, Parts>()

/** Endpoints and models of a plan; plans do not change. */
async function partsOf(store: Store, plan: string): Promise<Parts> {
  const known = parts.get(plan)
  if (known !== undefined) return known
  const steps = await getPlan(store, plan).then(
    (read) => read.steps,
    (error) => {
      // A plan that is gone, or of another time: what it deployed is not known.
      if (error instanceof SlipwayError && !error.retryable) return []
      throw error
    },
  )
  const found = {
    endpoints: unique(steps.flatMap((step) => (step.kind === 'deploy' ? step.endpoint : []))),
    models: unique(steps.flatMap((step) => (step.kind === 'register' ? step.model : []))),
  }
  parts.set(plan, found)
  return found
}

const unique = (names: readonly string[]): string[] => [...new Set(names)]
