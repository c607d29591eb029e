import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'
import type { OptimiseTensors } from '../formats/optimise.ts'
import { show } from '../formats/show-number.ts'
import { itemsOf, type TensorFacts, type Tensors } from '../formats/tensors.ts'
import { optimised } from '../learners/optimise/optimise.ts'
import { raceOf } from '../models/race.ts'
import { readSamples } from '../models/tensors/samples.ts'
import { openTensorModel } from '../models/tensors/session.ts'
import { digestOf } from '../store/digest.ts'
import { type OptimisedModel, optimisedFile } from './optimise-model.ts'
import { answerTo } from './profile-tensors.ts'
import type { Progress } from './step-work.ts'

export interface OptimiseTensorsOrder {
  readonly facts: TensorFacts
  readonly options: OptimiseTensors
  readonly modelFile: string
  /** What the model is called in messages. */
  readonly file: string
  readonly samples: { readonly file: string; readonly path: string }
  readonly folder: string
}

/** How much of a fused graph's answers may be other rounding. */
const fusedDifference = 1e-5

/**
 * Optimises the graph of a model of tensors, and compares it with the one before on the samples.
 * @throws SlipwayError OPTIMISE_UNSUITABLE where it gains nothing, OPTIMISE_LOSS where answers move more than is
 *   allowed, MODEL_INVALID where a sample cannot be answered
 */
export async function optimiseTensors(order: OptimiseTensorsOrder, onProgress: Progress): Promise<OptimisedModel> {
  const { facts, options, modelFile, file, samples, folder } = order
  const { fuse, quantize } = options
  onProgress('optimising the graph', 0)
  const before = await readFile(modelFile)
  const { onnx, weights } = await optimised(before, options, folder)
  await writeFile(join(folder, optimisedFile), onnx)
  const requests = readSamples(samples.file, await readFile(samples.path), facts)
  const [plain, own] = [await openTensorModel(facts, before), await openTensorModel(facts, onnx)]
  try {
    const apart = new Map<string, Moments>()
    for (const [i, request] of requests.entries()) {
      onProgress(`comparing on sample ${i + 1} of ${requests.length}`, i / requests.length)
      const given = await answerTo({ model: plain, facts, file }, request)
      addMoments(apart, given, await answerTo({ model: own, facts, file }, request))
    }
    const { output, difference } = largestOf(apart)
    requireNear(options, output, difference)
    const [first] = requests as [Tensors]
    const items = itemsOf(facts, first)
    return {
      facts: {
        ...(fuse && { fuse }),
        ...(quantize !== undefined && { quantize }),
        model: digestOf(before),
        bytes: { before: before.length, after: onnx.length },
        ...(weights !== undefined && { weights }),
        compared: requests.reduce((sum, request) => sum + itemsOf(facts, request), 0),
        difference,
      },
      times: await raceOf(
        { items, ask: () => plain.answer(first), onnx: before },
        { items, ask: () => own.answer(first), onnx },
      ),
    }
  } finally {
    await Promise.all([plain.release(), own.release()])
  }
}

/** Sums over the elements of an output. */
interface Moments {
  count: number
  sum: number
  squares: number
  apart: number
}

/** Texts and truth values are apart by 1 or not at all. */
function addMoments(all: Map<string, Moments>, given: Tensors, own: Tensors): void {
  for (const [name, { data }] of Object.entries(given)) {
    const moments = all.get(name) ?? { count: 0, sum: 0, squares: 0, apart: 0 }
    all.set(name, moments)
    const others = own[name]?.data ?? []
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [data[i], others[i]]
      const isText = typeof a === 'string'
      const value = isText ? 0 : Number(a)
      const difference = isText ? Number(a !== b) : Number(b) - value
      moments.count++
      moments.sum += value
      moments.squares += value * value
      moments.apart += difference * difference
    }
  }
}

/** The output that moved most, in root mean squares by its spread; by 1 where it has none. */
function largestOf(all: ReadonlyMap<string, Moments>): { readonly output: string; readonly difference: number } {
  let largest = { output: '', difference: 0 }
  for (const [output, { count, sum, squares, apart }] of all) {
    const variance = squares / count - (sum / count) ** 2
    const difference = Math.sqrt(apart / count) / (variance > 0 ? Math.sqrt(variance) : 1)
    if (!(difference <= largest.difference)) largest = { output, difference }
  }
  return largest
}

function requireNear({ quantize, atMost }: OptimiseTensors, output: string, difference: number): void {
  const allowed = quantize === undefined ? fusedDifference : (atMost?.difference ?? 0)
  if (difference <= allowed) return
  throw new SlipwayError(
    'OPTIMISE_LOSS',
    `what is ${quantize === undefined ? 'fused' : 'int8'} moves its output "${output}" by ${show(difference)} of its spread on the samples; ${allowed} is allowed`,
    {
      next:
        quantize === undefined
          ? 'leave fuse out'
          : 'leave quantize out, or allow more: optimise: { atMost: { difference: … } }',
    },
  )
}
