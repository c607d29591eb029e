import { SlipwayError } from '../lib/formats/errors.ts'
import { DatabricksServer } from '../lib/tracking/databricks.ts'
import { databricksWorkspace } from '../lib/tracking/databricks-auth.ts'
import { MlflowServer, mlflowAuthorization } from '../lib/tracking/mlflow.ts'

/** Where things lie in Databricks. */
export interface DatabricksPlaces {
  /** `catalog.schema` of models. */
  readonly schema?: string
  /** Workspace folder of experiments. */
  readonly folder?: string
}

/**
 * The server that runs are written to: an address, or `databricks`, whose workspace and secrets the environment names.
 * @throws SlipwayError USAGE where it does not name them, or a place of Databricks is given for another server
 */
export function openTrackingServer(
  where: string,
  env: NodeJS.ProcessEnv,
  { schema, folder }: DatabricksPlaces = {},
): MlflowServer {
  if (where === 'databricks') {
    const places = { ...(folder !== undefined && { folder }), ...(schema !== undefined && { schema }) }
    return new DatabricksServer({ ...databricksWorkspace(env), ...places })
  }
  const given = Object.entries({ schema, folder }).find(([, value]) => value !== undefined)
  if (given !== undefined)
    throw new SlipwayError('USAGE', `--${given[0]} is of Databricks`, {
      next: 'say --mlflow databricks, or leave it out',
    })
  return new MlflowServer({ address: where, authorization: mlflowAuthorization(env) })
}

/**
 * The registry that `models:/` names are of, as MLflow's own tools find it: `MLFLOW_REGISTRY_URI`, otherwise that of
 * `MLFLOW_TRACKING_URI`, which for `databricks` is Unity Catalog.
 * @throws SlipwayError USAGE where there is none that is offered
 */
export function openRegistry(what: string, env: NodeJS.ProcessEnv): MlflowServer {
  const { MLFLOW_TRACKING_URI: tracking, MLFLOW_REGISTRY_URI: registry } = env
  const address = registry ?? (tracking === 'databricks' ? 'databricks-uc' : tracking)
  if (address === 'databricks-uc') return openTrackingServer('databricks', env)
  if (address !== undefined && /^https?:/.test(address)) return openTrackingServer(address, env)
  const why = address === 'databricks' ? 'the registry of a workspace is not offered' : 'no MLflow server is named'
  throw new SlipwayError('USAGE', `${what}: ${why}`, {
    next: 'set MLFLOW_TRACKING_URI to its address, http://…, or to databricks for Unity Catalog',
  })
}
