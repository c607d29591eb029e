import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { Client, Connection } from '@temporalio/client'

/** Every text in something, payloads as the texts that they are: their own JSON would have them in base64. */
function* textsIn(value: unknown, seen = new Set<unknown>()): Generator<string> {
  if (typeof value === 'string') yield value
  else if (value instanceof Uint8Array) yield Buffer.from(value).toString('utf8')
  else if (typeof value === 'object' && value !== null && !seen.has(value)) {
    seen.add(value)
    for (const key of Object.keys(value)) {
      yield key
      yield* textsIn((value as Record<string, unknown>)[key], seen)
    }
  }
}

/** All that Temporal keeps of every workflow: histories, memos, search attributes. By workflow and run. */
export async function historiesOf(address: string): Promise<Map<string, string>> {
  const connection = await Connection.connect({ address })
  try {
    const client = new Client({ connection })
    const found = new Map<string, string>()
    for await (const { workflowId, runId, raw } of client.workflow.list()) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      found.set(`${workflowId} ${runId}`, [...textsIn({ raw, history })].join('\n'))
    }
    return found
  } finally {
    await connection.close()
  }
}

/** Every object of a bucket by key, but for artifacts and what was set aside: both are data. */
export async function documentsOf(env: Readonly<Record<string, string>>): Promise<Map<string, string>> {
  const client = new S3Client({
    endpoint: env.S3_ENDPOINT as string,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID as string, secretAccessKey: env.AWS_SECRET_ACCESS_KEY as string },
  })
  const Bucket = env.SLIPWAY_BUCKET as string
  const found = new Map<string, string>()
  try {
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket }))
      for (const { Key } of Contents) {
        if (Key === undefined || /^(blobs|quarantine)\//.test(Key)) continue
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
        found.set(Key, (await Body?.transformToString()) ?? '')
      }
    return found
  } finally {
    client.destroy()
  }
}
