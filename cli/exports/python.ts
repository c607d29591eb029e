import { resolve } from 'node:path'
import { servedVersion } from '../../client/model-version.ts'
import { requireEmpty, writeFolder } from '../../lib/edge/folder.ts'
import { pythonFolder } from '../../lib/edge/python-folder.ts'
import { localModel } from '../../lib/models/package.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, rowsIn } from '../options.ts'
import { print, printJson, say } from '../output.ts'

export interface ExportPythonOptions extends JsonOption {
  readonly to?: string
  readonly probe?: string
}

/** `export python flights`: a folder that Python scores with ONNX Runtime, from features on. */
export async function exportPython(what: string, options: ExportPythonOptions): Promise<number> {
  const { settings, store } = openStoreContext()
  const version = await servedVersion(store, what)
  const folder = resolve(options.to ?? `python/${version.model}`)
  await requireEmpty(folder)
  say(`exporting version ${version.version} of ${version.model}`)
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  const probe = options.probe === undefined ? undefined : rowsIn('--probe', options.probe)
  const files = await pythonFolder({ local, version, probe })
  await writeFolder(folder, files)
  const { features } = local.facts
  if (options.json === true) printJson({ ...version, folder, features: features.map(({ name }) => name) })
  else print(`${version.model} version ${version.version}\n  ${folder}\n  takes features: ${features.length}`)
  return 0
}
