import {
  CreatePipelineCommand,
  DescribePipelineExecutionCommand,
  ListPipelineExecutionStepsCommand,
  type SageMakerClient,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
} from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { messagesOf } from '../sagemaker-fake/pipelines.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeRole, fakeSettings } from '../support/sagemaker.ts'

const queue = 'https://sqs.us-east-1.amazonaws.com/123456789012/slipway'
const definition = (least: number): string => `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(${least})], champion: 'not compared' })
})
`

describe('a SageMaker pipeline that asks for runs', () => {
  let place: Place
  let fake: Fake
  let client: SageMakerClient
  beforeAll(async () => {
    place = await openPlace()
    fake = await startFake({ s3: place.store.store.client })
    Object.assign(place.env, fakeSettings(fake.address))
    client = clientOf(fake)
    await place.project.data('data/loans.parquet', loansSql())
    writeLoans(place.project, { body: definition(0.5) })
    const { stdout } = await place.run('iac', 'sagemaker-pipeline', 'loans', '--queue', queue)
    await client.send(
      new CreatePipelineCommand({
        PipelineName: 'loans',
        PipelineDefinition: stdout,
        RoleArn: fakeRole,
        ClientRequestToken: 'a'.repeat(32),
      }),
    )
  }, 180_000)
  afterAll(async () => {
    client.destroy()
    await place.close()
    await fake.stop()
  })

  /** Starts an execution. @returns its ARN, and the file with the message that its step sent */
  const execute = async (parameters: Record<string, string> = {}) => {
    const { PipelineExecutionArn: arn } = await client.send(
      new StartPipelineExecutionCommand({
        PipelineName: 'loans',
        PipelineParameters: Object.entries(parameters).map(([Name, Value]) => ({ Name, Value })),
      }),
    )
    place.project.write('message.json', messagesOf(fake.world).at(-1)?.body as string)
    return arn as string
  }
  const statusOf = (arn: string) => client.send(new DescribePipelineExecutionCommand({ PipelineExecutionArn: arn }))
  const outputsOf = async (arn: string): Promise<Record<string, string>> => {
    const { PipelineExecutionSteps: steps = [] } = await client.send(
      new ListPipelineExecutionStepsCommand({ PipelineExecutionArn: arn }),
    )
    const outputs = steps[0]?.Metadata?.Callback?.OutputParameters ?? []
    return Object.fromEntries(outputs.map(({ Name, Value }) => [Name, Value as string]))
  }
  const callback = () => place.run('sagemaker', 'callback', `${place.project.root}/message.json`)

  it('has a run begun with its parameters, is told what it registered, and twice the same message is one run', async () => {
    const arn = await execute({ trees: '12' })
    const done = await callback()
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('told SageMaker: success')])
    expect((await statusOf(arn)).PipelineExecutionStatus).toBe('Succeeded')
    const outputs = await outputsOf(arn)
    expect(outputs).toMatchObject({ status: 'succeeded', exitCode: '0', model: 'loans', modelVersion: '1' })
    const again = await callback()
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(`run ${outputs.runId} had ended`)])
    const runs = JSON.parse((await place.run('runs', 'loans', '--json')).stdout)
    expect(JSON.stringify(runs).match(/"runId"/g)).toHaveLength(1)
    const shown = JSON.parse((await place.run('show', `loans@1`, '--json')).stdout)
    expect(JSON.stringify(shown)).toContain('"trees":12')
  })

  it('fails with the exit code of a run that a gate ended', async () => {
    writeLoans(place.project, { body: definition(0.99) })
    const arn = await execute()
    const failed = await callback()
    expect([failed.code, failed.stderr]).toEqual([12, expect.stringContaining('told SageMaker: exit 12')])
    expect(await statusOf(arn)).toMatchObject({
      PipelineExecutionStatus: 'Failed',
      FailureReason: expect.stringMatching(/^exit 12 GATE_FAILED: 1 of 1 gates failed/),
    })
  })

  it('fails where what it asks for cannot be run', async () => {
    const arn = await execute({ trees: '0' })
    expect((await callback()).code).toBe(2)
    expect(await statusOf(arn)).toMatchObject({
      PipelineExecutionStatus: 'Failed',
      FailureReason: expect.stringMatching(/^exit 2 USAGE: --set trees/),
    })
  })

  it('that is stopped gets its answer as well', async () => {
    const arn = await execute()
    await client.send(
      new StopPipelineExecutionCommand({ PipelineExecutionArn: arn, ClientRequestToken: 'b'.repeat(32) }),
    )
    place.project.write('message.json', messagesOf(fake.world).at(-1)?.body as string)
    await callback()
    expect((await statusOf(arn)).PipelineExecutionStatus).toBe('Stopped')
  })
})
