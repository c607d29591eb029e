import type { z } from 'zod'
import { type Bundle, shortDigest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isOfTensors, requireRows, TensorFacts } from '../formats/tensors.ts'
import { localBundle, localFile } from '../store/objects.ts'
import { requireSigned, type TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import type { LocalCompiledModel } from './compiled-model.ts'
import { type LocalModel, ModelFacts, modelFiles } from './model.ts'
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

/** Whether a package is of a model of tensors alone. */
export const isTensorModel = (local: LocalModel | LocalTensorModel): local is LocalTensorModel =>
  isOfTensors(local.facts)

/** The same of a model of rows or of tensors. */
export async function localPackage(source: PackageSource, digest: string): Promise<LocalModel | LocalTensorModel> {
  const { store, trusted } = source
  await requireSigned(store, trusted, 'model', digest)
  const bundle = await localBundle(store, digest, 'model')
  if (isOfTensors(bundle.facts))
    return {
      facts: readFacts(bundle, digest, TensorFacts),
      onnxFile: await localFile(store, fileOf(bundle, digest, modelFiles.onnx)),
      baselineFile: await localFile(store, fileOf(bundle, digest, modelFiles.baseline)),
    }
  return {
    facts: readFacts(bundle, digest, ModelFacts),
    onnxFile: await localFile(store, fileOf(bundle, digest, modelFiles.onnx)),
    codeFile: await localFile(store, fileOf(bundle, digest, modelFiles.code)),
    baselineFile: await localFile(store, fileOf(bundle, digest, modelFiles.baseline)),
    crossesFile: await localOf(store, bundle, modelFiles.crosses),
    answerFile: await localOf(store, bundle, modelFiles.answer),
    explainerFile: await localOf(store, bundle, modelFiles.explainer),
    compiledModel: await localCompiledModel(store, bundle),
  }
}

/** The digest of one file of a package. */
export async function packagedFile({ store }: PackageSource, digest: string, name: string): Promise<string> {
  return fileOf(await localBundle(store, digest, 'model'), digest, name)
}

async function localCompiledModel(store: Store, bundle: Bundle): Promise<LocalCompiledModel | undefined> {
  const reportFile = await localOf(store, bundle, modelFiles.compiledModel)
  if (reportFile === undefined) return undefined
  return {
    reportFile,
    codeFile: await localOf(store, bundle, modelFiles.compiledCode),
    tablesFile: await localOf(store, bundle, modelFiles.compiledTables),
  }
}

/** A file that not every package has. */
async function localOf(store: Store, { files }: Bundle, name: string): Promise<string | undefined> {
  const file = files[name]
  return file === undefined ? undefined : localFile(store, file.digest)
}

function readFacts<Facts>(bundle: Bundle, digest: string, shape: z.ZodType<Facts>): Facts {
  const facts = shape.safeParse(bundle.facts)
  if (facts.success) return facts.data
  const issue = facts.error.issues[0]
  throw new SlipwayError(
    'DIGEST_MISMATCH',
    `the manifest of model ${shortDigest(digest)} is not one this version reads: ${issue?.path.join('.')}: ${issue?.message}`,
    { next: 'package it anew with this version of Slipway' },
  )
}

function fileOf(bundle: Bundle, digest: string, name: string): string {
  const file = bundle.files[name]
  if (file !== undefined) return file.digest
  throw new SlipwayError('DIGEST_MISMATCH', `model ${shortDigest(digest)} has no ${name}`, {
    next: 'package it anew: its manifest is not whole',
  })
}
