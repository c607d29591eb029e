import { readModelVersion } from '../../client/model.ts'
import { servedVersion } from '../../client/model-version.ts'
import { mlBom } from '../../lib/models/ml-bom.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `export cyclonedx <model>`: a machine-learning bill of materials. */
export async function exportBom(
  model: string,
  { output, json }: JsonOption & { readonly output?: string },
): Promise<number> {
  const context = openStoreContext()
  const version = await servedVersion(context.store, model)
  const { bundle, record } = await readModelVersion(context, version)
  const bom = mlBom({ version, bundle, record })
  if (output !== undefined) writeTo('--output', output, `${JSON.stringify(bom, undefined, 2)}\n`)
  if (json === true) printJson(output === undefined ? bom : { ...version, output })
  else if (output === undefined) print(JSON.stringify(bom, undefined, 2))
  return 0
}
