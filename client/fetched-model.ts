import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchModel, modelUriOf, shortName } from '../lib/tracking/fetch-model.ts'
import { openRegistry } from './tracking-server.ts'

/**
 * The file of a model that is to be registered: one that is here, or that of a version in MLflow or Unity Catalog,
 * which is fetched into `.slipway/mlflow/`, a folder a version.
 * @param root of the project
 * @returns its path, and what it is called if its name does not tell
 * @throws SlipwayError USAGE where nobody says which server that is; what fetching it throws
 */
export async function modelFile(root: string, file: string): Promise<{ file: string; name: string | undefined }> {
  const uri = modelUriOf(file)
  if (uri === undefined) return { file, name: undefined }
  const fetched = await fetchModel(openRegistry(file, process.env), uri)
  const folder = join(root, '.slipway/mlflow', encodeURIComponent(uri.model), fetched.version)
  await mkdir(folder, { recursive: true })
  for (const [name, bytes] of fetched.files) await writeFile(join(folder, name), bytes)
  return { file: join(folder, fetched.file), name: shortName(uri.model) }
}
