import { servedVersion } from '../../client/model-version.ts'
import type { Bundle } from '../../lib/formats/artifact.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { folderEntries } from '../../lib/models/model-folder.ts'
import { wholePackage } from '../../lib/models/package.ts'
import type { Signer, TrustedKeys } from '../../lib/store/signing.ts'
import type { TarEntry } from '../../lib/store/tar.ts'
import { signerOf, trustedKeysOf } from '../../workers/settings.ts'
import { openStoreContext } from '../context.ts'
import { say } from '../output.ts'

/** A model that is to be packaged, out of the store: verified, and signed by somebody who is trusted here. */
export interface ToPackage {
  readonly version: ModelVersion
  readonly bundle: Bundle
  /** The files of its folder. */
  readonly entries: readonly TarEntry[]
  readonly trusted: TrustedKeys
}

/** @param what a model, or a version of it @throws SlipwayError NOT_FOUND, SIGNATURE_INVALID, DIGEST_MISMATCH */
export async function toPackage(what: string): Promise<ToPackage> {
  const { settings, store } = openStoreContext()
  const version = await servedVersion(store, what)
  const trusted = trustedKeysOf(settings)
  say(`packaging version ${version.version} of ${version.model}`)
  const whole = await wholePackage({ store, trusted }, version.digest, keyIdsOf(trusted, signerOf(settings)))
  return { version, bundle: whole.bundle, entries: await folderEntries(whole, version), trusted }
}

/** Whose signatures go along. */
const keyIdsOf = (trusted: TrustedKeys, signer: Signer | undefined): readonly string[] => [
  ...trusted.keys(),
  ...(signer === undefined ? [] : [signer.keyId]),
]

export const bytesOf = (entries: readonly TarEntry[]): number =>
  entries.reduce(
    (sum, entry) =>
      entry.kind !== 'file' ? sum : sum + (entry.from instanceof Uint8Array ? entry.from.length : entry.from.size),
    0,
  )

export const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024).toLocaleString('en')} kB`
