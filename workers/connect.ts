import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import { patience } from '../lib/formats/patience.ts'
import { type Outage, rideOut } from '../lib/store/outage.ts'
import { converterFile } from './files.ts'
import type { Settings } from './settings.ts'

export interface TemporalClient {
  readonly client: Client
  readonly connection: Connection
  /** Closes the connection, once no call waits to be tried again; what is under way fails. */
  close(): Promise<void>
}

/** gRPC's status of a server that is not there, whether it was not reached or went away in the middle of a call. */
const unavailable = 14
/** Statuses that say nothing of the server: the call was given up here. */
const givenUp: ReadonlySet<number> = new Set([1, 4])
/** Whether gRPC's own clock ended a call, and not the server, which may have waited for a worker in vain. */
const isLateAnswer = ({ code, details }: { code: number; details: string }): boolean =>
  code === 4 && details.startsWith('Deadline exceeded')
/** Statuses of a server that is there and does not want us. */
const refusals: ReadonlySet<number> = new Set([7, 16])

/** Whether a connection failed because nobody was there, and not because somebody said no. */
export function isAway(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (refusals.has((cause as { code?: number }).code ?? unavailable)) return false
  return true
}

/**
 * How long gRPC waits before it connects again, ms. Its own limit is two minutes: it would stay away longer than the
 * server.
 */
const channelArgs = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // One that waits for news hears by this that nobody is there: together the time for which a server may be silent.
  'grpc.keepalive_time_ms': patience.silent / 2,
  'grpc.keepalive_timeout_ms': patience.silent / 2,
}

/** Calls that Temporal answers when there is news, or a worker has said something. */
const newsCalls =
  /\/(GetWorkflowExecutionHistory|QueryWorkflow|(Poll|Update)WorkflowExecution(Update)?|ExecuteMultiOperation)$/

/**
 * A client to the Temporal server.
 * @param outage rides out times in which the server is away, in every call: what Temporal's SDK sends again is the
 * same request, by an id that the server knows it by, so nothing takes effect twice
 * @throws SlipwayError TEMPORAL_UNREACHABLE
 */
export async function connect({ temporal }: Settings, outage?: Outage): Promise<TemporalClient> {
  const { address } = temporal.connectionOptions
  const retries: Retries = { isClosing: false, until: 0 }
  const options = {
    ...temporal.connectionOptions,
    connectTimeout: patience.connecting,
    channelArgs,
    interceptors: [tryingAgain(retries, outage)],
  }
  try {
    const connection = await rideOut(outage, () => Connection.connect(options), isAway, true)
    const client = new Client({
      connection,
      dataConverter: { payloadConverterPath: converterFile },
      ...(temporal.namespace === undefined ? {} : { namespace: temporal.namespace }),
    })
    const close = async (): Promise<void> => {
      retries.isClosing = true
      await sleep(Math.max(0, retries.until - Date.now()))
      await connection.close()
    }
    return { client, connection, close }
  } catch (error) {
    throw new SlipwayError(
      'TEMPORAL_UNREACHABLE',
      `the Temporal server at ${address} does not answer`,
      { next: 'check TEMPORAL_ADDRESS, or start one with `npx slipway up --detach`' },
      { cause: error },
    )
  }
}

type Interceptor = ReturnType<typeof makeGrpcRetryInterceptor>

/**
 * Calls that wait to be tried again. On a closed connection the SDK throws in the timer of such a call, where nobody
 * can catch it: the process ends.
 */
interface Retries {
  /** Then no call is tried again. */
  isClosing: boolean
  /** When the last of them has begun, ms since 1970. */
  until: number
}

/**
 * Gives every call a time to be answered in, and tries it again while the server is away; otherwise as the SDK does.
 */
function tryingAgain(retries: Retries, outage: Outage | undefined): Interceptor {
  const usual = defaultGrpcRetryOptions()
  return (options, nextCall) => {
    const call = outage?.begin()
    const limit = newsCalls.test(options.method_definition.path) ? patience.news : patience.temporal
    let pause: number | undefined
    let begun = 0
    const retrying = makeGrpcRetryInterceptor({
      retryableDecider(attempt, status) {
        pause = undefined
        if (retries.isClosing) return false
        const isLate = isLateAnswer(status)
        if (call !== undefined && (status.code === unavailable || isLate)) {
          pause = call.failed(isLate ? begun : undefined)
          return pause !== undefined
        }
        if (!givenUp.has(status.code)) outage?.answered()
        return usual.retryableDecider(attempt, status)
      },
      delayFunction(attempt, status) {
        const delay = pause ?? usual.delayFunction(attempt, status)
        // Timers may be late.
        retries.until = Math.max(retries.until, Date.now() + delay + 50)
        return delay
      },
    })
    return retrying(options, (each) => {
      begun = Date.now()
      return nextCall({ ...each, deadline: each.deadline ?? begun + limit })
    })
  }
}
