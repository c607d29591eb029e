import type { ClientContext } from '../../client/context.ts'
import { openTrackingServer } from '../../client/tracking-server.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { type Taken, takeDecisions } from '../../lib/tracking/decisions.ts'
import { type Tracking, trackPipeline } from '../../lib/tracking/track.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say } from '../output.ts'

export interface TrackOptions extends JsonOption {
  readonly mlflow: string
  readonly schema?: string
  readonly folder?: string
  /** Whether what people decided there is taken in first. */
  readonly pull?: boolean
}

/**
 * `track flights --mlflow http://…`: runs, versions and aliases of a pipeline, written to an MLflow server or to
 * Databricks; with `--pull` both ways.
 */
export async function track(pipeline: string, options: TrackOptions): Promise<number> {
  const { mlflow, pull, json } = options
  const context = openContext()
  const { store } = context
  const server = openTrackingServer(mlflow, process.env, options)
  if (pull !== true && (await listRuns(store, pipeline, 1)).length === 0)
    throw new SlipwayError('NOT_FOUND', `there is no finished run of "${pipeline}"`, { next: 'see `slipway runs`' })
  const tracking = { store, server, say }
  const pulled = pull === true ? await takeIn(context, tracking, pipeline) : undefined
  const tracked = await trackPipeline(tracking, pipeline)
  if (json === true) printJson({ pipeline, mlflow, ...pulled, ...tracked })
  else {
    for (const line of pulled?.taken ?? []) print(`taken in: ${line}`)
    for (const line of pulled?.notTaken ?? []) print(`not taken in: ${line}`)
    print(`${pipeline}: ${tracked.runs} runs and ${tracked.versions} versions are new at ${mlflow}`)
    for (const line of tracked.overruled) print(`  ${line}`)
    for (const why of tracked.withoutModel) print(`  registered without a model to load: ${why}`)
  }
  return 0
}

async function takeIn(context: ClientContext, tracking: Tracking, pipeline: string): Promise<Taken> {
  const { openOwners } = await import('../mlflow-owners.ts')
  const { client } = await context.temporal()
  return takeDecisions(tracking, openOwners(context, client), pipeline)
}
