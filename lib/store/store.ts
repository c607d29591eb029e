import {
  CreateBucketCommand,
  DeleteBucketCommand,
  HeadBucketCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { SlipwayError } from '../formats/errors.ts'
import { machineFull } from '../formats/machine-full.ts'
import { patience } from '../formats/patience.ts'
import { askAgain } from './asking-again.ts'
import { endLongCalls } from './long-calls.ts'
import { afterHiccups, type Call, type Outage, rideOut } from './outage.ts'
import type { Seals } from './seal.ts'

/** An S3-compatible bucket, and the folder that keeps verified copies of what was read from it. */
export interface Store {
  readonly client: S3Client
  readonly bucket: string
  readonly cacheFolder: string
  /** For messages: where the store is. */
  readonly address: string
  /** Rides out times in which it is away; undefined for those whose work is tried again by somebody else. */
  readonly outage: Outage | undefined
  /** Who signs its documents, and whose signatures count; undefined where neither is known. */
  readonly seals?: Seals | undefined
}

export interface StoreOptions {
  /** Address of the S3 server; undefined for AWS itself. */
  endpoint: string | undefined
  bucket: string
  region: string
  cacheFolder: string
  /** Undefined takes the SDK's own chain: environment, shared files, instance roles. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
  outage?: Outage | undefined
  seals?: Seals | undefined
  /** What sends requests, where it is not the SDK's own. */
  requestHandler?: NonNullable<S3ClientConfig['requestHandler']>
}

/** Connects lazily: nothing is sent until the first call. */
export function createStore(options: StoreOptions): Store {
  const { endpoint, bucket, region, cacheFolder, credentials, outage, seals } = options
  const client = new S3Client({
    region,
    maxAttempts: 4,
    // A store that takes a call and says nothing has hung: the call is made again.
    requestHandler: options.requestHandler ?? {
      connectionTimeout: patience.connecting,
      socketTimeout: patience.silent,
    },
    ...(outage === undefined ? {} : { retryStrategy: ridingOut(outage) }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  askAgain(client)
  endLongCalls(client)
  return { client, bucket, cacheFolder, address: storeAddress(endpoint, region, bucket), outage, seals }
}

/** Where a store is, for people. */
export function storeAddress(endpoint: string | undefined, region: string, bucket: string): string {
  return `${endpoint ?? `s3.${region}.amazonaws.com`}/${bucket}`
}

type Retries = Extract<NonNullable<S3ClientConfig['retryStrategy']>, { recordSuccess: unknown }>
type Token = Awaited<ReturnType<Retries['acquireInitialRetryToken']>>

/** Tries of a call before the store counts as away: the first ones follow quickly. */
const quickTries = 3

/** The SDK's own retries are over in a fraction of a second: these go on for as long as an outage may last. */
function ridingOut(outage: Outage): Retries {
  const tries = new WeakMap<Token, { readonly call: Call; readonly since: number }>()
  const token = (call: Call, count: number, delay: number): Token => {
    const made: Token = { getRetryCount: () => count, getRetryDelay: () => delay }
    tries.set(made, { call, since: Date.now() + delay })
    return made
  }
  return {
    acquireInitialRetryToken: async () => token(outage.begin(), 0, 0),
    async refreshRetryTokenForRetry(before, { errorType, error }) {
      const { call, since } = tries.get(before) as { call: Call; since: number }
      const count = before.getRetryCount() + 1
      if (errorType === 'TRANSIENT' || errorType === 'THROTTLING') {
        // A time-out has waited itself, at most so long; what was broken off later was answered until then.
        const isSilence = error?.name === 'TimeoutError' && (error as { code?: string }).code === undefined
        const pause = call.failed(isSilence ? Math.max(since, Date.now() - patience.silent) : undefined)
        if (pause !== undefined)
          return token(call, count, count <= quickTries ? 50 * 2 ** count * Math.random() : pause)
      } else if (statusOf(error) !== undefined) outage.answered()
      throw new Error('no further try')
    },
    recordSuccess: () => outage.answered(),
  }
}

/**
 * Reads what may break off in the middle: the SDK tries again what failed before the first byte came, and no more.
 * @throws SlipwayError STORE_UNREACHABLE where it breaks off again and again; what `read` throws otherwise
 */
export function readWhole<T>(store: Store, read: () => Promise<T>): Promise<T> {
  return rideOut(store.outage ?? afterHiccups(), read, isBrokenOff)
}

/** What connections end with: errors of Node's sockets and parsers, and the SDK's own. */
const brokenOff =
  /^(ECONN(RESET|ABORTED|REFUSED)|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ERR_STREAM_PREMATURE_CLOSE|HPE_.*)$/

function isBrokenOff(error: unknown): boolean {
  const { code, name, message } = error as NodeJS.ErrnoException
  return (
    brokenOff.test(code ?? '') || name === 'TimeoutError' || message === 'aborted' || /^Checksum mismatch/.test(message)
  )
}

/** Another bucket of the same server, reached with the same credentials. */
export function atBucket(store: Store, bucket: string): Store {
  return { ...store, bucket, address: `s3://${bucket}` }
}

/** Makes the bucket if it does not exist. */
export async function ensureBucket(store: Store): Promise<void> {
  try {
    await store.client.send(new HeadBucketCommand({ Bucket: store.bucket }))
  } catch (error) {
    if (statusOf(error) !== 404) throw storeError(store, error)
    try {
      await store.client.send(new CreateBucketCommand({ Bucket: store.bucket }))
    } catch (createError) {
      if (!(createError instanceof S3ServiceException && /BucketAlready/.test(createError.name)))
        throw storeError(store, createError)
    }
  }
}

/** Removes a bucket with all that is in it, as SeaweedFS does: for those of one's own. */
export async function dropBucket(store: Store): Promise<void> {
  await store.client.send(new DeleteBucketCommand({ Bucket: store.bucket }))
  store.client.destroy()
}

/** The HTTP status an S3 call ended with, if it got an answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}

/** How often the SDK sent a call before it gave up. */
export function attemptsOf(error: unknown): number {
  return (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1
}

/** Another one was first: create-only found the key taken (412), or two writers met (409). */
export function isConflict(error: unknown): boolean {
  const status = statusOf(error)
  return status === 412 || status === 409
}

export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404
}

/** Whether an error of ours says that the store does not answer. */
export const isStoreAway = (error: unknown): boolean =>
  error instanceof SlipwayError && error.code === 'STORE_UNREACHABLE'

/** An SDK error as one of ours, saying where the store is and what to check. */
export function storeError(store: Store, error: unknown, key?: string): SlipwayError {
  if (error instanceof SlipwayError) return error
  const full = machineFull(error, store.cacheFolder)
  if (full !== undefined) return full
  const status = statusOf(error)
  const at = key === undefined ? store.address : `${store.address}/${key}`
  if (status === 401 || status === 403 || (error as Error).name === 'CredentialsProviderError') {
    return new SlipwayError(
      'STORE_DENIED',
      `the S3 store ${at} refuses these credentials (${(error as Error).name})`,
      {
        next: 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then `slipway doctor`',
      },
      { cause: error },
    )
  }
  if (status === 404)
    return new SlipwayError(
      'OBJECT_MISSING',
      `the S3 store has no ${at}`,
      { next: 'run `slipway doctor`' },
      { cause: error },
    )
  const what = (error as Error).message || (error as { code?: string }).code || String(error)
  return new SlipwayError(
    'STORE_UNREACHABLE',
    `the S3 store ${at} does not answer as it should: ${what}`,
    {
      next: 'check S3_ENDPOINT, or start one with `npx slipway up`',
    },
    { cause: error },
  )
}
