import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow'
import { refusalOf } from './failures.ts'
import { type Answer, answerSignal, type Order } from './owner-messages.ts'

/** What an order comes to that cannot be carried out yet. */
export interface Waits {
  /** The rollout whose end it waits for. */
  readonly waitsFor: string
}

/** How an owner carries out what it is asked for. */
export interface OrderBook<Asked> {
  /** The last answers, newest last, and the orders that wait: what an owner carries through continue-as-new. */
  answers(): readonly Answer[]
  waiting(): readonly Order<Asked>[]
  /** Whether nothing is being carried out. */
  isIdle(): boolean
  /** One after another, whoever asks. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /**
   * Carries out an order, once however often it is asked, and answers it.
   * @returns whether somebody heard the answer
   */
  carryOut(order: Order<Asked>, work: (asked: Asked) => Promise<unknown>): Promise<boolean>
  /** Begins anew with the order that has waited longest. */
  carryOutNext(carryOut: (order: Order<Asked>) => Promise<void>): void
  /** Drops orders that wait. */
  forget(which: (asked: Asked) => boolean): void
}

/** Answers that are remembered, for who asks again: an answer may be lost with the owner that gave it. */
const remembered = 20
/** Orders that wait and are carried along: as many as a payload holds. Who is left out asks again. */
const carried = 40

export function takeOrders<Asked>(
  before: readonly Answer[] = [],
  waitingBefore: readonly Order<Asked>[] = [],
): OrderBook<Asked> {
  const inFlight = new Set<string>()
  let answers: readonly Answer[] = before
  let waiting: readonly Order<Asked>[] = waitingBefore
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(work)
    queue = turn.catch(() => {})
    return turn
  }
  return {
    answers: () => answers,
    waiting: () => waiting.slice(0, carried),
    isIdle: () => inFlight.size === 0,
    inTurn,
    async carryOut(order, work) {
      const { id, answerTo, asked } = order
      const known = answers.find((answer) => answer.id === id)
      if (known !== undefined) return tell(answerTo, known)
      if (inFlight.has(id)) return true
      inFlight.add(id)
      try {
        const answer = await inTurn(() => work(asked)).then(
          (result): Answer => (isWaiting(result) ? { id, ...result } : { id, result: result ?? null }),
          (error): Answer => {
            if (isCancellation(error)) throw error
            return { id, error: refusalOf(error) }
          },
        )
        const others = waiting.filter((each) => each.id !== id)
        if ('waitsFor' in answer) waiting = waiting.some((each) => each.id === id) ? waiting : [...waiting, order]
        else {
          waiting = others
          answers = [...answers, answer].slice(-remembered)
        }
        const isHeard = await tell(answerTo, answer)
        if (!isHeard) waiting = others
        return isHeard
      } finally {
        inFlight.delete(id)
      }
    },
    carryOutNext(carryOut) {
      const [first] = waiting
      if (first !== undefined && !inFlight.has(first.id)) void carryOut(first)
    },
    forget(which) {
      waiting = waiting.filter(({ asked }) => !which(asked))
    },
  }
}

const isWaiting = (result: unknown): result is Waits =>
  typeof result === 'object' && result !== null && 'waitsFor' in result

/** @returns false when nobody is there any more */
async function tell(workflowId: string, answer: Answer): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(answerSignal, answer)
    return true
  } catch {
    return false
  }
}
