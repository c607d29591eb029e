import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import { byDefinition } from '../learners/finished/brought.ts'
import { readWhole } from '../learners/finished/external-data.ts'
import { openModel } from '../learners/finished/session.ts'
import { readSamples } from '../models/tensors/samples.ts'
import { openTensorModel } from '../models/tensors/session.ts'
import { digestOf } from '../store/digest.ts'
import { answerTo } from './profile-tensors.ts'
import { factsOf } from './steps/package-tensors.ts'

/**
 * A step of a finished model of tensors with the digests of its files, which are added to `files`. What cannot be
 * served is refused here: the first sample is tried.
 * @param root where its paths begin
 * @throws SlipwayError MODEL_INVALID with the name of the model's file, USAGE with that of the samples'
 */
export async function withTensorFiles(
  root: string,
  step: StepOf<'tensors'>,
  files: Map<string, Uint8Array>,
): Promise<StepOf<'tensors'>> {
  const { refuse } = byDefinition({ kind: 'onnx', file: step.file })
  const onnx = await readWhole(resolve(root, step.file), refuse)
  await (await openModel(refuse, onnx)).release()
  const model = digestOf(onnx)
  const known = { ...step, model }
  const facts = factsOf(known, onnx)
  files.set(model, onnx)
  if (step.samples === undefined) return known
  const { file } = step.samples
  const bytes = await readFile(resolve(root, file)).catch((error: Error) => {
    throw new SlipwayError('USAGE', `${file}: the samples cannot be read: ${error.message}`, {
      next: 'correct the path; it begins at the project',
    })
  })
  const [first] = readSamples(file, bytes, facts)
  const opened = await openTensorModel(facts, onnx)
  try {
    if (first !== undefined) await answerTo({ model: opened, facts, file: step.file }, first)
  } finally {
    await opened.release()
  }
  const digest = digestOf(bytes)
  files.set(digest, bytes)
  return { ...known, samples: { file, digest } }
}
