import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { type ImageOrder, writeModelImage } from '../../lib/images/model-image.ts'
import type { ImageConfig, WrittenImage } from '../../lib/images/oci-layout.ts'
import { folderEntries } from '../../lib/models/model-folder.ts'
import { wholePackage } from '../../lib/models/package.ts'
import type { TrustedKeys } from '../../lib/store/signing.ts'
import type { Store } from '../../lib/store/store.ts'
import { cacheHome } from '../../workers/settings.ts'
import type { ServerCommand } from './model-servers.ts'

export const imageParts: ImageOrder['places'] = { cache: join(cacheHome(), 'image-parts') }

/** A model as `slipway package --oci` writes it. */
export async function writeImageOf(
  folder: string,
  store: Store,
  version: ModelVersion,
  trusted: TrustedKeys = new Map(),
): Promise<WrittenImage> {
  const whole = await wholePackage({ store, trusted }, version.digest, [...trusted.keys()])
  const { bundle } = whole
  const entries = await folderEntries(whole, version)
  return writeModelImage(folder, { version, bundle, entries, trusted, places: imageParts })
}

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

/** What an image layout says, read as others read it. */
export interface ReadImage {
  readonly config: ImageConfig
  readonly diffIds: readonly string[]
  /** The files of its layers. */
  readonly layers: readonly string[]
}

export function readImage(folder: string): ReadImage {
  const blob = (digest: string): string => join(folder, 'blobs', ...digest.split(':'))
  const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'))
  const [{ digest }] = json(join(folder, 'index.json')).manifests as [{ digest: string }]
  const manifest = json(blob(digest)) as Manifest
  const { config, rootfs } = json(blob(manifest.config.digest))
  return { config, diffIds: rootfs.diff_ids, layers: manifest.layers.map((layer) => blob(layer.digest)) }
}

/** Unpacks an image's layers, one over the other, as an engine does. @param root does not exist yet */
export function unpackImage({ layers }: ReadImage, root: string): void {
  mkdirSync(root)
  for (const layer of layers) execFileSync('tar', ['-xzf', layer, '-C', root])
}

/** Starts an image by chroot with nothing else: no /proc, no /dev, no shell, as the user that it names. */
export function chrootCommand({ config }: ReadImage, root: string): ServerCommand {
  const args = [`--userspec=${config.User}`, root, ...config.Entrypoint, ...config.Cmd]
  return { command: '/usr/sbin/chroot', args }
}

/** The same on a root that nobody can write to. */
export function readOnlyCommand(image: ReadImage, root: string): ServerCommand {
  const { command, args } = chrootCommand(image, root)
  const mount = `/bin/mount --bind "${root}" "${root}" && /bin/mount -o remount,ro,bind "${root}" && exec "$@"`
  return { command: '/usr/bin/unshare', args: ['-m', '/bin/sh', '-c', mount, 'sh', command, ...args] }
}

/** The environment of an image. */
export const envOf = ({ config }: ReadImage): Record<string, string> =>
  Object.fromEntries(config.Env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
