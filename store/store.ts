import { CreateBucketCommand, HeadBucketCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { SlipwayError } from '../pipelines/errors.ts'

/** An S3-compatible bucket, and the folder that keeps verified copies of what was read from it. */
export interface Store {
  readonly client: S3Client
  readonly bucket: string
  readonly cacheFolder: string
  /** For messages: where the store is. */
  readonly address: string
}

export interface StoreOptions {
  /** Address of the S3 server; undefined for AWS itself. */
  endpoint: string | undefined
  bucket: string
  region: string
  cacheFolder: string
  /** Undefined takes the SDK's own chain: environment, shared files, instance roles. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
}

/** Connects lazily: nothing is sent until the first call. */
export function createStore({ endpoint, bucket, region, cacheFolder, credentials }: StoreOptions): Store {
  const client = new S3Client({
    region,
    maxAttempts: 4,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  return { client, bucket, cacheFolder, address: `${endpoint ?? `s3.${region}.amazonaws.com`}/${bucket}` }
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

/** An SDK error as one of ours, saying where the store is and what to check. */
export function storeError(store: Store, error: unknown, key?: string): SlipwayError {
  if (error instanceof SlipwayError) return error
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
