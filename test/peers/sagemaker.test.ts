import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeTransformJobCommand } from '@aws-sdk/client-sagemaker'
import { CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { type Ending, listen } from '../../lib/sagemaker/listen.ts'
import { describePackage, ensurePackage, statusOf, writeApproval } from '../../lib/sagemaker/model-packages.ts'
import { ensureModel } from '../../lib/sagemaker/models.ts'
import { pipelineDefinition } from '../../lib/sagemaker/pipeline-definition.ts'
import { type QueueMessage, sqsQueue } from '../../lib/sagemaker/queue.ts'
import { runTransform } from '../../lib/sagemaker/transform-jobs.ts'
import { eventually } from '../support/gateways.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * The calls of batches and of the registry on moto's server, as far as it has them, and the pipeline beside the one
 * that the SageMaker SDK for Python writes of the same step.
 */
const reference = join(packageRoot, 'test/reference')
const environment = await pythonEnvironmentOr(join(reference, 'sagemaker-requirements.txt'))
const missing = 'missing' in environment ? environment.missing : undefined

describe.skipIf(missing !== undefined)(
  `SageMaker as others have it${missing === undefined ? '' : `: ${missing}`}`,
  () => {
    let server: ChildProcess
    let clients: SageMakerClients
    const { bin } = environment as { readonly bin: string }
    beforeAll(async () => {
      const port = await getPort()
      server = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
      const address = `http://127.0.0.1:${port}`
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', ...fakeSettings(address) })
      await eventually(async () => (await fetch(address).catch(() => undefined)) !== undefined)
      clients = sageMakerClients()
    }, 180_000)
    afterAll(() => {
      clients.destroy()
      server.kill()
    })

    it('moto takes a package once, and a decision with its reason', async () => {
      const { sageMaker } = clients
      const digest = `sha256:${'1'.repeat(64)}`
      const wanted = {
        group: 'flights',
        digest,
        tags: [],
        request: {
          ModelApprovalStatus: 'PendingManualApproval' as const,
          InferenceSpecification: {
            Containers: [{ Image: 'slipway:1', ModelDataUrl: 's3://slipway/model.tar.gz' }],
            SupportedContentTypes: ['text/csv'],
            SupportedResponseMIMETypes: ['text/csv'],
          },
          CustomerMetadataProperties: { 'slipway:digest': digest },
        },
      }
      const arn = await ensurePackage(sageMaker, wanted)
      expect(await ensurePackage(sageMaker, wanted)).toBe(arn)
      expect(statusOf(await describePackage(sageMaker, arn)).status).toBe('pending')
      await writeApproval(sageMaker, arn, { status: 'approved', reason: 'fits', run: 'flights-1' })
      expect(statusOf(await describePackage(sageMaker, arn))).toMatchObject({
        status: 'approved',
        reason: expect.stringContaining('fits'),
      })
    })

    it('moto takes the model and the job of a batch', async () => {
      const model = await ensureModel(clients, {
        model: 'flights',
        version: 1,
        digest: `sha256:${'1'.repeat(64)}`,
        image: 'slipway:1',
        role: fakeRole,
        data: 's3://slipway/model.tar.gz',
      })
      const { job } = await runTransform(clients, {
        stem: 'slipway-flights-nightly',
        what: 'a batch',
        run: 'run-1',
        model,
        policy: {
          kind: 'sagemaker',
          image: 'slipway:1',
          role: fakeRole,
          instance: 'ml.m5.large',
          count: 2,
          payloadMb: 6,
          timeoutMs: 60_000,
        },
        from: 's3://slipway/sagemaker/transform/1/in/',
        fields: { row: 'slipwayRow', input: 'input', answer: 'SageMakerOutput' },
        tags: [],
        toOf: (attempt) => `s3://slipway/sagemaker/transform/1/out-${attempt}`,
        isWhole: async () => true,
        signal: new AbortController().signal,
        isUnwanted: () => true,
        progress: () => {},
      })
      expect(await clients.sageMaker.send(new DescribeTransformJobCommand({ TransformJobName: job }))).toMatchObject({
        TransformJobStatus: 'Completed',
        DataProcessing: {
          InputFilter: '$.input',
          JoinSource: 'Input',
          OutputFilter: "$['slipwayRow','SageMakerOutput']",
        },
      })
    })

    it('moto keeps a message that is held, brings back what is left, and forgets what was answered', async () => {
      const { QueueUrl: address = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'slipway' }))
      const token = 'moto123456'
      const body = JSON.stringify({ token, arguments: { pipeline: 'flights' } })
      await clients.sqs.send(new SendMessageCommand({ QueueUrl: address, MessageBody: body }))
      const queue = sqsQueue(clients, address, 3)
      const listening = async (takesMs: number): Promise<Ending[]> => {
        const endings: Ending[] = []
        await listen({
          queue,
          carryOut: async (asked) => {
            await sleep(takesMs)
            return { runId: `flights-${asked.token}`, exitCode: 0, words: 'done' }
          },
          onEnding: (ending) => void endings.push(ending),
          say: () => {},
          atOnce: 1,
          holdSeconds: 3,
          untilEmpty: true,
          stop: new AbortController().signal,
        })
        return endings
      }
      const [held] = await queue.receive(1, 0, new AbortController().signal)
      expect(held).toMatchObject({ body, receives: 1 })
      expect(await listening(0)).toEqual([])
      await queue.hold(held as QueueMessage, 0)
      // Held for three seconds, and carried out for five: nobody else gets it.
      const [slow, other] = [listening(5_000), sleep(500).then(() => listening(0))]
      expect(await other).toEqual([])
      expect(await slow).toMatchObject([{ outcome: 'answered', runId: `flights-${token}` }])
      expect(await queue.receive(1, 1, new AbortController().signal)).toEqual([])
      const absent = sqsQueue(clients, `${address}-absent`, 3).receive(1, 0, new AbortController().signal)
      await expect(absent).rejects.toMatchObject({ code: 'SAGEMAKER_REFUSED' })
    }, 60_000)

    it('the SDK for Python writes the same pipeline of the same step', async () => {
      const definition = pipelineDefinition({
        pipeline: 'flights',
        queue: 'https://sqs.us-east-1.amazonaws.com/123456789012/slipway',
        settings: {
          trees: { value: 160, isWhole: true },
          learningRate: { value: 0.2, isWhole: false },
          categories: { value: 'sets', isWhole: false },
        },
        isDated: true,
      })
      const compiled = await new Promise<string>((resolve, reject) => {
        const child = execFile(join(bin, 'python'), [join(reference, 'sagemaker_pipeline.py')], (error, stdout) =>
          error === null ? resolve(stdout) : reject(error),
        )
        child.stdin?.end(JSON.stringify(definition))
      })
      expect(JSON.parse(compiled.trim().split('\n').at(-1) as string)).toEqual(definition)
    }, 120_000)
  },
)
