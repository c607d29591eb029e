import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staging } from '../../lib/sagemaker/staging.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { eventually } from '../support/gateways.ts'
import { fakeRole, openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

/*
 * The fake against which everything of SageMaker is tested: it holds requests to botocore's model of the service, and
 * its training jobs really run.
 */
let place: SageMakerPlace

/** Copies its channel and one hyperparameter to where models and outputs are. */
const trainer = [
  'sh',
  '-c',
  'cp input/data/train/* model/ && cp input/config/hyperparameters.json output/data/ && echo loss=0.25',
  'sh',
]

beforeAll(async () => {
  place = await openSageMaker({
    'trainer:1': { entry: trainer },
    'failing:1': { entry: ['sh', '-c', 'echo bad luck > output/failure; exit 3', 'sh'] },
    'slow:1': { entry: ['sh', '-c', 'sleep 600', 'sh'] },
  })
  await staging(place.bucket.store, 'in').put('train.csv', 'a,b\n1,2\n')
})
afterAll(() => place?.stop())

const order = (name: string, more: Partial<CreateTrainingJobCommandInput> = {}, image = 'trainer:1') => ({
  TrainingJobName: name,
  AlgorithmSpecification: {
    TrainingImage: image,
    TrainingInputMode: 'File' as const,
    MetricDefinitions: [{ Name: 'loss', Regex: 'loss=([0-9.]+)' }],
  },
  RoleArn: fakeRole,
  HyperParameters: { l2: '2' },
  InputDataConfig: [
    {
      ChannelName: 'train',
      DataSource: {
        S3DataSource: { S3DataType: 'S3Prefix' as const, S3Uri: `${staging(place.bucket.store, 'in').uri}/` },
      },
    },
  ],
  OutputDataConfig: { S3OutputPath: staging(place.bucket.store, 'out').uri },
  ResourceConfig: { InstanceType: 'ml.m5.large' as const, InstanceCount: 1, VolumeSizeInGB: 5 },
  StoppingCondition: { MaxRuntimeInSeconds: 60 },
  ...more,
})
const create = (...given: Parameters<typeof order>) =>
  place.clients.sageMaker.send(new CreateTrainingJobCommand(order(...given)))
const describeJob = (TrainingJobName: string) =>
  place.clients.sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName }))
const ended = async (name: string) => {
  await eventually(async () => !/InProgress|Stopping/.test((await describeJob(name)).TrainingJobStatus ?? ''))
  return describeJob(name)
}

describe('the fake', () => {
  it('refuses requests that the service model does not allow, in words like SageMaker’s', async () => {
    await expect(create('-bad', { RoleArn: 'me' })).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(
        /^3 validation errors detected: Value '-bad' at 'trainingJobName' .*pattern.*; Value 'me' at 'roleArn' .*length/,
      ),
    })
    // The SDK leaves out what it does not know itself.
    const answer = await fetch(place.fake.address, {
      method: 'POST',
      headers: { 'x-amz-target': 'SageMaker.DescribeTrainingJob' },
      body: JSON.stringify({ TrainingJobName: 'x', Colour: 'red' }),
    })
    expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
      400,
      "1 validation error detected: Value 'red' at 'colour' failed to satisfy constraint: Member is not known",
    ])
  })

  it('says of a job that is not there what SageMaker says', async () => {
    await expect(describeJob('nobody')).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Requested resource not found.',
    })
  })

  it.skipIf(whyNoContainers() !== undefined)('runs a training job and keeps what it wrote', async () => {
    await create('good')
    await expect(create('good')).rejects.toMatchObject({ name: 'ResourceInUse' })
    const job = await ended('good')
    expect(job).toMatchObject({ TrainingJobStatus: 'Completed', SecondaryStatus: 'Completed' })
    expect(job.FinalMetricDataList).toMatchObject([{ MetricName: 'loss', Value: 0.25 }])
    expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual([
      ...['Starting', 'Downloading', 'DownloadingTrainingImage', 'Training', 'Uploading', 'Completed'],
    ])
    expect((await staging(place.bucket.store, 'out').list()).sort()).toEqual([
      'good/output/model.tar.gz',
      'good/output/output.tar.gz',
    ])
  })

  it.skipIf(whyNoContainers() !== undefined)('tells the reason of a failure, and stops what is stopped', async () => {
    await create('failing', {}, 'failing:1')
    expect(await ended('failing')).toMatchObject({
      TrainingJobStatus: 'Failed',
      FailureReason: 'AlgorithmError: bad luck\n, exit code: 3',
    })
    await create('slow', {}, 'slow:1')
    await eventually(async () => (await describeJob('slow')).SecondaryStatus === 'Training')
    await place.clients.sageMaker.send(new StopTrainingJobCommand({ TrainingJobName: 'slow' }))
    expect(await ended('slow')).toMatchObject({ TrainingJobStatus: 'Stopped', SecondaryStatus: 'Stopped' })
  })

  it('throttles, loses answers and does not see what was just made, as it is told', async () => {
    const { script } = place.fake.world
    script.addFault({ operation: 'CreateTrainingJob', name: 'odd', code: 'ThrottlingException', times: 2 })
    script.addFault({ operation: 'CreateTrainingJob', name: 'odd', code: 'lost' })
    await expect(create('odd', {}, 'slow:1')).rejects.toMatchObject({ name: 'ResourceInUse' })
    script.addFault({
      operation: 'DescribeTrainingJob',
      name: 'odd',
      code: 'ValidationException',
      message: 'Requested resource not found.',
    })
    await expect(describeJob('odd')).rejects.toThrow('not found')
    expect((await describeJob('odd')).TrainingJobStatus).toBe('InProgress')
    const calls = place.fake.world.requests.filter(({ request }) => JSON.stringify(request).includes('odd'))
    expect(calls.map(({ error }) => error ?? 'ok')).toEqual([
      ...['ThrottlingException', 'ThrottlingException', 'lost', 'ResourceInUse', 'ValidationException', 'ok'],
    ])
  })
})
