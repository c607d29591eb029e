import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { SlipwayError } from '../formats/errors.ts'
import { patience } from '../formats/patience.ts'
import type { Credentials, ModelFolder, StoredFile } from './model-folders.ts'
import { largestFile } from './signed.ts'

/** A folder of a bucket, by keys for it that end. */
export class S3Folder implements ModelFolder {
  private readonly client: S3Client
  private readonly bucket: string
  private readonly prefix: string
  private readonly encryption: ReturnType<typeof encryptionOf>

  /**
   * @param location `s3://bucket/path`
   * @param renew gets other keys: those that end within minutes are not used
   */
  constructor(location: string, first: Credentials, renew: () => Promise<Credentials>) {
    const [, bucket, prefix] = /^s3a?:\/\/([^/]+)\/(.+?)\/*$/.exec(location) ?? []
    if (bucket === undefined || prefix === undefined)
      throw new SlipwayError('USAGE', `the files of a model are said to lie at ${location}, which is no place in S3`)
    this.bucket = bucket
    this.prefix = prefix
    this.encryption = encryptionOf(first)
    let next: Credentials | undefined = first
    // As MLflow's own client is told of a store that is not Amazon's.
    const endpoint = process.env.MLFLOW_S3_ENDPOINT_URL
    this.client = new S3Client({
      region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1',
      followRegionRedirects: true,
      requestHandler: { connectionTimeout: patience.connecting, socketTimeout: patience.silent },
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      credentials: async () => {
        const { aws_temp_credentials: keys, expiration_time: endsAt } = next ?? (await renew())
        next = undefined
        if (keys === undefined) throw new SlipwayError('USAGE', `${location} is not reached by keys any more`)
        return {
          accessKeyId: keys.access_key_id,
          secretAccessKey: keys.secret_access_key,
          ...(keys.session_token !== '' && { sessionToken: keys.session_token }),
          ...(endsAt !== undefined && { expiration: new Date(endsAt) }),
        }
      },
    })
  }

  async put(path: string, content: Uint8Array): Promise<void> {
    const object = { Bucket: this.bucket, Key: `${this.prefix}/${path}`, Body: content, ...this.encryption }
    await this.client.send(new PutObjectCommand(object)).catch((error: Error) => this.refuse(error))
  }

  async get({ path, size }: StoredFile): Promise<Buffer | undefined> {
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: `${this.prefix}/${path}` })
    const answer = await this.client.send(command).catch((error: Error) => {
      return error.name === 'NoSuchKey' ? undefined : this.refuse(error)
    })
    if (answer === undefined) return undefined
    const told = answer.ContentLength ?? 0
    if (told > largestFile || told !== (size ?? told))
      throw new SlipwayError(
        'USAGE',
        `${path} has ${told} bytes${size === undefined ? '' : `, and should have ${size}`}`,
      )
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
  }

  async list(): Promise<StoredFile[]> {
    const found: StoredFile[] = []
    for (let token: string | undefined; ; ) {
      const query = { Bucket: this.bucket, Prefix: `${this.prefix}/`, Delimiter: '/', ContinuationToken: token }
      const page = await this.client.send(new ListObjectsV2Command(query)).catch((error: Error) => this.refuse(error))
      for (const { Key: key = '', Size: size } of page.Contents ?? [])
        found.push({ path: key.slice(this.prefix.length + 1), size })
      token = page.NextContinuationToken
      if (token === undefined) return found
    }
  }

  private refuse({ name, message }: Error): never {
    throw new SlipwayError('USAGE', `s3://${this.bucket}/${this.prefix} fails: ${name}: ${message}`, {
      next: 'see what the catalog may do in its bucket',
    })
  }
}

function encryptionOf({ encryption_details: details }: Credentials) {
  const { algorithm, aws_kms_key_arn: key } = details?.sse_encryption_details ?? {}
  if (algorithm === 'AWS_SSE_S3') return { ServerSideEncryption: 'AES256' as const }
  return algorithm === 'AWS_SSE_KMS' ? { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: key } : {}
}
