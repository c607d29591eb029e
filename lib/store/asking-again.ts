import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import { patience } from '../formats/patience.ts'

/** How often a call is made whose answers cannot be understood. */
const garbledTries = 3

/** What is known of one kind of call: whether the store ever allowed it, and since when it refuses it. */
interface Kind {
  isAllowed: boolean
  since: number | undefined
}

type Answer = { httpStatusCode?: number; attempts?: number } | undefined
const answerIn = (error: unknown): Answer => (error as { $metadata?: Answer }).$metadata

/**
 * Has a client make calls again that the SDK gives up at once: what is refused (401, 403) for a stated time, since
 * gateways and key services refuse for seconds what they allow otherwise; and answers cut off before their end. What
 * was refused for that time is believed, and refused at once from then on, until a call of its kind is allowed.
 */
export function askAgain(client: S3Client): void {
  const kinds = new Map<string | undefined, Kind>()
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const kind = kinds.get(commandName) ?? { isAllowed: false, since: undefined }
        kinds.set(commandName, kind)
        let [earlier, garbled] = [0, 0]
        let own: number | undefined
        for (;;) {
          try {
            const result = await next(args)
            Object.assign(kind, { isAllowed: true, since: undefined })
            return result
          } catch (error) {
            const answer = answerIn(error)
            const status = answer?.httpStatusCode
            const isDenied = status === 401 || status === 403
            if (isDenied) {
              own ??= performance.now()
              kind.since ??= own
              const limit = kind.isAllowed ? patience.denied : patience.neverAllowed
              if (performance.now() - Math.min(own, kind.since) >= limit) throw withTries(error, earlier)
            } else {
              if (status !== undefined && status < 500) Object.assign(kind, { isAllowed: true, since: undefined })
              if (status !== 200 || ++garbled >= garbledTries) throw withTries(error, earlier)
            }
            earlier += answer?.attempts ?? 1
            await sleep(patience.pause)
          }
        }
      },
    { step: 'initialize', priority: 'high', name: 'askAgain' },
  )
}

/** Says of a call's error how often it was made in all: of a write that was made twice, the first may have worked. */
function withTries(error: unknown, earlier: number): unknown {
  const answer = answerIn(error)
  if (earlier > 0 && answer !== undefined) answer.attempts = (answer.attempts ?? 1) + earlier
  return error
}
