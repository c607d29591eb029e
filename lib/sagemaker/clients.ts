import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling'
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { SageMakerClient, type SageMakerClientConfig } from '@aws-sdk/client-sagemaker'
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime'
import { SQSClient } from '@aws-sdk/client-sqs'

/** Clients of SageMaker and of the services beside it, each made when it is first asked for. */
export interface SageMakerClients {
  readonly sageMaker: SageMakerClient
  readonly runtime: SageMakerRuntimeClient
  readonly logs: CloudWatchLogsClient
  readonly cloudWatch: CloudWatchClient
  readonly autoScaling: ApplicationAutoScalingClient
  readonly sqs: SQSClient
  destroy(): void
}

/** How long a call may take, and go on being tried, ms. */
export interface Patience {
  /** Until a connection stands. */
  readonly connect: number
  /** Until something is said on it. */
  readonly silent: number
  /** All tries of a call that is throttled or does not get through. */
  readonly tries: number
  /** The longest pause between two of them. */
  readonly pause: number
}

const usual: Patience = { connect: 5_000, silent: 60_000, tries: 120_000, pause: 10_000 }

/**
 * The clients that the SDK's own environment describes and nothing else: `AWS_REGION`, credentials as everywhere in
 * AWS, and for other places `AWS_ENDPOINT_URL_SAGEMAKER`, `…_SAGEMAKER_RUNTIME`, `…_CLOUDWATCH_LOGS`, `…_CLOUDWATCH`,
 * `…_APPLICATION_AUTO_SCALING` and `…_SQS`. Nothing is sent until the first call.
 */
export function sageMakerClients(given: Partial<Patience> = {}): SageMakerClients {
  const patience = { ...usual, ...given }
  const settings = {
    // A `requestTimeout` of the SDK's ends nothing: it only warns.
    requestHandler: { connectionTimeout: patience.connect, socketTimeout: patience.silent },
    retryStrategy: ridingOut(patience),
  }
  const made: { destroy(): void }[] = []
  const once = <Client extends { destroy(): void }>(make: () => Client): (() => Client) => {
    let client: Client | undefined
    return () => {
      if (client === undefined) {
        client = make()
        made.push(client)
      }
      return client
    }
  }
  const sageMaker = once(() => new SageMakerClient(settings))
  const runtime = once(() => new SageMakerRuntimeClient(settings))
  // Logs are read again at the next look: who waits for a job must not wait for them.
  const briefly = { ...settings, retryStrategy: ridingOut({ ...patience, tries: Math.min(patience.tries, 3_000) }) }
  const logs = once(() => new CloudWatchLogsClient(briefly))
  const cloudWatch = once(() => new CloudWatchClient(settings))
  const autoScaling = once(() => new ApplicationAutoScalingClient(settings))
  const sqs = once(() => new SQSClient({ ...settings, ...elsewhere(process.env) }))
  return {
    get sageMaker() {
      return sageMaker()
    },
    get runtime() {
      return runtime()
    },
    get logs() {
      return logs()
    },
    get cloudWatch() {
      return cloudWatch()
    },
    get autoScaling() {
      return autoScaling()
    },
    get sqs() {
      return sqs()
    },
    destroy() {
      for (const client of made) client.destroy()
    },
  }
}

/** SQS's client goes to the host of a queue's address whatever the environment says, unless its settings say it. */
function elsewhere(env: NodeJS.ProcessEnv): { readonly endpoint?: string } {
  const endpoint = env.AWS_ENDPOINT_URL_SQS ?? env.AWS_ENDPOINT_URL
  return endpoint === undefined || env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true' ? {} : { endpoint }
}

let shared: SageMakerClients | undefined
/** The clients of this process. */
export function sharedClients(): SageMakerClients {
  shared ??= sageMakerClients()
  return shared
}

type Retries = Extract<NonNullable<SageMakerClientConfig['retryStrategy']>, { recordSuccess: unknown }>
type Token = Awaited<ReturnType<Retries['acquireInitialRetryToken']>>

/** The pause before the first further try, ms: it doubles with each. */
const firstPause = 200

/**
 * Tries a call again that was throttled or did not get through, with growing pauses of random length, for a bounded
 * time. The SDK's own tries share a budget that a throttled account has used up in seconds.
 */
function ridingOut({ tries, pause }: Patience): Retries {
  const begun = new WeakMap<Token, number>()
  const token = (since: number, count: number, delay: number): Token => {
    const made: Token = { getRetryCount: () => count, getRetryDelay: () => delay }
    begun.set(made, since)
    return made
  }
  return {
    acquireInitialRetryToken: async () => token(Date.now(), 0, 0),
    async refreshRetryTokenForRetry(before, { errorType }) {
      const since = begun.get(before) as number
      const count = before.getRetryCount() + 1
      const mayPass = errorType === 'TRANSIENT' || errorType === 'THROTTLING' || errorType === 'SERVER_ERROR'
      const delay = Math.min(pause, firstPause * 2 ** (count - 1)) * (0.5 + Math.random() / 2)
      if (!mayPass || Date.now() - since + delay > tries) throw new Error('no further try')
      return token(since, count, delay)
    },
    recordSuccess: () => {},
  }
}
