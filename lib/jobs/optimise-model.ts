import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'
import { rowMetric } from '../formats/metrics/index.ts'
import type { OptimisedFacts, OptimiseRows } from '../formats/optimise.ts'
import { show } from '../formats/show-number.ts'
import { optimised } from '../learners/optimise/optimise.ts'
import type { LocalModel } from '../models/model.ts'
import { raceOf, type Times } from '../models/race.ts'
import { withModels } from '../models/with-models.ts'
import { digestOf } from '../store/digest.ts'
import { type ComparedOn, compareGraphs, type GraphsCompared } from './compare-graphs.ts'
import type { Progress } from './step-work.ts'

export interface OptimiseOrder extends ComparedOn {
  /** As it was trained, without a compiled model. */
  readonly model: LocalModel
  readonly options: OptimiseRows
  /** How far a graph that is only fused may answer otherwise. */
  readonly parity: number
  readonly folder: string
}

/** The file of the graph, in the folder of the order. */
export const optimisedFile = 'optimised.onnx'

/** What was made, and what was measured of it by the clock, which is no part of the package. */
export interface OptimisedModel {
  readonly facts: OptimisedFacts
  readonly times: Times
}

/**
 * Optimises a model's graph, and compares it with the one before on the validation rows.
 * @throws SlipwayError OPTIMISE_UNSUITABLE where it gains nothing, OPTIMISE_LOSS where it loses more than is allowed,
 *   PARITY where a graph that is only fused answers otherwise
 */
export async function optimiseModel(order: OptimiseOrder, onProgress: Progress): Promise<OptimisedModel> {
  const { model, options, folder } = order
  const { fuse, quantize } = options
  onProgress('optimising the graph', 0)
  const before = await readFile(model.onnxFile)
  const { onnx, weights } = await optimised(before, options, folder)
  const onnxFile = join(folder, optimisedFile)
  await writeFile(onnxFile, onnx)
  return withModels([model, { ...model, onnxFile }], async (plain, own) => {
    const compared = await compareGraphs(order, [plain, own], onProgress)
    requireKept(order, compared)
    const { metric, largest, features } = compared
    return {
      facts: {
        ...(fuse && { fuse }),
        ...(quantize !== undefined && { quantize }),
        model: digestOf(before),
        bytes: { before: before.length, after: onnx.length },
        ...(weights !== undefined && { weights }),
        compared: order.table.rows,
        largest,
        metric,
      },
      times: await raceOf(
        { items: features.items, ask: () => plain.scoreFeatures(features.rows), onnx: before },
        { items: features.items, ask: () => own.scoreFeatures(features.rows), onnx },
      ),
    }
  })
}

function requireKept({ options, parity }: OptimiseOrder, { metric, largest }: GraphsCompared): void {
  const { name, before, after } = metric
  if (options.quantize === undefined) {
    if (largest <= parity) return
    throw new SlipwayError('PARITY', `the fused graph and the one before differ by ${largest}; ${parity} is allowed`, {
      next: 'leave fuse out, or allow more by `parity` in p.package',
    })
  }
  const allowed = options.atMost?.metricLoss ?? 0
  // Of an error the share counts that it grows by.
  const lost = rowMetric(name)?.better === 'smaller' ? after / before - 1 : before - after
  // What is not defined is not kept.
  if (lost <= allowed && Number.isFinite(largest)) return
  throw new SlipwayError(
    'OPTIMISE_LOSS',
    Number.isNaN(lost)
      ? `what int8 loses is not known: ${name} is not defined on the validation rows`
      : `int8 loses ${show(lost)} of ${name} on the validation rows, ${show(before)} before and ${show(after)} after; ${allowed} is allowed`,
    { next: 'leave quantize out, or allow more: optimise: { atMost: { metricLoss: … } }' },
  )
}
