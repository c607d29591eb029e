import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow'
import { refusalOf } from './failures.ts'
import { type Answer, answerSignal, type Order } from './owner-messages.ts'

/** How an owner carries out what it is asked for. */
export interface OrderBook {
  /** The last answers, newest last: what an owner carries through continue-as-new. */
  answers(): readonly Answer[]
  /** Whether nothing is being carried out. */
  isIdle(): boolean
  /** One after another, whoever asks. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Carries out an order, once however often it is asked, and answers it. @returns whether somebody heard the answer */
  carryOut<Asked>(order: Order<Asked>, work: (asked: Asked) => Promise<unknown>): Promise<boolean>
}

/** Answers that are remembered, for who asks again: an answer may be lost with the owner that gave it. */
const remembered = 20

export function takeOrders(before: readonly Answer[] = []): OrderBook {
  const inFlight = new Set<string>()
  let answers: readonly Answer[] = before
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(work)
    queue = turn.catch(() => {})
    return turn
  }
  return {
    answers: () => answers,
    isIdle: () => inFlight.size === 0,
    inTurn,
    async carryOut({ id, answerTo, asked }, work) {
      const known = answers.find((answer) => answer.id === id)
      if (known !== undefined) return tell(answerTo, known)
      if (inFlight.has(id)) return true
      inFlight.add(id)
      try {
        const answer = await inTurn(() => work(asked)).then(
          (result): Answer => ({ id, result }),
          (error): Answer => {
            if (isCancellation(error)) throw error
            return { id, error: refusalOf(error) }
          },
        )
        answers = [...answers, answer].slice(-remembered)
        return await tell(answerTo, answer)
      } finally {
        inFlight.delete(id)
      }
    },
  }
}

/** @returns false when nobody is there any more */
async function tell(workflowId: string, answer: Answer): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(answerSignal, answer)
    return true
  } catch {
    return false
  }
}
