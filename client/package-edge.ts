import { resolve } from 'node:path'
import { openChannel, publish, requireChannel } from '../lib/edge/channel.ts'
import { folderFiles, requireEmpty, writeFolder } from '../lib/edge/folder.ts'
import { type EdgePackage, packForEdge } from '../lib/edge/pack.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { localModel } from '../lib/models/package.ts'
import { nextEdgeSequence } from '../lib/store/edge.ts'
import { publicKeyOf } from '../lib/store/signing.ts'
import { signerOf, trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { servedVersion } from './model-version.ts'

/** Where a model that scores offline goes. */
export interface EdgeWanted {
  /** A folder; by default `edge/<model>`, and none with a channel. */
  readonly to?: string
  /** A folder or `s3://…` that such folders update themselves from. */
  readonly channel?: string
  /** Rows that it is tried on. */
  readonly probe?: Parameters<typeof packForEdge>[0]['probe']
}

/** A model that scores offline, and where it was written. */
export interface EdgePublication {
  readonly version: ModelVersion
  readonly pack: EdgePackage
  /** The number of the publication. */
  readonly sequence: number
  readonly folder: string | undefined
  readonly channel: string | undefined
}

/**
 * Packages a model for browsers and Node, as `slipway package --edge` does.
 * @param what a model, or a version of it
 * @throws SlipwayError NOT_FOUND; USAGE for a channel without a key, and a folder that is not empty
 */
export async function packageForEdge(
  { settings, store, say }: StoreContext,
  what: string,
  { to: wanted, channel: place, probe }: EdgeWanted = {},
): Promise<EdgePublication> {
  const version = await servedVersion(store, what)
  const signer = signerOf(settings)
  const channel = place === undefined ? undefined : openChannel(store, channelPlace(place))
  if (channel !== undefined && signer === undefined)
    throw new SlipwayError('USAGE', 'a channel is signed, and there is no key here', {
      next: 'set SLIPWAY_SIGNING_KEY to the key that signs models',
    })
  // With a channel alone nothing is written here.
  const to = wanted ?? (channel === undefined ? `edge/${version.model}` : undefined)
  const folder = to === undefined ? undefined : resolve(to)
  if (folder !== undefined) await requireEmpty(folder)
  if (channel !== undefined) await requireChannel(channel, version.model)
  say(`packaging version ${version.version} of ${version.model}`)
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, version.digest)
  const pack = await packForEdge({ local, version, root: settings.root, probe })
  const sequence = await nextEdgeSequence(store, version)
  if (channel !== undefined && signer !== undefined) await publish(store, channel, signer, pack, sequence)
  if (folder !== undefined) {
    const publicKey = signer === undefined ? null : publicKeyOf(signer)
    await writeFolder(folder, await folderFiles({ pack, sequence, publicKey }))
  }
  return { version, pack, sequence, folder, channel: channel?.address }
}

const channelPlace = (text: string): string => (text.startsWith('s3://') ? text : resolve(text))
