import { Worker } from 'node:worker_threads'
import { builtFile } from '../../lib/code/host.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { lateFor, type Waiter } from '../late.ts'
import type { BodyAnswer, BodyQuestion } from './messages.ts'

/** Memory of a thread, MB: what the largest body within bounds takes, twice. Who takes more is refused. */
const heap = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 64 } as const

type Answered<Key extends string> = Extract<BodyAnswer, { readonly [key in Key]: unknown }>

/** A thread that reads one large body at a time. */
export class BodyThread {
  private readonly thread = new Worker(builtFile('body-thread'), { resourceLimits: heap })
  private pending: { resolve(answer: BodyAnswer): void; reject(error: Error): void } | undefined
  private hasEnded = false

  constructor() {
    this.thread.on('message', (answer: BodyAnswer) => this.settle()?.resolve(answer))
    this.thread.on('error', (error: NodeJS.ErrnoException) => this.settle()?.reject(endOf(error)))
    this.thread.on('exit', () => {
      this.hasEnded = true
      this.settle()?.reject(new Error('a thread that reads bodies ended'))
    })
    // It keeps no process alive by itself: who waits for an answer has a connection.
    this.thread.unref()
  }

  get isOpen(): boolean {
    return !this.hasEnded
  }

  /**
   * Asks one thing, when the one before is answered. What takes longer than its client waits is given up, and the
   * thread with it.
   * @throws SlipwayError what reading or writing throws; REQUEST_TOO_LARGE, DEADLINE_EXCEEDED
   */
  async ask<Key extends string>(
    key: Key,
    question: BodyQuestion,
    until: Waiter,
    transfer: ArrayBuffer[] = [],
  ): Promise<Answered<Key>> {
    if (this.hasEnded) throw new Error('a thread that reads bodies has ended')
    const answer = await new Promise<BodyAnswer>((resolve, reject) => {
      const ms = Math.min(Math.max(0, until.deadline - performance.now()), 2 ** 31 - 1)
      const timer = setTimeout(() => {
        this.settle()?.reject(lateFor(until))
        this.close()
      }, ms)
      this.pending = {
        resolve(answer) {
          clearTimeout(timer)
          resolve(answer)
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      }
      this.thread.postMessage(question, transfer)
    })
    if ('failed' in answer) {
      const { code, message, facts } = answer.failed
      throw code === undefined ? new Error(message) : new SlipwayError(code, message, facts)
    }
    if (key in answer) return answer as Answered<Key>
    throw new Error(`a thread that reads bodies says something else than ${key}`)
  }

  close(): void {
    this.hasEnded = true
    void this.thread.terminate()
  }

  private settle() {
    const { pending } = this
    this.pending = undefined
    return pending
  }
}

function endOf(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error
  return new SlipwayError(
    'REQUEST_TOO_LARGE',
    'reading the body takes more memory than a request may have: send fewer rows at once, or score a table as a batch',
  )
}
