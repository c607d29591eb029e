import { SlipwayError } from '../lib/formats/errors.ts'
import { listRuns } from '../lib/store/runs.ts'
import { type Taken, takeDecisions } from '../lib/tracking/decisions.ts'
import { type Tracked, trackPipeline } from '../lib/tracking/track.ts'
import type { ClientContext } from './context.ts'
import { type DatabricksPlaces, openTrackingServer } from './tracking-server.ts'

/** Where a pipeline is tracked, and whether what people decided there counts here. */
export interface TrackWanted extends DatabricksPlaces {
  /** The address of an MLflow server, or `databricks`. */
  readonly mlflow: string
  /** Takes in first what people decided there. */
  readonly pull?: boolean
}

/** What was written there, and what was taken in. */
export interface TrackedDocument extends Tracked, Partial<Taken> {
  readonly pipeline: string
  readonly mlflow: string
}

/**
 * Writes runs, versions and aliases of a pipeline to an MLflow server or to Databricks, as `slipway track` does.
 * @throws SlipwayError NOT_FOUND where no run has ended; USAGE for a server that is not named; what the server says
 */
export async function trackRuns(
  context: ClientContext,
  pipeline: string,
  { mlflow, pull = false, ...places }: TrackWanted,
): Promise<TrackedDocument> {
  const { store, say } = context
  const server = openTrackingServer(mlflow, process.env, places)
  if (!pull && (await listRuns(store, pipeline, 1)).length === 0)
    throw new SlipwayError('NOT_FOUND', `there is no finished run of "${pipeline}"`, { next: 'see `slipway runs`' })
  const tracking = { store, server, say }
  const taken = pull ? await takeDecisions(tracking, await ownersOf(context), pipeline) : undefined
  return { pipeline, mlflow, ...taken, ...(await trackPipeline(tracking, pipeline)) }
}

/** Temporal is needed by those alone who take in what was decided. */
async function ownersOf(context: ClientContext) {
  const { openOwners } = await import('./mlflow-owners.ts')
  return openOwners(context, (await context.temporal()).client)
}
