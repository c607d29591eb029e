import { durationMs } from '../../lib/definition/duration.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { type Ending, listen } from '../../lib/sagemaker/listen.ts'
import { sqsQueue } from '../../lib/sagemaker/queue.ts'
import { carryOut } from '../asked-run.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say } from '../output.ts'

export interface ListenOptions extends JsonOption {
  readonly queue: string
  readonly atOnce?: string
  readonly hold?: string
  readonly untilEmpty?: boolean
}

/** A stop is a message as well: were one run followed at a time, it would wait for that run. */
const usualAtOnce = '10'
const usualHold = '2m'
/** Of a queue of SQS, seconds. */
const longestHold = 43_200
/** Endings that the document keeps: a listener may go on for months. */
const kept = 1_000

/**
 * `sagemaker listen --queue https://sqs…`: reads the queue of callback steps, carries out what they ask for and answers
 * them, until it is told to stop. Runs that go on then go on in Temporal; their messages are given back.
 * @returns 0 where it was told to stop; with `untilEmpty` the first exit code that is not 0
 */
export async function listenToQueue(options: ListenOptions): Promise<number> {
  const { queue: address, untilEmpty = false, json } = options
  const holdSeconds = Math.ceil(durationMs(options.hold ?? usualHold) / 1_000)
  if (holdSeconds < 3 || holdSeconds > longestHold)
    throw new SlipwayError('USAGE', `--hold ${options.hold}: a message is held for 3 seconds to 12 hours`, {
      next: 'leave it out: it is 2m',
    })
  const context = openContext()
  const clients = sageMakerClients()
  const stopping = listenForStop()
  const endings: Ending[] = []
  try {
    if (json !== true) say(`listening to ${address}`)
    await listen({
      queue: sqsQueue(clients, address, holdSeconds),
      async carryOut(asked) {
        const carried = await carryOut({ context, clients, interrupt: stopping.interrupt }, asked, { quiet: true })
        return { ...carried, words: `${carried.what}; ${carried.told}` }
      },
      onEnding(ending) {
        endings.push(ending)
        if (endings.length > kept) endings.shift()
        print(inALine(ending))
      },
      say,
      atOnce: Number(options.atOnce ?? usualAtOnce),
      holdSeconds,
      untilEmpty,
      stop: stopping.signal,
    })
  } finally {
    stopping.stopListening()
    clients.destroy()
  }
  const exitCode = untilEmpty ? (endings.find((ending) => ending.exitCode !== 0)?.exitCode ?? 0) : 0
  if (json === true) printJson({ queue: address, messages: endings, exitCode })
  return exitCode
}

const inALine = ({ message, outcome, exitCode, words }: Ending): string =>
  `${new Date().toISOString()}  ${message}  ${outcome} ${exitCode}  ${words}`

/** Ctrl-C and SIGTERM end the listening, and the waiting for runs. */
function listenForStop() {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    signal: stop.signal,
    interrupt: {
      get happened() {
        return stop.signal.aborted
      },
      // Others wait by it too.
      stopListening: () => {},
    },
    stopListening() {
      for (const signal of signals) process.removeListener(signal, onSignal)
    },
  }
}
