import { randomUUID } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { DataCaptureConfig } from '@aws-sdk/client-sagemaker'
import { placeOf } from './buckets.ts'
import { type FakeEndpoint, hostingIn } from './hosting.ts'
import type { World } from './world.ts'

/** An answer to be captured. */
interface Captured {
  readonly endpoint: FakeEndpoint
  readonly variant: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly eventId: string
  readonly inferenceId: string | undefined
  readonly answered: { readonly type: string; readonly body: Buffer }
}

/**
 * Data capture: lines of JSON below `<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/`, some time after the answer.
 */
export function createCapture(world: World) {
  const lines = new Map<string, string[]>()
  let timer: NodeJS.Timeout | undefined

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const all = [...lines]
    lines.clear()
    const { isBackwards = false, copies = 1 } = hostingIn(world).capturing
    for (const [folder, each] of all) {
      const { bucket, key } = placeOf(folder)
      const now = new Date().toISOString()
      const body = (isBackwards ? each.toReversed() : each).join('')
      for (let copy = 0; copy < copies; copy++) {
        const name = `${now.slice(14, 16)}-${now.slice(17, 19)}-${now.slice(20, 23)}-${randomUUID()}.jsonl`
        await world.s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${key}/${name}`, Body: body }))
      }
    }
  }

  return {
    write(config: DataCaptureConfig, captured: Captured): void {
      if (Math.random() * 100 >= (config.InitialSamplingPercentage ?? 100)) return
      const { endpoint, variant } = captured
      const hour = new Date().toISOString().slice(0, 13).replace(/[-T]/g, '/')
      const folder = `${config.DestinationS3Uri?.replace(/\/$/, '')}/${endpoint.name}/${variant}/${hour}`
      lines.set(folder, [...(lines.get(folder) ?? []), `${JSON.stringify(lineOf(config, captured))}\n`])
      timer ??= setTimeout(() => void flush().catch(console.error), hostingIn(world).capturing.afterMs)
    },
    flush,
  }
}

function lineOf(config: DataCaptureConfig, { headers, body, eventId, inferenceId, answered }: Captured): unknown {
  const side = (mode: 'INPUT' | 'OUTPUT', type: string, data: Buffer) => {
    const types = config.CaptureContentTypeHeader
    const isText =
      types?.CsvContentTypes?.includes(bare(type)) === true || types?.JsonContentTypes?.includes(bare(type)) === true
    const encoding = types?.CsvContentTypes?.includes(bare(type)) === true ? 'CSV' : isText ? 'JSON' : 'BASE64'
    return {
      observedContentType: type,
      mode,
      data: isText ? data.toString('utf8') : data.toString('base64'),
      encoding,
    }
  }
  return {
    captureData: {
      endpointInput: side('INPUT', headers['content-type'] ?? '', body),
      endpointOutput: side('OUTPUT', answered.type, answered.body),
    },
    eventMetadata: {
      eventId,
      ...(inferenceId !== undefined && { inferenceId }),
      inferenceTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    },
    eventVersion: '0',
  }
}

const bare = (type: string): string => (type.split(';')[0] as string).trim()
