import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { keysBelow, placeOf } from './buckets.ts'
import { jsonPath, select } from './json-path.ts'
import { modelNamed } from './models.ts'
import { type ServingContainer, startServing } from './serving.ts'
import type { TransformJob, TransformJobRequest } from './transform-jobs.ts'
import { seconds, type World } from './world.ts'

const logGroup = '/aws/sagemaker/TransformJobs'

class Stopped extends Error {}

/** Lives through a transform job: every object below its input is split into lines, asked about, and answered. */
export async function transformLife(world: World, job: TransformJob): Promise<void> {
  const { request } = job
  const name = request.TransformJobName
  const stopped = new AbortController()
  job.stop = () => {
    job.status = 'Stopping'
    stopped.abort(new Stopped())
  }
  const containers: ServingContainer[] = []
  const other = world.script.take('transform-job', name, 'stopped by another')
  const stops = other === undefined ? undefined : setTimeout(() => job.stop?.('by another'), Number(other.after ?? 0))
  try {
    await pause(world.paceMs, stopped.signal)
    if (world.script.take('transform-job', name, 'never starts') !== undefined) await untilAborted(stopped.signal)
    const failing = world.script.take('transform-job', name, 'fails')
    if (failing !== undefined) throw new Error(String(failing.reason))
    const { S3Uri: from } = request.TransformInput.DataSource.S3DataSource
    const keys = await keysBelow(world.s3, from)
    if (keys.length === 0)
      throw new Error(`ClientError: No S3 objects found under S3 URL "${from}" given in input data source.`)
    const model = modelNamed(world, request.ModelName)
    for (let i = 1; i <= request.TransformResources.InstanceCount; i++)
      containers.push(await startServing(world, model, `${name}-${i}`, logGroup))
    job.startedAt = seconds()
    const slow = world.script.take('transform-job', name, 'is slow')
    for (const [i, key] of keys.entries()) {
      if (slow !== undefined) await pause(Number(slow.ms), stopped.signal)
      stopped.signal.throwIfAborted()
      await transformObject(world, request, containers[i % containers.length] as ServingContainer, key)
    }
    // A last look: what was stopped while its last object was answered is stopped.
    stopped.signal.throwIfAborted()
    job.status = 'Completed'
  } catch (error) {
    job.status = error instanceof Stopped ? 'Stopped' : 'Failed'
    if (!(error instanceof Stopped)) job.failure = (error as Error).message.slice(0, 1024)
  } finally {
    clearTimeout(stops)
    delete job.stop
    await Promise.all(containers.map((container) => container.stop()))
    job.endedAt = seconds()
  }
}

/** Asks about an object, piece by piece, and stores the answers under its name. */
async function transformObject(
  world: World,
  request: TransformJobRequest,
  { address }: ServingContainer,
  key: string,
): Promise<void> {
  const { TransformInput: input, TransformOutput: output, DataProcessing: processing = {} } = request
  const { bucket, key: prefix } = placeOf(input.DataSource.S3DataSource.S3Uri)
  const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  const text = (await Body?.transformToString()) ?? ''
  const records = input.SplitType === 'Line' ? text.split('\n').filter((line) => line !== '') : [text]
  const filter = jsonPath(processing.InputFilter ?? '$')
  const answers: string[] = []
  for (const some of payloads(records, request)) {
    const asked = some.map((record) =>
      processing.InputFilter === undefined ? record : JSON.stringify(select(JSON.parse(record), filter)),
    )
    const told = await ask(world, request, address, asked)
    if (processing.JoinSource !== 'Input') answers.push(...told)
    else if (told.length !== some.length)
      throw new Error(`ClientError: Cannot join: ${some.length} input records and ${told.length} records of the answer`)
    else answers.push(...some.map((record, i) => joined(record, told[i] as string, processing.OutputFilter ?? '$')))
  }
  const lost = world.script.take('transform-job', request.TransformJobName, 'loses an answer')
  if (lost !== undefined) answers.pop()
  const reordered = world.script.take('transform-job', request.TransformJobName, 'answers backwards')
  if (reordered !== undefined) answers.reverse()
  const place = placeOf(output.S3OutputPath)
  await world.s3.send(
    new PutObjectCommand({
      Bucket: place.bucket,
      Key: `${place.key.replace(/\/$/, '')}/${key.slice(prefix.lastIndexOf('/') + 1)}.out`,
      Body: answers.map((answer) => `${answer}\n`).join(''),
    }),
  )
}

/** Records that go in one request: as many as its size allows, or one. */
function* payloads(records: readonly string[], { BatchStrategy, MaxPayloadInMB = 6 }: TransformJobRequest) {
  const most = MaxPayloadInMB * 1024 ** 2
  let some: string[] = []
  let size = 0
  for (const record of records) {
    if (record.length + 1 > most) throw new Error('ClientError: Too much data for max payload size')
    if (some.length > 0 && (BatchStrategy === 'SingleRecord' || size + record.length + 1 > most)) {
      yield some
      some = []
      size = 0
    }
    some.push(record)
    size += record.length + 1
  }
  if (some.length > 0) yield some
}

async function ask(
  world: World,
  request: TransformJobRequest,
  address: string,
  lines: readonly string[],
): Promise<string[]> {
  const name = request.TransformJobName
  const body = lines.map((line) => `${line}\n`).join('')
  const response = await fetch(`${address}/invocations`, {
    method: 'POST',
    headers: {
      'content-type': request.TransformInput.ContentType ?? '',
      accept: request.TransformOutput.Accept ?? '*/*',
    },
    body,
  })
  const text = await response.text()
  if (response.ok) return text.split('\n').filter((line) => line !== '')
  world.logs.write(logGroup, `${name}/data-log`, `${response.status}: ${text}`)
  throw new Error(`ClientError: ${response.status}: ${text} See job logs for more information`.slice(0, 1_000))
}

/** An input record with its answer beside what it holds, or both in a new object where it holds no names. */
function joined(record: string, answer: string, filter: string): string {
  const input: unknown = JSON.parse(record)
  const output: unknown = JSON.parse(answer)
  const isNamed = typeof input === 'object' && input !== null && !Array.isArray(input)
  const both = isNamed ? { ...input, SageMakerOutput: output } : { SageMakerInput: input, SageMakerOutput: output }
  return JSON.stringify(select(both, jsonPath(filter)))
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
  signal.throwIfAborted()
}
