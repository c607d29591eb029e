import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'
import { type AskedRun, readCallback } from './callback-message.ts'
import { isPassing } from './faults.ts'
import type { Queue, QueueMessage } from './queue.ts'

/** How what a message asked for has ended. */
export interface Ending {
  readonly message: string
  /** `answered`: SageMaker was told; `left`: the queue has it still, and brings it again. */
  readonly outcome: 'answered' | 'left'
  readonly exitCode: number
  readonly words: string
  readonly runId?: string
}

/** A run whose callback was answered. */
export interface Answered {
  readonly runId: string
  readonly exitCode: number
  readonly words: string
}

export interface Listening {
  readonly queue: Queue
  /** Does what is asked for, and answers it. @throws where it could not be answered: it is asked for again then */
  carryOut(asked: AskedRun): Promise<Answered>
  onEnding(ending: Ending): void
  /** Says what is no ending. */
  say(line: string): void
  /** How many messages are held at once. */
  readonly atOnce: number
  /** How long a message is held that nothing more is heard of, seconds. */
  readonly holdSeconds: number
  /** Ends when there is no message, instead of waiting for one. */
  readonly untilEmpty: boolean
  /** Takes no more; what is held is given back. */
  readonly stop: AbortSignal
}

/** A message that is being carried out. */
interface Held {
  /** The newest delivery of it: only that one's receipt counts. */
  message: QueueMessage
  readonly done: Promise<void>
}

/** Long polling: the longest that SQS waits, and what is enough to know that nothing is there. Seconds. */
const waits = { listening: 20, emptying: 2 } as const
/** Before a queue is asked again that did not answer, ms. */
const awayPause = 5_000
/** Before a message comes again that could not be carried out, seconds: it doubles with each time, up to the most. */
const backOff = { first: 30, most: 900 } as const

/**
 * Reads a queue of callback messages until it is told to stop, or there are none. A message is held while its run goes
 * on, and removed when SageMaker was answered; whatever else happens, the queue has it and brings it again.
 * @throws SlipwayError where the queue refuses, and with `untilEmpty` where it does not answer
 */
export async function listen(listening: Listening): Promise<void> {
  const { queue, atOnce, untilEmpty, stop } = listening
  const held = new Map<string, Held>()
  const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
  const anyDone = (): Promise<void> => Promise.race([stopped, ...[...held.values()].map(({ done }) => done)])
  try {
    while (!stop.aborted) {
      if (held.size >= atOnce) {
        await anyDone()
        continue
      }
      const messages = await received(listening, atOnce - held.size)
      for (const message of messages) {
        if (stop.aborted) await queue.hold(message, 0).catch(() => {})
        else take(listening, held, message)
      }
      if (!untilEmpty || messages.length > 0) continue
      if (held.size === 0) return
      await anyDone()
    }
  } finally {
    await Promise.all([...held.values()].map(({ done }) => done))
  }
}

/** The next messages. A queue that is away is asked again. */
async function received({ queue, untilEmpty, stop, say }: Listening, most: number): Promise<readonly QueueMessage[]> {
  try {
    return await queue.receive(most, untilEmpty ? waits.emptying : waits.listening, stop)
  } catch (error) {
    if (untilEmpty || !isPassing(error)) throw error
    say(`${(error as Error).message}; asking again`)
    await sleep(awayPause, undefined, { signal: stop }).catch(() => {})
    return []
  }
}

/** Begins with a message, unless it is another delivery of one that is being carried out. */
function take(listening: Listening, held: Map<string, Held>, message: QueueMessage): void {
  const asked = askedIn(message)
  if (asked instanceof SlipwayError) {
    const words = `left to the queue: ${asked.message}`
    listening.onEnding({ message: message.id, outcome: 'left', exitCode: asked.exitCode, words })
    return
  }
  // The order to stop has the token of what is to be stopped, and must not wait for it.
  const key = `${asked.token} ${asked.isStopping ? 'stop' : 'run'}`
  const same = held.get(key)
  if (same !== undefined) {
    same.message = message
    return
  }
  const begin = async (): Promise<void> => {
    await Promise.resolve()
    const one = held.get(key) as Held
    await carriedOut(listening, one, asked).finally(() => held.delete(key))
  }
  held.set(key, { message, done: begin() })
}

function askedIn({ body }: QueueMessage): AskedRun | SlipwayError {
  try {
    return readCallback(body)
  } catch (error) {
    if (error instanceof SlipwayError) return error
    throw error
  }
}

/** Carries a message out, and holds it so long. */
async function carriedOut(listening: Listening, held: Held, asked: AskedRun): Promise<void> {
  const { queue, carryOut, onEnding, holdSeconds, stop } = listening
  // One that cannot be held any longer, after twelve hours for one, comes again: it is the same run then.
  const holding = setInterval(
    () => void queue.hold(held.message, holdSeconds).catch(() => {}),
    (holdSeconds * 1_000) / 3,
  )
  try {
    const { words, exitCode, runId } = await carryOut(asked)
    clearInterval(holding)
    // Where it cannot be removed it comes again, and is answered from the run's record.
    await queue.remove(held.message).catch((error: Error) => listening.say(error.message))
    onEnding({ message: held.message.id, outcome: 'answered', exitCode, words, runId })
  } catch (error) {
    clearInterval(holding)
    const { message: why, exitCode } = error instanceof SlipwayError ? error : { message: String(error), exitCode: 1 }
    const again = stop.aborted ? 0 : Math.min(backOff.most, backOff.first * 2 ** (held.message.receives - 1))
    await queue.hold(held.message, again).catch(() => {})
    const words = `left to the queue${again === 0 ? '' : ` for ${again} s`}: ${why}`
    onEnding({ message: held.message.id, outcome: 'left', exitCode, words })
  }
}
