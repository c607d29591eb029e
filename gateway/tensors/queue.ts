import type { Tensors } from '../../lib/formats/tensors.ts'
import { DeadlinePassed } from '../batcher.ts'
import type { TensorAnswer, TensorScorer } from './scorer.ts'

/** Requests to a model of tensors, which are answered one after another. */
export interface TensorQueue {
  /** Requests that wait. */
  readonly queued: number
  /** How long one that comes now has to wait, ms, by the pace of the last answers. */
  readonly expectedWaitMs: number
  /** @param deadline `performance.now()` after which nobody waits for an answer */
  answer(tensors: Tensors, deadline: number): Promise<TensorAnswer>
  /** Resolves when nothing waits and nothing is answered. */
  drained(): Promise<void>
}

export function createTensorQueue(scorer: Pick<TensorScorer, 'answer'>): TensorQueue {
  let last: Promise<unknown> = Promise.resolve()
  let queued = 0
  let msEach = 1
  const carryOut = async (tensors: Tensors, deadline: number): Promise<TensorAnswer> => {
    queued--
    const start = performance.now()
    if (deadline < start) throw new DeadlinePassed()
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
    answer(tensors, deadline) {
      queued++
      const answer = last.then(() => carryOut(tensors, deadline))
      last = answer.catch(() => {})
      return answer
    },
    drained: async () => void (await last),
  }
}
