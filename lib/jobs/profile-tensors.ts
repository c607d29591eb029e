import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brief } from '../formats/brief.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { itemsOf, type TensorFacts, type Tensors } from '../formats/tensors.ts'
import { outputWithNaN, summarise } from '../models/tensors/answer.ts'
import { readSamples } from '../models/tensors/samples.ts'
import { openTensorModel } from '../models/tensors/session.ts'
import { joinSummaries, profileOf, type Summaries } from '../stats/tensor-summary.ts'
import type { Progress } from './step-work.ts'

export interface TensorOrder {
  readonly facts: TensorFacts
  readonly modelFile: string
  /** What the model is called in messages. */
  readonly file: string
  /** Sample inputs: what the file is called, and where it is on this machine. */
  readonly samples?: { readonly file: string; readonly path: string }
  readonly folder: string
}

/** The file of the profile, in the folder of the order. */
export const tensorBaseline = 'baseline.json'

/**
 * Asks a model of tensors about its sample inputs and profiles its answers, summary by summary; without samples the
 * profile is empty.
 * @throws SlipwayError MODEL_INVALID where ONNX Runtime cannot answer one, USAGE for a file that holds none
 */
export async function profileTensors(order: TensorOrder, onProgress: Progress): Promise<{ items: number }> {
  const { facts, modelFile, samples, folder, file } = order
  const requests = samples === undefined ? [] : readSamples(samples.file, await readFile(samples.path), facts)
  const model = await openTensorModel(facts, await readFile(modelFile))
  const summaries: Summaries[] = []
  try {
    for (const [i, request] of requests.entries()) {
      onProgress(`asking about sample ${i + 1} of ${requests.length}`, i / requests.length)
      summaries.push(summarise(facts, request, await answerTo({ model, facts, file }, request)))
    }
  } finally {
    await model.release()
  }
  await writeFile(join(folder, tensorBaseline), canonicalJson(profileOf(joinSummaries(summaries))))
  return { items: requests.reduce((sum, request) => sum + itemsOf(facts, request), 0) }
}

/** A model that is open, and what it is called in messages. */
interface Asked {
  readonly model: Pick<Awaited<ReturnType<typeof openTensorModel>>, 'answer'>
  readonly facts: TensorFacts
  readonly file: string
}

/** An answer to a sample. @throws SlipwayError MODEL_INVALID for none, and for one that holds NaN */
export async function answerTo({ model, facts, file }: Asked, request: Tensors): Promise<Tensors> {
  const answer = await model.answer(request).catch((error: Error) => {
    throw new SlipwayError('MODEL_INVALID', `${file}: it cannot answer a sample: ${brief(error.message, 300)}`, {
      next: 'try the sample in ONNX Runtime; its values may be none that the model knows',
    })
  })
  const output = outputWithNaN(facts, answer)
  if (output === undefined) return answer
  throw new SlipwayError('MODEL_INVALID', `${file}: its output "${output}" holds NaN for a sample`, {
    next: 'export a model that answers numbers: when it is served an answer with NaN is a failure',
  })
}
