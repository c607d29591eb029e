import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type Outage, rideOut } from '../lib/store/outage.ts'
import { converterFile } from './files.ts'
import type { Settings } from './settings.ts'

export interface TemporalClient {
  readonly client: Client
  readonly connection: Connection
}

/** gRPC's status of a server that is not there, whether it was not reached or went away in the middle of a call. */
const unavailable = 14
/** Statuses that say nothing of the server: the call was given up here. */
const givenUp: ReadonlySet<number> = new Set([1, 4])
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
const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 }

/**
 * A client to the Temporal server.
 * @param outage rides out times in which the server is away, in every call: what Temporal's SDK sends again is the
 * same request, by an id that the server knows it by, so nothing takes effect twice
 * @throws SlipwayError TEMPORAL_UNREACHABLE
 */
export async function connect({ temporal }: Settings, outage?: Outage): Promise<TemporalClient> {
  const { address } = temporal.connectionOptions
  const options = {
    ...temporal.connectionOptions,
    connectTimeout: '5s' as const,
    channelArgs,
    ...(outage === undefined ? {} : { interceptors: [ridingOut(outage)] }),
  }
  try {
    const connection = await rideOut(outage, () => Connection.connect(options), isAway, true)
    const client = new Client({
      connection,
      dataConverter: { payloadConverterPath: converterFile },
      ...(temporal.namespace === undefined ? {} : { namespace: temporal.namespace }),
    })
    return { client, connection }
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

/** Tries a call again while the server is away, and otherwise as the SDK does. */
function ridingOut(outage: Outage): Interceptor {
  const usual = defaultGrpcRetryOptions()
  return (options, nextCall) => {
    const call = outage.begin()
    let pause: number | undefined
    const retrying = makeGrpcRetryInterceptor({
      retryableDecider(attempt, status) {
        pause = undefined
        if (status.code === unavailable) {
          pause = call.failed()
          return pause !== undefined
        }
        if (!givenUp.has(status.code)) outage.answered()
        return usual.retryableDecider(attempt, status)
      },
      delayFunction: (attempt, status) => pause ?? usual.delayFunction(attempt, status),
    })
    return retrying(options, nextCall)
  }
}
