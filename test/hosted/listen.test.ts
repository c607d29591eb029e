import { createHash } from 'node:crypto'
import {
  CreatePipelineCommand,
  DescribePipelineExecutionCommand,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
} from '@aws-sdk/client-sagemaker'
import {
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import type { Ending } from '../../lib/sagemaker/listen.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { messagesOf } from '../sagemaker-fake/pipelines.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { fakeRole, fakeSettings, useFake } from '../support/sagemaker.ts'

const queue = 'https://sqs.us-east-1.amazonaws.com/123456789012/slipway'
/** A run waits for a person: it goes on as long as we like. */
const definition = (isAsked: boolean): string => `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
  ${isAsked ? "p.approve(candidate, { role: 'lead', within: '1h', otherwise: 'reject' })" : ''}
})
`

describe('a queue of callback steps that is listened to', () => {
  let place: Place
  let fake: Fake
  let clients: SageMakerClients
  let temporal: Client
  beforeAll(async () => {
    place = await openPlace()
    fake = await startFake({ s3: place.store.store.client })
    Object.assign(place.env, fakeSettings(fake.address))
    useFake(fake)
    clients = sageMakerClients()
    temporal = new Client({ connection: await Connection.connect({ address: place.temporal }) })
    await place.project.data('data/loans.parquet', loansSql())
    writeLoans(place.project, { body: definition(false) })
    const { stdout } = await place.run('iac', 'sagemaker-pipeline', 'loans', '--queue', queue)
    await clients.sageMaker.send(
      new CreatePipelineCommand({
        PipelineName: 'loans',
        PipelineDefinition: stdout,
        RoleArn: fakeRole,
        ClientRequestToken: 'a'.repeat(32),
      }),
    )
  }, 180_000)
  afterAll(async () => {
    clients.destroy()
    await temporal.connection.close()
    await place.close()
    await fake.stop()
  })

  const execute = async (): Promise<string> => {
    const { PipelineExecutionArn: arn } = await clients.sageMaker.send(
      new StartPipelineExecutionCommand({ PipelineName: 'loans' }),
    )
    return arn as string
  }
  const statusOf = async (arn: string): Promise<string | undefined> =>
    (await clients.sageMaker.send(new DescribePipelineExecutionCommand({ PipelineExecutionArn: arn })))
      .PipelineExecutionStatus
  const waiting = async (): Promise<string[]> => {
    const { Attributes = {} } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['All'] }),
    )
    return [Attributes.ApproximateNumberOfMessages, Attributes.ApproximateNumberOfMessagesNotVisible] as string[]
  }
  const runs = async (): Promise<{ runId: string; status: string }[]> =>
    JSON.parse((await place.run('runs', 'loans', '--json')).stdout)
  const listen = (...more: string[]) => place.begin('sagemaker', 'listen', '--queue', queue, '--hold', '3s', ...more)
  const answers = (): number =>
    fake.world.requests.filter(
      ({ operation, error }) => operation.startsWith('SendPipelineExecutionStep') && error === undefined,
    ).length
  const runOf = (token: string): string =>
    `loans-sagemaker-${createHash('sha256').update(token).digest('hex').slice(0, 12)}`
  /** The run that the newest message asks for, once it goes on. */
  const asked = async (): Promise<string> => {
    const { token } = JSON.parse(messagesOf(fake.world).at(-1)?.body as string) as { token: string }
    const runId = runOf(token)
    await eventually(
      () =>
        temporal.workflow
          .getHandle(runWorkflowId(runId))
          .describe()
          .then(
            () => true,
            () => false,
          ),
      60_000,
    )
    return runId
  }

  it('has its runs carried out and its steps answered, until it is empty', async () => {
    const executions = [await execute(), await execute()]
    await clients.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: 'hello' }))
    const listened = await place.run('sagemaker', 'listen', '--queue', queue, '--until-empty', '--json')
    const { messages, exitCode } = JSON.parse(listened.stdout)
    // What is not ours is said, and stays.
    expect([listened.code, exitCode, messages.length]).toEqual([2, 2, 3])
    expect(messages.filter(({ outcome }: { outcome: string }) => outcome === 'left')).toHaveLength(1)
    for (const arn of executions) expect(await statusOf(arn)).toBe('Succeeded')
    expect(await waiting()).toEqual(['0', '1'])
    expect(await runs()).toHaveLength(2)
  })

  it('brings a message again whose listener was killed: the same run goes on, and is answered once', async () => {
    writeLoans(place.project, { body: definition(true) })
    const [before, done] = [answers(), (await runs()).length]
    const arn = await execute()
    const first = listen()
    const runId = await asked()
    first.kill('SIGKILL')
    await first.result
    // Two, of which one gets it: the other hears nothing of it.
    const [second, third] = [listen(), listen()]
    await eventually(async () => (await place.run('approve', runId, '--as', 'lead', '--reason', 'a test')).code === 0)
    await eventually(async () => (await statusOf(arn)) === 'Succeeded', 60_000)
    await eventually(async () => (await waiting())[0] === '0', 10_000)
    for (const listener of [second, third]) listener.kill('SIGTERM')
    const ended = await Promise.all([second.result, third.result])
    expect(ended.map(({ code }) => code)).toEqual([0, 0])
    const said = ended.map(({ stdout }) => stdout).join('')
    expect(said.match(/answered 0/g)).toHaveLength(1)
    expect(said).toContain(runId)
    expect(answers()).toBe(before + 1)
    expect(await runs()).toHaveLength(done + 1)
  })

  it('gives back what it follows when it is told to stop; an execution that is stopped cancels its run', async () => {
    const arn = await execute()
    const first = listen()
    const runId = await asked()
    first.kill('SIGTERM')
    const told = await first.result
    expect([told.code, told.stdout]).toEqual([0, expect.stringMatching(/left \d+ {2}left to the queue: .*goes on/)])
    const second = listen()
    await clients.sageMaker.send(
      new StopPipelineExecutionCommand({ PipelineExecutionArn: arn, ClientRequestToken: 'b'.repeat(32) }),
    )
    await eventually(async () => (await statusOf(arn)) === 'Stopped', 60_000)
    await eventually(
      async () => (await runs()).some((run) => run.runId === runId && run.status === 'cancelled'),
      60_000,
    )
    second.kill('SIGTERM')
    expect((await second.result).code).toBe(0)
  })

  it('begins no run for an execution whose stop was carried out before its first message', async () => {
    const before = (await runs()).length
    const arn = await execute()
    const { token } = JSON.parse(messagesOf(fake.world).at(-1)?.body as string) as { token: string }
    // The first message is away for a while, as with a server that was away. Others are still there from before.
    const { Messages: messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    )
    const giveBack = async (isFirst: boolean): Promise<void> => {
      for (const { Body, ReceiptHandle } of messages)
        if (Body?.includes(token) === isFirst)
          await clients.sqs.send(
            new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle, VisibilityTimeout: 0 }),
          )
    }
    await giveBack(false)
    await clients.sageMaker.send(
      new StopPipelineExecutionCommand({ PipelineExecutionArn: arn, ClientRequestToken: 'c'.repeat(32) }),
    )
    /** What became of the execution's messages. One whose server was away for a moment comes again. */
    const only = async () => {
      let answered: Ending[] = []
      await eventually(async () => {
        const { stdout } = await place.run('sagemaker', 'listen', '--queue', queue, '--until-empty', '--json')
        answered = JSON.parse(stdout).messages.filter(({ runId }: Ending) => runId === runOf(token))
        return answered.length > 0
      }, 120_000)
      return answered
    }
    expect(await only()).toMatchObject([{ outcome: 'answered' }])
    expect(await statusOf(arn)).toBe('Stopped')
    await giveBack(true)
    expect(await only()).toMatchObject([
      { outcome: 'answered', exitCode: 0, words: expect.stringContaining('was not begun: the execution is Stopped') },
    ])
    expect(await runs()).toHaveLength(before)
  })
})
