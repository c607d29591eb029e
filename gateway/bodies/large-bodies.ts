import { type AlertCauses, readAlerts } from '../alertmanager.ts'
import { type LabelledEndpoint, type LabelsByEndpoint, readFeedback } from '../feedback.ts'
import type { Waiter } from '../late.ts'
import type { PredictionRequest } from '../predictions.ts'
import type { Incoming, Protocol } from '../protocols/protocol.ts'
import { type BodyThreads, createBodyThreads } from './body-threads.ts'
import { type ByteBudget, createByteBudget } from './byte-budget.ts'
import { smallBody } from './json-bounds.ts'
import type { BodyQuestion } from './messages.ts'
import { AskedApart } from './read-apart.ts'

/** As many of the largest bodies as may be kept at once. */
const bodiesAtOnce = 8

/** What came without a deadline of its own. */
type Sent = Pick<Incoming, 'body' | 'arrivedAt'>

/** What is done with bodies that would hold up the thread that answers. */
export interface LargeBodies {
  readonly budget: ByteBudget
  /**
   * Reads a request in a thread. Its body is given away.
   * @param protocol one of Slipway's own
   * @throws SlipwayError what its protocol throws; REQUEST_TOO_LARGE, DEADLINE_EXCEEDED
   */
  read(protocol: Protocol, request: PredictionRequest, until: Waiter): Promise<AskedApart>
  /**
   * Reads labels, here where they are few.
   * @param taskOf see `readFeedback` @param names of all endpoints
   * @throws SlipwayError what that throws
   */
  readFeedback(
    request: Sent,
    taskOf: (endpoint: string | undefined) => LabelledEndpoint,
    names: readonly string[],
  ): Promise<LabelsByEndpoint>
  /** Reads a webhook of alerts, here where it is small. @throws SlipwayError what `readAlerts` throws */
  readAlerts(request: Sent): Promise<AlertCauses>
  close(): void
}

/** Whoever sends labels or alerts waits so long, ms. */
const patienceMs = 10_000

/** @param bodyLimit bytes of the largest body */
export function createLargeBodies(bodyLimit: number): LargeBodies {
  const threads = createBodyThreads()
  return {
    budget: createByteBudget(bodiesAtOnce * bodyLimit),
    read({ name }, request, until) {
      const body = ownBytes(request.body)
      return AskedApart.of(threads, { protocol: name, body, headers: request.fields() }, until)
    },
    async readFeedback({ body, arrivedAt }, taskOf, names) {
      if (body.length <= smallBody) return readFeedback(body, taskOf, Date.now())
      const endpoints = new Map(names.map((name) => [name, taskOf(name)]))
      const [only, another] = names
      if (only !== undefined && another === undefined) endpoints.set('', taskOf(only))
      const feedback = { body: ownBytes(body), endpoints, now: Date.now() }
      const { labels } = await ask(threads, 'labels', { feedback }, arrivedAt, feedback.body)
      if (labels instanceof Map) return labels
      // Who knows which endpoints there are says which there is not.
      taskOf((labels as { readonly unknown: string | undefined }).unknown)
      throw new Error('labels of an endpoint that came while they were read')
    },
    async readAlerts({ body, arrivedAt }) {
      if (body.length <= smallBody) return readAlerts(body)
      const alerts = ownBytes(body)
      return (await ask(threads, 'causes', { alerts }, arrivedAt, alerts)).causes
    },
    close: threads.close,
  }
}

/** Asks a thread one thing about a body. */
async function ask<Key extends 'labels' | 'causes'>(
  threads: BodyThreads,
  key: Key,
  question: BodyQuestion,
  arrivedAt: number,
  body: Uint8Array<ArrayBuffer>,
) {
  const until = { arrivedAt, deadline: arrivedAt + patienceMs }
  const { thread, release } = await threads.lease(until)
  try {
    return await thread.ask(key, question, until, [body.buffer])
  } finally {
    release()
  }
}

/** Bytes that can be given away: nothing else lies in their buffer. */
function ownBytes(body: Buffer): Uint8Array<ArrayBuffer> {
  const isOwn = body.byteLength === body.buffer.byteLength
  return (isOwn ? new Uint8Array(body.buffer) : new Uint8Array(body)) as Uint8Array<ArrayBuffer>
}
