import { type EdgePublication, packageForEdge } from '../../client/package-edge.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, rowsIn } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface PackageOrder extends JsonOption {
  /** The model, or a version of it. */
  readonly model: string
  readonly to?: string
}

interface EdgeOrder extends PackageOrder {
  readonly channel?: string
  readonly probe?: string
}

/**
 * `package --edge flights`: a folder that scores offline, in a browser or in Node; with `--channel` a publication that
 * such folders update themselves to.
 */
export async function packageEdge(options: EdgeOrder): Promise<number> {
  const { model, to, channel } = options
  const probe = options.probe === undefined ? undefined : rowsIn('--probe', options.probe)
  const wanted = { ...(to !== undefined && { to }), ...(channel !== undefined && { channel }), probe }
  tell(options, await packageForEdge(openStoreContext(), model, wanted))
  return 0
}

function tell({ json }: JsonOption, { version, pack, sequence, folder, channel }: EdgePublication): void {
  const { manifest, files } = pack
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0)
  const { engine } = manifest
  if (json === true) {
    printJson({ ...version, engine, sequence, bytes, folder: folder ?? null, channel: channel ?? null })
    return
  }
  const how = engine === 'compiled' ? 'compiled trees' : 'ONNX Runtime, not compiled'
  print(
    `${version.model} version ${version.version}: ${how}, ${Math.ceil(bytes / 1024).toLocaleString('en')} kB, publication ${sequence}`,
  )
  if (folder !== undefined) print(`  ${folder}`)
  if (channel !== undefined) print(`  published in ${channel}`)
}
