import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { failureOf, readCallback, successOf } from '../../lib/sagemaker/callback-message.ts'
import { pipelineDefinition } from '../../lib/sagemaker/pipeline-definition.ts'
import { runCommand } from '../support/run-command.ts'

const queue = 'https://sqs.us-east-1.amazonaws.com/123456789012/slipway'
const message = (over: object = {}): string =>
  JSON.stringify({
    token: 'aB3dE6gH9j',
    pipelineExecutionArn: 'arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights/execution/abcdefghijkl',
    status: 'Executing',
    arguments: { pipeline: 'flights', trees: 50, categories: 'sets', asOf: '2001-04-01' },
    ...over,
  })

describe('a SageMaker pipeline that asks for runs', () => {
  it('is one callback step, whose arguments are its parameters', () => {
    const settings = {
      trees: { value: 160, isWhole: true },
      learningRate: { value: 1, isWhole: false },
      categories: { value: 'sets', isWhole: false },
    }
    // As the schema 2020-12-01 has it; the SageMaker SDK's own compiler writes the same: test/peers/sagemaker-sdk.
    expect(pipelineDefinition({ pipeline: 'flights', queue, settings, isDated: true })).toMatchObject({
      Version: '2020-12-01',
      Parameters: [
        { Name: 'trees', Type: 'Integer', DefaultValue: 160 },
        { Name: 'learningRate', Type: 'Float', DefaultValue: 1 },
        { Name: 'categories', Type: 'String', DefaultValue: 'sets' },
        { Name: 'asOf', Type: 'String', DefaultValue: '' },
      ],
      Steps: [
        {
          Type: 'Callback',
          SqsQueueUrl: queue,
          Arguments: {
            pipeline: 'flights',
            trees: { Get: 'Parameters.trees' },
            learningRate: { Get: 'Parameters.learningRate' },
            categories: { Get: 'Parameters.categories' },
            asOf: { Get: 'Parameters.asOf' },
          },
        },
      ],
    })
  })

  it('is written of the project alone, with nothing up, and twice the same', async () => {
    const write = () => runCommand(packageRoot, ['iac', 'sagemaker-pipeline', 'flights', '--queue', queue])
    const [first, second] = [await write(), await write()]
    expect([first.code, second.stdout]).toEqual([0, first.stdout])
    const { Parameters: parameters, Steps: steps } = JSON.parse(first.stdout)
    const byName = Object.fromEntries(parameters.map((each: { Name: string }) => [each.Name, each]))
    // Of pipelines/flights: 160 trees and seed 7; a learning rate of 0.2.
    expect(byName.trees).toMatchObject({ Type: 'Integer', DefaultValue: 160 })
    expect(byName.seed).toMatchObject({ Type: 'Integer', DefaultValue: 7 })
    expect(byName.learningRate).toMatchObject({ Type: 'Float', DefaultValue: 0.2 })
    expect(byName.asOf).toMatchObject({ Type: 'String', DefaultValue: '' })
    expect(Object.keys(steps[0].Arguments).sort()).toEqual(['pipeline', ...Object.keys(byName)].sort())
  })
})

describe('a message of its callback step', () => {
  it('names the pipeline, what is set, and the day that counts as now', () => {
    expect(readCallback(message())).toEqual({
      token: 'aB3dE6gH9j',
      execution: 'arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights/execution/abcdefghijkl',
      isStopping: false,
      pipeline: 'flights',
      set: ['trees=50', 'categories=sets'],
      asOf: '2001-04-01',
    })
    expect(readCallback(message({ status: 'Stopping' })).isStopping).toBe(true)
    const unset = readCallback(message({ arguments: { pipeline: 'flights', asOf: '' } }))
    expect([unset.set, unset.asOf]).toEqual([[], undefined])
  })

  it.each([
    ['no JSON', 'hello', /no message of a callback step/],
    ['a token that is none', message({ token: '../x' }), /token: a token has ten letters and digits/],
    ['no pipeline', message({ arguments: {} }), /arguments\.pipeline/],
    [
      'a path for a pipeline',
      message({ arguments: { pipeline: '../x' } }),
      /arguments\.pipeline: the name of a pipeline/,
    ],
  ])('is refused where it has %s', (_, text, why) => {
    expect(() => readCallback(text)).toThrow(why)
  })

  it('is answered within the lengths that SageMaker takes', () => {
    const asked = readCallback(message())
    expect(failureOf(asked, `exit 12 GATE_FAILED: ${'x'.repeat(1_000)}`).FailureReason).toMatch(/^exit 12 .{247}…$/)
    const outputs = {
      runId: 'flights-1',
      status: 'succeeded',
      exitCode: '0',
      model: 'flights',
      modelVersion: '3',
      modelDigest: 'sha256:0',
      endpoint: 'flights',
    }
    expect(successOf(asked, outputs)).toMatchObject({
      CallbackToken: 'aB3dE6gH9j',
      OutputParameters: expect.arrayContaining([{ Name: 'modelVersion', Value: '3' }]),
    })
  })
})
