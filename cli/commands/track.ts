import { SlipwayError } from '../../lib/formats/errors.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { MlflowServer } from '../../lib/tracking/mlflow.ts'
import { trackPipeline } from '../../lib/tracking/track.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say } from '../output.ts'

/** `track flights --mlflow http://…`: runs, versions and aliases of a pipeline, written to an MLflow server. */
export async function track(
  pipeline: string,
  { mlflow, json }: JsonOption & { readonly mlflow: string },
): Promise<number> {
  const { store } = openContext()
  if ((await listRuns(store, pipeline, 1)).length === 0)
    throw new SlipwayError('NOT_FOUND', `there is no finished run of "${pipeline}"`, { next: 'see `slipway runs`' })
  const server = new MlflowServer({ address: mlflow, authorization: authorizationIn(process.env) })
  const tracked = await trackPipeline({ store, server, say }, pipeline)
  if (json === true) printJson({ pipeline, mlflow, ...tracked })
  else {
    print(`${pipeline}: ${tracked.runs} runs and ${tracked.versions} versions are new at ${mlflow}`)
    for (const why of tracked.withoutModel) print(`  registered without a model to load: ${why}`)
  }
  return 0
}

/** As MLflow's own clients are told who they are. */
function authorizationIn(env: NodeJS.ProcessEnv): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password = '' } = env
  if (token !== undefined) return `Bearer ${token}`
  return user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
