import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { sagemaker } from '../../lib/definition/learners.ts'
import { sagemakerProcessing } from '../../lib/definition/processing.ts'
import { sagemakerTuning } from '../../lib/definition/tuning.ts'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { findOrBeginJob, runTag } from '../../lib/sagemaker/jobs.ts'
import { processingJob } from '../../lib/sagemaker/processing-job.ts'
import { processingRequest } from '../../lib/sagemaker/processing-request.ts'
import { trainingJob } from '../../lib/sagemaker/training-job.ts'
import { trainingRequest } from '../../lib/sagemaker/training-request.ts'
import { findOrBeginSearch, requireSearched } from '../../lib/sagemaker/tuning-job.ts'
import { tuningRequest } from '../../lib/sagemaker/tuning-request.ts'
import { eventually } from '../support/gateways.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * The calls of a training job on moto's server, as far as it has them: it begins, describes and tags jobs, which end at
 * once; it does not stop them, and takes a name twice. It keeps no variables, and has metrics of its own in place of
 * those asked for. Tuning jobs it begins and describes, and lists none of their training jobs.
 */
const environment = await pythonEnvironmentOr(join(packageRoot, 'test/reference/sagemaker-requirements.txt'))
const missing = 'missing' in environment ? environment.missing : undefined

describe.skipIf(missing !== undefined)(`training jobs on moto${missing === undefined ? '' : `: ${missing}`}`, () => {
  let server: ChildProcess
  let clients: SageMakerClients
  beforeAll(async () => {
    const { bin } = environment as { readonly bin: string }
    const port = await getPort()
    server = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    const address = `http://127.0.0.1:${port}`
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', ...fakeSettings(address) })
    await eventually(async () => (await fetch(address).catch(() => undefined)) !== undefined)
    clients = sageMakerClients()
  }, 180_000)
  afterAll(() => {
    clients?.destroy()
    server?.kill()
  })

  it.each([
    ['on demand', {}],
    [
      'on spot instances, in a network of its own, encrypted',
      { spot: true, network: { subnets: ['subnet-1'], securityGroups: ['sg-1'] }, encryptionKey: 'key' },
    ],
  ])('are begun once %s, and repeat what they were begun with', async (_, more) => {
    const learner = sagemaker({
      image: 'trainer:1',
      instance: 'ml.m5.large',
      role: fakeRole,
      command: ['python', 'train.py'],
      hyperparameters: { l2: 2 },
      ...more,
    })
    const stem = `moto-${Object.keys(more).length}`
    let staged = 0
    const wanted = {
      nameOf: (attempt: number) => `${stem}-${attempt}`,
      requestOf: (name: string) =>
        trainingRequest(learner, {
          uri: `s3://slipway/sagemaker/${name}`,
          channels: { train: 'text/csv', slipway: undefined },
          script: '/opt/ml/input/data/slipway/start.sh',
          env: {},
          run: 'run-1',
          stepKey: `sha256:${'1'.repeat(64)}`,
        }),
      run: 'run-1',
      stage: async () => void staged++,
      isKept: async () => true,
    }
    const job = await findOrBeginJob(clients, trainingJob, wanted)
    expect(job).toMatchObject({ TrainingJobName: `${stem}-1`, TrainingJobStatus: 'Completed' })
    trainingJob.requireCompleted(job)
    expect(await findOrBeginJob(clients, trainingJob, wanted)).toMatchObject({ TrainingJobArn: job.TrainingJobArn })
    expect(staged).toBe(1)
    const tags = wanted.requestOf('x').Tags?.map(({ Key }) => Key)
    expect(tags).toContain(runTag)
    const other = { ...wanted, requestOf: (name: string) => ({ ...wanted.requestOf(name), RoleArn: `${fakeRole}-2` }) }
    await expect(findOrBeginJob(clients, trainingJob, other)).rejects.toMatchObject({ code: 'SAGEMAKER_NAME_TAKEN' })
  })

  it('have processing jobs beside them, which repeat what they were begun with but for their instances', async () => {
    const program = sagemakerProcessing({
      image: 'cleaner:1',
      instance: 'ml.m5.large',
      role: fakeRole,
      command: ['python', 'clean.py'],
    })
    const request = processingRequest(program, {
      uri: 's3://slipway/sagemaker/moto-clean-1',
      inputs: ['rows'],
      outputs: ['cleaned', 'page'],
      script: 'start.sh',
      run: 'run-1',
      stepKey: `sha256:${'1'.repeat(64)}`,
    })
    await processingJob.create(clients, 'moto-clean-1', request)
    const job = await processingJob.describe(clients, 'moto-clean-1')
    const { Tags: _, ProcessingResources: __, ...repeated } = request
    expect(job).toMatchObject({ ...repeated, ProcessingJobName: 'moto-clean-1', ProcessingJobStatus: 'Completed' })
    processingJob.requireCompleted(job)
  })

  it('are searched with by a tuning job that is begun once, and repeats what it was begun with', async () => {
    const learner = sagemaker({
      image: 'trainer:1',
      instance: 'ml.m5.large',
      role: fakeRole,
      command: ['python', 'train.py'],
      metrics: { auc: 'auc=([0-9.]+)' },
    })
    let staged = 0
    const wanted = {
      nameOf: (attempt: number) => `moto-search-${attempt}`,
      requestOf: (name: string) =>
        tuningRequest(
          {
            learner,
            search: sagemakerTuning({ maximize: 'auc', atOnce: 2 }),
            space: {
              l2: { kind: 'number', from: 0.1, to: 10, scale: 'log' },
              leaves: { kind: 'whole', from: 8, to: 64 },
              mode: { kind: 'choice', of: ['a', 'b'] },
            },
            budget: { trials: 10 },
            seed: 1,
          },
          {
            uri: `s3://slipway/sagemaker/${name}`,
            channels: { train: 'text/csv', slipway: undefined },
            script: '/opt/ml/input/data/slipway/start.sh',
            env: { SLIPWAY_SEED: '1' },
            run: 'run-1',
            stepKey: `sha256:${'1'.repeat(64)}`,
          },
        ),
      run: 'run-1',
      stage: async () => void staged++,
      isKept: async () => true,
    }
    const job = await findOrBeginSearch(clients, wanted)
    expect(job).toMatchObject({
      HyperParameterTuningJobName: 'moto-search-1',
      HyperParameterTuningJobStatus: 'Completed',
    })
    requireSearched(job, {})
    await findOrBeginSearch(clients, wanted)
    expect(staged).toBe(1)
    const other = { ...wanted, requestOf: (name: string) => ({ ...wanted.requestOf(`${name}-2`) }) }
    await expect(findOrBeginSearch(clients, other)).rejects.toMatchObject({ code: 'SAGEMAKER_NAME_TAKEN' })
  })
})
