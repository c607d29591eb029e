import { resolve } from 'node:path'
import { servedVersion } from '../../client/model-version.ts'
import { openChannel, publish, requireChannel } from '../../lib/edge/channel.ts'
import { folderFiles, requireEmpty, writeFolder } from '../../lib/edge/folder.ts'
import { type EdgePackage, packForEdge } from '../../lib/edge/pack.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { localModel } from '../../lib/models/package.ts'
import { nextEdgeSequence } from '../../lib/store/edge.ts'
import { publicKeyOf } from '../../lib/store/signing.ts'
import { signerOf, trustedKeysOf } from '../../workers/settings.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, rowsIn } from '../options.ts'
import { print, printJson, say } from '../output.ts'

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
  const { settings, store } = openStoreContext()
  const version = await servedVersion(store, options.model)
  const signer = signerOf(settings)
  const channel = options.channel === undefined ? undefined : openChannel(store, channelPlace(options.channel))
  if (channel !== undefined && signer === undefined)
    throw new SlipwayError('USAGE', 'a channel is signed, and there is no key here', {
      next: 'set SLIPWAY_SIGNING_KEY to the key that signs models',
    })
  // With a channel alone nothing is written here.
  const to = options.to ?? (channel === undefined ? `edge/${version.model}` : undefined)
  const folder = to === undefined ? undefined : resolve(to)
  if (folder !== undefined) await requireEmpty(folder)
  if (channel !== undefined) await requireChannel(channel, version.model)
  say(`packaging version ${version.version} of ${version.model}`)
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  const probe = options.probe === undefined ? undefined : rowsIn('--probe', options.probe)
  const pack = await packForEdge({ local, version, root: settings.root, probe })
  const sequence = await nextEdgeSequence(store, version)
  if (channel !== undefined && signer !== undefined) await publish(store, channel, signer, pack, sequence)
  if (folder !== undefined) {
    const publicKey = signer === undefined ? null : publicKeyOf(signer)
    await writeFolder(folder, await folderFiles({ pack, sequence, publicKey }))
  }
  tell(options, version, pack, { sequence, folder, channel: channel?.address })
  return 0
}

const channelPlace = (text: string): string => (text.startsWith('s3://') ? text : resolve(text))

interface Written {
  readonly sequence: number
  readonly folder: string | undefined
  readonly channel: string | undefined
}

function tell({ json }: JsonOption, version: ModelVersion, { manifest, files }: EdgePackage, written: Written): void {
  const { sequence, folder, channel } = written
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
