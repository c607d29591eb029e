import type { z } from 'zod'
import { type Bundle, shortDigest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isOfTensors, TensorFacts } from '../formats/tensors.ts'
import type { LocalCompiledModel } from './compiled-model.ts'
import { type LocalModel, ModelFacts, modelFiles } from './model.ts'
import type { LocalTensorModel } from './tensors/session.ts'

/** Whether a package is of a model of tensors alone. */
export const isTensorModel = (local: LocalModel | LocalTensorModel): local is LocalTensorModel =>
  isOfTensors(local.facts)

/** A local file with the bytes of a digest, verified. */
type FileAt = (digest: string) => Promise<string>

/**
 * A model package as local files, wherever they come from.
 * @param bundle its manifest @param digest of the manifest
 * @throws SlipwayError DIGEST_MISMATCH for a manifest that this version does not read, and what `fileAt` throws
 */
export async function packageOf(
  bundle: Bundle,
  digest: string,
  fileAt: FileAt,
): Promise<LocalModel | LocalTensorModel> {
  if (isOfTensors(bundle.facts))
    return {
      facts: readFacts(bundle, digest, TensorFacts),
      onnxFile: await fileAt(fileOf(bundle, digest, modelFiles.onnx)),
      baselineFile: await fileAt(fileOf(bundle, digest, modelFiles.baseline)),
    }
  return {
    facts: readFacts(bundle, digest, ModelFacts),
    onnxFile: await fileAt(fileOf(bundle, digest, modelFiles.onnx)),
    codeFile: await fileAt(fileOf(bundle, digest, modelFiles.code)),
    baselineFile: await fileAt(fileOf(bundle, digest, modelFiles.baseline)),
    crossesFile: await localOf(bundle, modelFiles.crosses, fileAt),
    answerFile: await localOf(bundle, modelFiles.answer, fileAt),
    explainerFile: await localOf(bundle, modelFiles.explainer, fileAt),
    compiledModel: await localCompiledModel(bundle, fileAt),
  }
}

async function localCompiledModel(bundle: Bundle, fileAt: FileAt): Promise<LocalCompiledModel | undefined> {
  const reportFile = await localOf(bundle, modelFiles.compiledModel, fileAt)
  if (reportFile === undefined) return undefined
  return {
    reportFile,
    codeFile: await localOf(bundle, modelFiles.compiledCode, fileAt),
    tablesFile: await localOf(bundle, modelFiles.compiledTables, fileAt),
  }
}

/** A file that not every package has. */
async function localOf({ files }: Bundle, name: string, fileAt: FileAt): Promise<string | undefined> {
  const file = files[name]
  return file === undefined ? undefined : fileAt(file.digest)
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

/** The digest of a file that every package has. @throws SlipwayError DIGEST_MISMATCH */
export function fileOf(bundle: Bundle, digest: string, name: string): string {
  const file = bundle.files[name]
  if (file !== undefined) return file.digest
  throw new SlipwayError('DIGEST_MISMATCH', `model ${shortDigest(digest)} has no ${name}`, {
    next: 'package it anew: its manifest is not whole',
  })
}
