import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import type { OptimiseRows, OptimiseTensors } from '../../formats/optimise.ts'
import { NotQuantizable, type Quantized, quantized } from './quantize.ts'

/** A graph that was optimised. */
export interface Optimised {
  readonly onnx: Uint8Array
  readonly weights?: Pick<Quantized, 'products' | 'tables'>
}

/**
 * Fuses a graph, makes its weights int8, or both. The same bytes for the same model and ONNX Runtime.
 * @param folder for files on the way
 * @throws SlipwayError OPTIMISE_UNSUITABLE where it gains nothing
 */
export async function optimised(
  onnx: Uint8Array,
  { fuse, quantize }: OptimiseRows | OptimiseTensors,
  folder: string,
): Promise<Optimised> {
  if (quantize === undefined) return { onnx: await fused(onnx, 'extended', folder) }
  // Constants are folded first: matrices that were transposed on the way are constant then.
  const { model, products, tables } = quantizedOrRefused(fuse === true ? await fused(onnx, 'basic', folder) : onnx)
  const made = fuse === true ? await fused(model, 'extended', folder) : model
  if (made.length >= onnx.length)
    throw unsuitable(`int8 makes it no smaller: ${made.length} bytes, of ${onnx.length} before`)
  return { onnx: made, weights: { products, tables } }
}

/**
 * The graph that ONNX Runtime makes of a model when it loads it, up to `extended`: what it does beyond that depends on
 * the processor.
 */
async function fused(onnx: Uint8Array, level: 'basic' | 'extended', folder: string): Promise<Uint8Array> {
  const ort = await import('../../code/onnxruntime.ts')
  const file = join(folder, `${level}.onnx`)
  const session = await ort.InferenceSession.create(onnx, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: level,
    optimizedModelFilePath: file,
  })
  await session.release()
  return readFile(file)
}

function quantizedOrRefused(onnx: Uint8Array): Quantized {
  try {
    return quantized(onnx)
  } catch (error) {
    if (error instanceof NotQuantizable) throw unsuitable(error.message)
    throw error
  }
}

export const unsuitable = (why: string): SlipwayError =>
  new SlipwayError('OPTIMISE_UNSUITABLE', `the model cannot be optimised: ${why}`, {
    next: 'leave optimise out of p.package, or the part of it that gains nothing',
  })
