import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelVersion } from '../formats/route.ts'
import { staging } from '../sagemaker/staging.ts'
import { hexOf } from '../store/digest.ts'
import type { Signer } from '../store/signing.ts'
import { writeTarGz } from '../store/tar.ts'
import { folderEntries } from './model-folder.ts'
import { type PackageSource, wholePackage } from './package.ts'

/** Who brings packages to SageMaker. */
export interface StagePackageDeps extends PackageSource {
  /** Whose signature goes along besides those of trusted keys. */
  readonly signer: Signer | undefined
  /** Folder for the archive meanwhile. */
  readonly scratch: string
}

const archive = 'model.tar.gz'

/**
 * Brings a packaged version to where SageMaker reads it: its folder as an archive, which the container of `slipway
 * package --oci` serves. The same version has the same bytes and the same place, and is brought there once.
 * @returns `s3://…/model.tar.gz`
 */
export async function stagePackage(
  deps: StagePackageDeps,
  { model, version, digest }: Pick<ModelVersion, 'model' | 'version' | 'digest'>,
): Promise<string> {
  const { store, trusted, signer, scratch } = deps
  const place = staging(store, `models/${hexOf(digest)}-${model}-${version}`)
  const uri = `${place.uri}/${archive}`
  if ((await place.list()).includes(archive)) return uri
  const keyIds = new Set([...trusted.keys(), ...(signer === undefined ? [] : [signer.keyId])])
  const entries = await folderEntries(await wholePackage({ store, trusted }, digest, [...keyIds]), {
    model,
    version,
    digest,
  })
  const folder = await mkdtemp(join(scratch, 'archive-'))
  try {
    await writeTarGz(join(folder, archive), entries)
    await place.putFile(archive, join(folder, archive))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return uri
}
