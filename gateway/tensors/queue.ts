import type { Tensors } from '../../lib/formats/tensors.ts'
import { DeadlinePassed, type Until } from '../batcher.ts'
import type { Packed } from '../bodies/packed.ts'
import type { TensorAnswer, TensorScorer } from './scorer.ts'

/** Requests to a model of tensors, which are answered one after another. */
export interface TensorQueue {
  /** Requests that wait. */
  readonly queued: number
  /** How long one that comes now has to wait, ms, by the pace of the last answers. */
  readonly expectedWaitMs: number
  /** Requests that were answered, or tried. */
  readonly batches: number
  /** What nobody waits for any more when its turn comes is not answered. */
  answer(tensors: Tensors | Packed<Tensors>, until: Until): Promise<TensorAnswer>
  /** Resolves when nothing waits and nothing is answered. */
  drained(): Promise<void>
}

export function createTensorQueue(scorer: Pick<TensorScorer, 'answer'>): TensorQueue {
  let last: Promise<unknown> = Promise.resolve()
  let queued = 0
  let batches = 0
  let msEach = 1
  const carryOut = async (tensors: Tensors | Packed<Tensors>, until: Until): Promise<TensorAnswer> => {
    queued--
    const start = performance.now()
    if (until.deadline < start) throw new DeadlinePassed()
    batches++
    try {
      return await scorer.answer(tensors)
    } finally {
      msEach += 0.2 * (performance.now() - start - msEach)
    }
  }
  return {
    get queued() {
      return queued
    },
    get expectedWaitMs() {
      return queued * msEach
    },
    get batches() {
      return batches
    },
    answer(tensors, until) {
      queued++
      const answer = last.then(() => carryOut(tensors, until))
      last = answer.catch(() => {})
      return answer
    },
    drained: async () => void (await last),
  }
}
