import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { read, write } from './buckets.ts'
import { createCapture } from './capture.ts'
import { type FakeEndpoint, hostingIn, type ServedVariant } from './hosting.ts'
import type { FamilyMaker } from './world.ts'

/** A request of `InvokeEndpoint`. */
interface Asked {
  readonly endpoint: FakeEndpoint
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly eventId: string
  readonly inferenceId: string | undefined
}

/** What a container answered. */
interface Answered {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

const prefix = 'x-amzn-sagemaker-'

/** `InvokeEndpoint`: requests are drawn by weight and answered by the processes of the variants. */
export const runtime: FamilyMaker = (world) => {
  const { endpoints, configs, invocations } = hostingIn(world)
  const capture = createCapture(world)
  /** Requests of asynchronous endpoints that are not answered yet. */
  const later = new Set<Promise<void>>()

  async function ask(asked: Asked, variant: ServedVariant): Promise<Answered> {
    const started = performance.now()
    const answer = await fetch(`${variant.fleet.address}/invocations`, {
      method: 'POST',
      headers: asked.headers,
      body: new Uint8Array(asked.body),
    }).catch(() => undefined)
    const answered = {
      status: answer?.status ?? 500,
      type: answer?.headers.get('content-type') ?? 'application/octet-stream',
      body: Buffer.from((await answer?.arrayBuffer()) ?? new ArrayBuffer(0)),
    }
    invocations.push({
      endpoint: asked.endpoint.name,
      variant: variant.request.VariantName ?? '',
      at: Date.now(),
      status: answered.status,
      latencyMicroseconds: Math.round((performance.now() - started) * 1000),
    })
    const { DataCaptureConfig } = configs.get(asked.endpoint.config)?.request ?? {}
    if (DataCaptureConfig?.EnableCapture === true && answered.status === 200)
      capture.write(DataCaptureConfig, { ...asked, variant: variant.request.VariantName ?? '', answered })
    return answered
  }

  async function invoke(asked: Asked, target: string | undefined, response: ServerResponse): Promise<void> {
    const { endpoint } = asked
    const { production, shadow, shifting } = endpoint
    const isShifted = shifting !== undefined && Math.random() < shifting.share
    const all = isShifted ? shifting.production : production
    const variant = target === undefined ? drawn(all) : all.find(({ request }) => request.VariantName === target)
    if (variant === undefined)
      return refuse(response, 400, 'ValidationError', `Variant ${target} of endpoint ${endpoint.name} not found.`)
    for (const mirror of shadow)
      if (target === undefined && Math.random() < mirror.currentWeight / variant.currentWeight)
        void ask(asked, mirror).catch(console.error)
    const { status, type, body } = await ask(asked, variant)
    const name = variant.request.VariantName ?? ''
    if (status !== 200)
      return refuse(
        response,
        424,
        'ModelError',
        `Received client error (${status}) from primary with message "${body}".`,
        {
          OriginalStatusCode: status,
          OriginalMessage: body.toString('utf8').slice(0, 1000),
        },
      )
    response.writeHead(200, { 'content-type': type, 'x-amzn-invoked-production-variant': name }).end(body)
  }

  /** Answers a request that lies in a bucket, some time later, as an object. */
  function invokeLater(asked: Asked, input: string, answers: string, response: ServerResponse): true {
    const output = `${answers.replace(/\/$/, '')}/${asked.eventId}.out`
    const variant = drawn(asked.endpoint.production)
    const work = async (): Promise<void> => {
      const body = await read(world.s3, input)
      if (variant === undefined) return
      const { status, body: answer } = await ask({ ...asked, body }, variant)
      // What failed is written elsewhere, and only where that is named.
      if (status === 200) await write(world.s3, output, answer)
    }
    const going = work()
      .catch(console.error)
      .finally(() => later.delete(going))
    later.add(going)
    response
      .writeHead(202, { 'content-type': 'application/json', 'x-amzn-sagemaker-outputlocation': output })
      .end(JSON.stringify({ InferenceId: asked.inferenceId ?? asked.eventId }))
    return true
  }

  return {
    service: 'sagemaker-runtime',
    operations: {},
    async http(request, response, body) {
      const [, name, isLater] = /^\/endpoints\/([^/]+)\/(async-)?invocations$/.exec(request.url ?? '') ?? []
      if (name === undefined || request.method !== 'POST') return false
      const endpoint = endpoints.get(decodeURIComponent(name))
      if (endpoint === undefined || endpoint.production.length === 0) {
        refuse(response, 400, 'ValidationError', `Endpoint ${name} of account ${world.account} not found.`)
        return true
      }
      const header = (what: string): string | undefined => one(request, prefix + what)
      const headers: Record<string, string> = {}
      for (const [from, to] of [
        ['content-type'],
        ['accept'],
        [`${prefix}custom-attributes`],
        [`${prefix}inference-id`],
      ]) {
        const value = one(request, from as string)
        if (value !== undefined) headers[to ?? (from as string)] = value
      }
      const asked = { endpoint, headers, body, eventId: randomUUID(), inferenceId: header('inference-id') }
      const answers = configs.get(endpoint.config)?.request.AsyncInferenceConfig?.OutputConfig?.S3OutputPath
      if ((answers === undefined) !== (isLater === undefined)) {
        const kind = answers === undefined ? 'not asynchronous' : 'asynchronous'
        refuse(response, 400, 'ValidationError', `Endpoint ${name} is ${kind}, and is not asked in this way.`)
        return true
      }
      if (answers !== undefined) return invokeLater(asked, header('inputlocation') ?? '', answers, response)
      await invoke(asked, header('target-variant'), response)
      return true
    },
    async stop() {
      await Promise.all(later)
      await capture.flush()
    },
  }
}

const one = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A variant drawn by weight. */
function drawn(variants: readonly ServedVariant[]): ServedVariant | undefined {
  const sum = variants.reduce((total, { currentWeight }) => total + currentWeight, 0)
  let at = Math.random() * sum
  return variants.find(({ currentWeight }) => {
    at -= currentWeight
    return at < 0
  })
}

function refuse(response: ServerResponse, status: number, code: string, message: string, more: object = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code })
    .end(JSON.stringify({ Message: message, message, ...more }))
}
