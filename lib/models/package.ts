import { requireRows } from '../formats/tensors.ts'
import { localBundle, localFile } from '../store/objects.ts'
import { requireSigned, storedEnvelopes, type TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import type { LocalModel } from './model.ts'
import type { WholePackage } from './model-folder.ts'
import { fileOf, packageOf } from './package-files.ts'
import type { LocalTensorModel } from './tensors/session.ts'

/** Where model packages come from, and whose signatures count. */
export interface PackageSource {
  readonly store: Store
  readonly trusted: TrustedKeys
}

/**
 * A model package, downloaded, verified, and signed by somebody who is trusted here.
 * @throws SlipwayError MODEL_OF_TENSORS for one that takes no rows
 */
export async function localModel(source: PackageSource, digest: string): Promise<LocalModel> {
  const local = await localPackage(source, digest)
  requireRows(local.facts)
  return local as LocalModel
}

/** The same of a model of rows or of tensors. */
export async function localPackage(source: PackageSource, digest: string): Promise<LocalModel | LocalTensorModel> {
  const { store, trusted } = source
  await requireSigned(store, trusted, 'model', digest)
  const bundle = await localBundle(store, digest, 'model')
  return packageOf(bundle, digest, (file) => localFile(store, file))
}

/**
 * A package to be taken elsewhere: its manifest, all its files, and what of these keys signed it.
 * @throws SlipwayError SIGNATURE_INVALID
 */
export async function wholePackage(
  { store, trusted }: PackageSource,
  digest: string,
  keyIds: readonly string[],
): Promise<WholePackage> {
  await requireSigned(store, trusted, 'model', digest)
  return {
    bundle: await localBundle(store, digest, 'model'),
    envelopes: await storedEnvelopes(store, digest, keyIds),
    fileAt: (file) => localFile(store, file),
  }
}

/** The digest of one file of a package. */
export async function packagedFile({ store }: PackageSource, digest: string, name: string): Promise<string> {
  return fileOf(await localBundle(store, digest, 'model'), digest, name)
}
