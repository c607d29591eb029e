import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DescribeProcessingJobCommand } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sagemakerProcessing } from '../../lib/definition/processing.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { SlipwayError } from '../../lib/formats/errors.ts'
import type { ProcessingProgram } from '../../lib/formats/step-program.ts'
import { layOutStep } from '../../lib/jobs/step-program/lay-out.ts'
import { readStep } from '../../lib/jobs/step-program/read.ts'
import type { WorkOn } from '../../lib/jobs/step-work.ts'
import { runStepProgram } from '../../lib/jobs/steps/step-program.ts'
import { sageMakerName } from '../../lib/sagemaker/names.ts'
import { staging } from '../../lib/sagemaker/staging.ts'
import { putFile } from '../../lib/store/objects.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { fakeRole, openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

/*
 * Every way a processing job can end, over the fake, which holds its requests and answers to botocore's models: each
 * says what to do, and nothing that costs is left running.
 */
let place: SageMakerPlace
const note = join(mkdtempSync(join(tmpdir(), 'sagemaker-note-')), 'note')

/** Copies its note, and says from how many hosts. */
const good =
  'echo loud=2; if [ "$(sed s/.*algo-1\\".*hosts.*/first/ config/resourceconfig.json)" = first ]; then cat processing/input/note/note > processing/output/copy/copy.txt; fi'

beforeAll(async () => {
  writeFileSync(note, 'hello')
  place = await openSageMaker({
    good: { entry: ['sh', '-c', good, 'sh'] },
    failing: { entry: ['sh', '-c', 'echo bad luck > output/message; exit 3', 'sh'] },
    slow: { entry: ['sh', '-c', 'sleep 300', 'sh'] },
    soon: { entry: ['sh', '-c', `sleep 4; ${good}`, 'sh'] },
    empty: { entry: ['sh', '-c', 'true', 'sh'] },
    twice: { entry: ['sh', '-c', 'touch processing/output/copy/a processing/output/copy/b', 'sh'] },
  })
})
afterAll(() => place?.stop())

let keys = 0
/** A step of a key of its own, and what it saw. */
function stepOf(key = `sha256:${(++keys).toString(16).padStart(64, '0')}`, run = 'run-1') {
  const cancelled = new AbortController()
  const seen: string[] = []
  const later: (() => Promise<void>)[] = []
  const folder = mkdtempSync(join(tmpdir(), 'sagemaker-step-'))
  const jobs = { layOutStep, readStep } as unknown as Record<
    string,
    (order: unknown, hear: () => void) => Promise<unknown>
  >
  const work = {
    step: { id: 'copy', kind: 'step', inputs: {}, outputs: { copy: { mediaType: 'text/plain' } } },
    key,
    run,
    signal: cancelled.signal,
    folder,
    progress: (what: string) => void seen.push(what),
    onCancel: () => {},
    afterwards: (each: () => Promise<void>) => void later.push(each),
    job: (name: string, order: unknown) => jobs[name]?.(order, () => {}),
    output: async (name: string, file: string) => ({
      name,
      ...(await putFile(place.bucket.store, join(folder, file), mediaTypes.text)),
    }),
  } as unknown as WorkOn<'step'>
  return { work, seen, later, cancel: (why = 'CANCELLED') => cancelled.abort(new Error(why)), key }
}
type Step = ReturnType<typeof stepOf>

const programOf = (image: string, more: Partial<Parameters<typeof sagemakerProcessing>[0]> = {}): ProcessingProgram =>
  sagemakerProcessing({ image, instance: 'ml.m5.large', role: fakeRole, metrics: { loud: 'loud=([0-9.]+)' }, ...more })

/** Carries the step out: what it copied, and what its job said. */
async function process({ work }: Step, program: ProcessingProgram) {
  const source = { store: place.bucket.store, trusted: new Map() }
  const made = await runStepProgram(source, work, program, { note: { file: note, mediaType: 'text/plain' } })
  return { copy: readFileSync(join(work.folder, 'copy'), 'utf8'), facts: made.facts }
}

const nameOf = ({ key }: Step, attempt = 1): string => sageMakerName('copy', key, String(attempt))
const job = (name: string) =>
  place.clients.sageMaker.send(new DescribeProcessingJobCommand({ ProcessingJobName: name }))
const requests = (step: Step, operation: string) =>
  place.fake.world.requests.filter(
    (each) => each.operation === operation && JSON.stringify(each.request).includes(nameOf(step).slice(0, -2)),
  )
const staged = (step: Step) => staging(place.bucket.store, nameOf(step)).list()
/** How a step fails, which must say what to do. */
async function failureOf(processed: Promise<unknown>): Promise<SlipwayError> {
  const error = await processed.then(
    () => undefined,
    (thrown: SlipwayError) => thrown,
  )
  expect(error?.facts?.next, String(error?.stack)).toMatch(/./)
  return error as SlipwayError
}
const isRunning = (step: Step) =>
  expect
    .poll(
      () =>
        job(nameOf(step)).then(
          ({ ProcessingStartTime }) => ProcessingStartTime !== undefined,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true)

describe.skipIf(whyNoContainers() !== undefined)('a step on SageMaker', () => {
  it('brings back what it made and what the job said', async () => {
    const step = stepOf()
    expect(await process(step, programOf('good'))).toEqual({ copy: 'hello', facts: { loud: 2 } })
    expect(step.seen.join('\n')).toMatch(/copy-[0-9a-f]{16}-1: (waiting for its instances|InProgress)/)
    expect(readFileSync(join(step.work.folder, 'program.log'), 'utf8')).toMatch(/^\S+Z out loud=2$/m)
    // What it left stays until the step's record stands.
    expect(await staged(step)).not.toEqual([])
    for (const each of step.later) await each()
    expect(await staged(step)).toEqual([])
  })

  it('asks for what the definition says: hosts, time, network, keys, and folders for every input and output', async () => {
    const step = stepOf()
    const program = programOf('good', {
      count: 2,
      volume: 5,
      timeout: '90m',
      network: { subnets: ['subnet-1'], securityGroups: ['sg-1'] },
      encryptionKey: 'key-1',
    })
    expect((await process(step, program)).copy).toBe('hello')
    const request = requests(step, 'CreateProcessingJob')[0]?.request
    const uri = `s3://${place.bucket.store.bucket}/sagemaker/${nameOf(step)}`
    expect(request).toMatchObject({
      AppSpecification: { ImageUri: 'good' },
      RoleArn: fakeRole,
      ProcessingInputs: [
        { InputName: 'note', S3Input: { S3Uri: `${uri}/input/note/`, LocalPath: '/opt/ml/processing/input/note' } },
        { S3Input: { S3Uri: `${uri}/slipway/`, LocalPath: '/opt/ml/processing/slipway' } },
      ],
      ProcessingOutputConfig: {
        Outputs: [
          {
            OutputName: 'copy',
            S3Output: { S3Uri: `${uri}/output/copy`, LocalPath: '/opt/ml/processing/output/copy' },
          },
        ],
        KmsKeyId: 'key-1',
      },
      ProcessingResources: {
        ClusterConfig: {
          InstanceType: 'ml.m5.large',
          InstanceCount: 2,
          VolumeSizeInGB: 5,
          VolumeKmsKeyId: 'key-1',
        },
      },
      StoppingCondition: { MaxRuntimeInSeconds: 5_400 },
      NetworkConfig: { VpcConfig: { Subnets: ['subnet-1'], SecurityGroupIds: ['sg-1'] } },
    })
  })

  it('is one job, whoever asks for it: also where the answer to its creation is lost', async () => {
    const step = stepOf()
    place.fake.world.script.addFault({ operation: 'CreateProcessingJob', name: nameOf(step), code: 'lost' })
    await process(step, programOf('good'))
    expect((await process(stepOf(step.key), programOf('good'))).copy).toBe('hello')
    await expect(job(nameOf(step, 2))).rejects.toThrow('not found')
  })

  it.each([
    ['AccessDeniedException', 'SAGEMAKER_DENIED', /not authorized/],
    ['ResourceLimitExceeded', 'SAGEMAKER_QUOTA', /limit has been reached/],
    ['ValidationException', 'SAGEMAKER_REFUSED', /make/],
  ])('that is not begun for %s leaves nothing', async (code, ours, words) => {
    const step = stepOf()
    place.fake.world.script.addFault({ operation: 'CreateProcessingJob', name: nameOf(step), code })
    const error = await failureOf(process(step, programOf('good')))
    expect([error.code, error.message]).toEqual([ours, expect.stringMatching(words)])
    expect(await staged(step)).toEqual([])
  })

  it('that fails says its reason and what the container said; the same run does not try again, another does', async () => {
    const step = stepOf()
    const error = await failureOf(process(step, programOf('failing')))
    expect(error.code).toBe('SAGEMAKER_JOB_FAILED')
    expect(error.message).toMatch(/failed: AlgorithmError: .*exit code: 3: bad luck$/)
    expect(await staged(step)).toEqual([])
    // A worker was killed before it could tell.
    expect((await failureOf(process(stepOf(step.key), programOf('failing')))).code).toBe('SAGEMAKER_JOB_FAILED')
    expect(requests(step, 'CreateProcessingJob')).toHaveLength(1)
    await failureOf(process(stepOf(step.key, 'run-2'), programOf('failing')))
    expect((await job(nameOf(step, 2))).ProcessingJobStatus).toBe('Failed')
  })

  it.each([
    ['empty', 'left nothing for "copy"'],
    ['twice', 'left 2 files (a, b) for "copy"'],
  ])('whose program leaves an output otherwise (%s) says so', async (image, words) => {
    const error = await failureOf(process(stepOf(), programOf(image)))
    expect([error.code, error.message]).toEqual(['PROGRAM_FAILED', expect.stringContaining(words)])
  })

  it('that somebody else stops says so', async () => {
    const step = stepOf()
    const does = 'stopped by another'
    place.fake.world.script.addBehaviour({ resource: 'processing-job', name: nameOf(step), does, after: 300 })
    expect(await failureOf(process(step, programOf('slow')))).toMatchObject({ code: 'SAGEMAKER_JOB_STOPPED' })
  })

  it('that never starts is stopped when it has waited long enough', async () => {
    const step = stepOf()
    place.fake.world.script.addBehaviour({ resource: 'processing-job', name: nameOf(step), does: 'never starts' })
    const error = await failureOf(process(step, programOf('good', { wait: '2s' })))
    expect([error.code, error.message]).toEqual([
      'SAGEMAKER_JOB_LIMIT',
      expect.stringContaining('has not begun to run after 2 s: it is waiting for its instances; it was stopped'),
    ])
    expect((await job(nameOf(step))).ProcessingJobStatus).toBe('Stopped')
  })

  it('that runs longer than it may is stopped by SageMaker', async () => {
    const error = await failureOf(process(stepOf(), programOf('slow', { timeout: '2s' })))
    expect([error.code, error.message]).toEqual([
      'SAGEMAKER_JOB_LIMIT',
      expect.stringContaining('ran longer than its timeout'),
    ])
  })

  it('is not another one that goes on under its name, and is stopped when its run is cancelled', async () => {
    const step = stepOf()
    const going = process(step, programOf('slow'))
    going.catch(() => {})
    await isRunning(step)
    const error = await failureOf(process(stepOf(step.key), programOf('slow', { role: `${fakeRole}-2` })))
    expect(error.code).toBe('SAGEMAKER_NAME_TAKEN')
    expect(error.message).toContain(`RoleArn is "${fakeRole}", not "${fakeRole}-2"`)
    expect((await job(nameOf(step))).ProcessingJobStatus).toBe('InProgress')
    step.cancel()
    await expect(going).rejects.toThrow('CANCELLED')
    expect((await job(nameOf(step))).ProcessingJobStatus).toBe('Stopped')
    expect(await staged(step)).toEqual([])
  })

  it('goes on when its worker is shut down, and is found by the next', async () => {
    const step = stepOf()
    const going = process(step, programOf('soon'))
    going.catch(() => {})
    await isRunning(step)
    step.cancel('WORKER_SHUTDOWN')
    await expect(going).rejects.toThrow('WORKER_SHUTDOWN')
    expect((await job(nameOf(step))).ProcessingJobStatus).toBe('InProgress')
    expect((await process(stepOf(step.key), programOf('soon'))).copy).toBe('hello')
    expect(requests(step, 'CreateProcessingJob')).toHaveLength(1)
  })
})
