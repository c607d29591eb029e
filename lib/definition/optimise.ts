import { SlipwayError } from '../formats/errors.ts'
import { OptimiseRows, OptimiseTensors } from '../formats/optimise.ts'

/** What is done to a model's graph when it is packaged. */
interface Optimise {
  /** ONNX Runtime's own graph in its place: constants folded, operators joined. */
  readonly fuse?: boolean
  /** Weights as int8: a quarter of the bytes. */
  readonly quantize?: 'int8'
}

export interface OptimiseModel extends Optimise {
  /**
   * How much int8 may lose on the validation rows of the task's first metric that is better when it is larger: AUC,
   * accuracy, R², NDCG; where there is none, the share that the first error may grow by. Default 0.005. Beyond it the
   * run ends with exit code 12.
   */
  readonly atMost?: { readonly metricLoss: number }
}

export interface OptimiseTensorModel extends Optimise {
  /**
   * How far int8 may move the answers to the samples: the root mean square of differences by the answers' spread, of
   * the output where that is most. Default 0.05. Beyond it the run ends with exit code 12.
   */
  readonly atMost?: { readonly difference: number }
}

const usual = { metricLoss: 0.005, difference: 0.05 } as const

/** @throws SlipwayError DEFINITION_INVALID */
export function optimiseRowsOf(learner: string, given: OptimiseModel): OptimiseRows {
  if (learner === 'trees' || learner === 'linear')
    throw new SlipwayError('DEFINITION_INVALID', `optimise gains nothing for ${learner}(…): ${whyNot[learner]}`, {
      next: 'leave optimise out; it is for finished models and programs whose models multiply matrices',
    })
  return OptimiseRows.parse(stored(given, 'metricLoss', given.atMost))
}

const whyNot = {
  trees: 'its trees are compiled already, and have no matrices',
  linear: 'it is one product',
} as const

/** @throws SlipwayError DEFINITION_INVALID */
export function optimiseTensorsOf(given: OptimiseTensorModel, samples: string | undefined): OptimiseTensors {
  if (samples === undefined)
    throw new SlipwayError('DEFINITION_INVALID', 'optimise without samples: there is nothing to compare answers on', {
      next: "say samples: '…', a file of inputs",
    })
  return OptimiseTensors.parse(stored(given, 'difference', given.atMost))
}

function stored<Limit extends 'metricLoss' | 'difference'>(
  { fuse, quantize }: Optimise,
  limit: Limit,
  atMost: { readonly [Name in Limit]: number } | undefined,
) {
  if (fuse !== true && quantize === undefined)
    throw new SlipwayError('DEFINITION_INVALID', 'optimise says nothing to do', {
      next: "write fuse: true, quantize: 'int8', or both",
    })
  const value = atMost?.[limit] ?? usual[limit]
  if (!(value >= 0 && Number.isFinite(value)))
    throw new SlipwayError('DEFINITION_INVALID', `optimise.atMost.${limit} is ${value}`, {
      next: `write a number of 0 or more, such as ${usual[limit]}`,
    })
  if (quantize === undefined && atMost !== undefined)
    throw new SlipwayError('DEFINITION_INVALID', `optimise.atMost is about int8, and nothing is quantised`, {
      next: "leave it out: what is fused has to answer the same to `parity`; or add quantize: 'int8'",
    })
  return {
    ...(fuse === true && { fuse: true }),
    ...(quantize !== undefined && { quantize, atMost: { [limit]: value } }),
  }
}
