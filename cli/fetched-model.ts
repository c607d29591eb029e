import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../lib/formats/errors.ts'
import { fetchModel, modelUriOf } from '../lib/tracking/fetch-model.ts'
import { MlflowServer, mlflowAuthorization } from '../lib/tracking/mlflow.ts'

/**
 * The file of a model that is to be registered: one that is here, or that of a version in MLflow, which is fetched into
 * `.slipway/mlflow/`, a folder a version.
 * @param root of the project
 * @returns its path, and what it is called if its name does not tell
 * @throws SlipwayError USAGE where nobody says which server that is; what fetching it throws
 */
export async function modelFile(root: string, file: string): Promise<{ file: string; name: string | undefined }> {
  const uri = modelUriOf(file)
  if (uri === undefined) return { file, name: undefined }
  const address = process.env.MLFLOW_TRACKING_URI
  if (address === undefined || !/^https?:/.test(address))
    throw new SlipwayError('USAGE', `${file}: no MLflow server is named`, {
      next: 'set MLFLOW_TRACKING_URI to its address, http://…',
    })
  const server = new MlflowServer({ address, authorization: mlflowAuthorization(process.env) })
  const fetched = await fetchModel(server, uri)
  const folder = join(root, '.slipway/mlflow', encodeURIComponent(uri.model), fetched.version)
  await mkdir(folder, { recursive: true })
  for (const [name, bytes] of fetched.files) await writeFile(join(folder, name), bytes)
  return { file: join(folder, fetched.file), name: uri.model }
}
