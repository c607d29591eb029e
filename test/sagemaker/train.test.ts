import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DescribeTrainingJobCommand } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sagemaker } from '../../lib/definition/learners.ts'
import type { SlipwayError } from '../../lib/formats/errors.ts'
import type { SageMakerLearner } from '../../lib/formats/sagemaker-learner.ts'
import type { StepWork } from '../../lib/jobs/step-work.ts'
import { trainOnSageMaker } from '../../lib/jobs/steps/train-on-sagemaker.ts'
import type { ProgramPlace } from '../../lib/learners/learner.ts'
import { layoutIn } from '../../lib/learners/program/layout.ts'
import { sageMakerName } from '../../lib/sagemaker/names.ts'
import { staging } from '../../lib/sagemaker/staging.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { fakeRole, openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

/*
 * Every way a job on SageMaker can end, over the fake: each says what to do, and nothing that costs is left running.
 */
let place: SageMakerPlace

/** Writes a model and predictions, as far as this test looks at them. */
const good = 'echo loss=0.25; cp input/data/train/train.csv model/model.onnx; echo 1 > output/data/predictions.csv'

beforeAll(async () => {
  place = await openSageMaker({
    good: { entry: ['sh', '-c', good, 'sh'] },
    failing: { entry: ['sh', '-c', 'echo bad luck > output/failure; exit 3', 'sh'] },
    slow: { entry: ['sh', '-c', 'sleep 300', 'sh'] },
    // Goes on from its checkpoint, if it is there.
    spot: {
      entry: ['sh', '-c', `if [ -f checkpoints/at ]; then ${good}; else echo 1 > checkpoints/at; sleep 300; fi`, 'sh'],
    },
    empty: { entry: ['sh', '-c', 'echo nothing > output/data/note', 'sh'] },
  })
})
afterAll(() => place?.stop())

let keys = 0
/** A step of a key of its own, and what it saw. */
function stepOf(key = `sha256:${(++keys).toString(16).padStart(64, '0')}`, run = 'run-1') {
  const cancelled = new AbortController()
  const seen: string[] = []
  const later: (() => Promise<void>)[] = []
  const work = {
    key,
    run,
    signal: cancelled.signal,
    folder: mkdtempSync(join(tmpdir(), 'sagemaker-step-')),
    progress: (what: string) => void seen.push(what),
    onCancel: () => {},
    afterwards: (each: () => Promise<void>) => void later.push(each),
  } as unknown as StepWork
  return { work, seen, later, cancel: (why = 'CANCELLED') => cancelled.abort(new Error(why)), key }
}
type Step = ReturnType<typeof stepOf>

const learnerOf = (image: string, more: Partial<Parameters<typeof sagemaker>[0]> = {}): SageMakerLearner =>
  sagemaker({ image, instance: 'ml.m5.large', role: fakeRole, metrics: { loss: 'loss=([0-9.]+)' }, ...more })

/** Lays out, trains, and reads what came back: the bytes of the model and what the job said. */
function train({ work }: Step, learner: SageMakerLearner) {
  return trainOnSageMaker(
    { store: place.bucket.store, trusted: new Map() },
    {
      learner,
      work,
      stem: 'test',
      seed: 1,
      task: 'binary',
      async layOut({ root }: ProgramPlace) {
        const layout = layoutIn(root)
        for (const [file, text] of Object.entries({
          [join(layout.train, 'train.csv')]: 'a,label\n1,0\n',
          [join(layout.validation, 'validation.csv')]: 'a,label\n1,0\n',
          [join(layout.parity, 'parity.csv')]: 'a\n1\n',
          [join(layout.config, 'columns.json')]: '{}',
          [join(root, 'slipway/start.sh')]: '',
        })) {
          mkdirSync(dirname(file), { recursive: true })
          writeFileSync(file, text)
        }
      },
      async train({ root, ran }) {
        const { model, outputData } = layoutIn(root)
        return {
          model: readFileSync(join(model, 'model.onnx'), 'utf8'),
          predictions: readFileSync(join(outputData, 'predictions.csv'), 'utf8'),
          metrics: ran?.metrics,
        }
      },
    },
  )
}

const nameOf = ({ key }: Step, attempt = 1): string => sageMakerName('test', key, String(attempt))
const job = (name: string) => place.clients.sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }))
const calls = (step: Step, operation: string): number =>
  place.fake.world.requests.filter(
    (each) => each.operation === operation && JSON.stringify(each.request).includes(nameOf(step).slice(0, -2)),
  ).length
const staged = (step: Step) => staging(place.bucket.store, nameOf(step)).list()
const { addFault, addBehaviour } = {
  addFault: (...given: Parameters<SageMakerPlace['fake']['world']['script']['addFault']>) =>
    place.fake.world.script.addFault(...given),
  addBehaviour: (...given: Parameters<SageMakerPlace['fake']['world']['script']['addBehaviour']>) =>
    place.fake.world.script.addBehaviour(...given),
}
/** How a training fails, which must say what to do. */
async function failureOf(training: Promise<unknown>): Promise<SlipwayError> {
  const error = await training.then(
    () => undefined,
    (thrown: SlipwayError) => thrown,
  )
  expect(error?.facts?.next, String(error?.stack)).toMatch(/./)
  return error as SlipwayError
}

describe.skipIf(whyNoContainers() !== undefined)('a training on SageMaker', () => {
  it('brings back the model, the predictions and what the job said', async () => {
    const step = stepOf()
    expect(await train(step, learnerOf('good'))).toEqual({
      model: 'a,label\n1,0\n',
      predictions: '1\n',
      metrics: { loss: 0.25 },
    })
    expect(step.seen.join('\n')).toMatch(/test-[0-9a-f]{16}-1: (Starting|Downloading)/)
    expect(readFileSync(join(step.work.folder, 'program.log'), 'utf8')).toMatch(/^\S+Z out loss=0.25$/m)
    // What it left stays until the step's record stands.
    expect(await staged(step)).not.toEqual([])
    for (const each of step.later) await each()
    expect(await staged(step)).toEqual([])
  })

  it('is one job, whoever asks for it: also where the answer to its creation is lost', async () => {
    const step = stepOf()
    addFault({ operation: 'CreateTrainingJob', name: nameOf(step), code: 'lost' })
    await train(step, learnerOf('good'))
    // The next attempt of the step finds what the job left.
    const again = stepOf(step.key)
    expect((await train(again, learnerOf('good'))).predictions).toBe('1\n')
    expect((await job(nameOf(step))).TrainingJobStatus).toBe('Completed')
    await expect(job(nameOf(step, 2))).rejects.toThrow('not found')
    // By its description alone: nothing was laid out or begun again.
    expect(calls(step, 'CreateTrainingJob')).toBe(2)
  })

  it('outlasts throttling and reads that do not see the job yet', async () => {
    const step = stepOf()
    addFault({ operation: 'CreateTrainingJob', name: nameOf(step), code: 'ThrottlingException', times: 3 })
    addFault({ operation: 'DescribeTrainingJob', name: nameOf(step), code: 'ThrottlingException', times: 2 })
    await train(step, learnerOf('good'))
  })

  it.each([
    ['AccessDeniedException', 'SAGEMAKER_DENIED', /not authorized/],
    ['ResourceLimitExceeded', 'SAGEMAKER_QUOTA', /limit has been reached/],
    ['ValidationException', 'SAGEMAKER_REFUSED', /begin|make/],
  ])('that is not begun for %s leaves nothing', async (code, ours, words) => {
    const step = stepOf()
    addFault({ operation: 'CreateTrainingJob', name: nameOf(step), code })
    const error = await failureOf(train(step, learnerOf('good')))
    expect([error.code, error.message]).toEqual([ours, expect.stringMatching(words)])
    expect(await staged(step)).toEqual([])
  })

  it('that fails says SageMaker’s reason and where its log is; the same run does not try again, another does', async () => {
    const step = stepOf()
    const error = await failureOf(train(step, learnerOf('failing')))
    expect(error.code).toBe('SAGEMAKER_JOB_FAILED')
    expect(error.message).toContain('AlgorithmError: bad luck')
    expect(await staged(step)).toEqual([])
    // A worker was killed before it could tell.
    expect((await failureOf(train(stepOf(step.key), learnerOf('failing')))).code).toBe('SAGEMAKER_JOB_FAILED')
    expect(calls(step, 'CreateTrainingJob')).toBe(1)
    await failureOf(train(stepOf(step.key, 'run-2'), learnerOf('failing')))
    expect((await job(nameOf(step, 2))).TrainingJobStatus).toBe('Failed')
  })

  it('that somebody else stops says so', async () => {
    const step = stepOf()
    addBehaviour({ resource: 'training-job', name: nameOf(step), does: 'stopped by another', after: 300 })
    expect(await failureOf(train(step, learnerOf('slow')))).toMatchObject({ code: 'SAGEMAKER_JOB_STOPPED' })
  })

  it('that never starts is stopped when it has waited long enough', async () => {
    const step = stepOf()
    addBehaviour({ resource: 'training-job', name: nameOf(step), does: 'stuck in Starting' })
    const error = await failureOf(train(step, learnerOf('good', { wait: '2s' })))
    expect([error.code, error.message]).toEqual([
      'SAGEMAKER_JOB_LIMIT',
      expect.stringContaining('has not begun to train after 2 s: it is Starting; it was stopped'),
    ])
    expect((await job(nameOf(step))).TrainingJobStatus).toBe('Stopped')
  })

  it('that runs longer than it may is stopped by SageMaker', async () => {
    const step = stepOf()
    const error = await failureOf(train(step, learnerOf('slow', { timeout: '2s' })))
    expect([error.code, error.message]).toEqual([
      'SAGEMAKER_JOB_LIMIT',
      expect.stringContaining('ran longer than its timeout'),
    ])
  })

  it('on spot instances that are taken away goes on from its checkpoint', async () => {
    const step = stepOf()
    addBehaviour({ resource: 'training-job', name: nameOf(step), does: 'interrupted', after: 700 })
    expect((await train(step, learnerOf('spot', { spot: true }))).predictions).toBe('1\n')
    const { SecondaryStatusTransitions, EnableManagedSpotTraining } = await job(nameOf(step))
    expect(EnableManagedSpotTraining).toBe(true)
    expect(SecondaryStatusTransitions?.map(({ Status }) => Status)).toContain('Interrupted')
  })

  it('without capacity says what else to take', async () => {
    const step = stepOf()
    const reason = 'CapacityError: Unable to provision requested ML compute capacity.'
    addBehaviour({ resource: 'training-job', name: nameOf(step), does: 'fails', reason })
    const error = await failureOf(train(step, learnerOf('good')))
    expect([error.message, error.facts.next]).toEqual([
      expect.stringContaining(reason),
      expect.stringContaining('take another instance type'),
    ])
  })

  it('is not another one that goes on under its name: which parameters differ is said, and it is left alone', async () => {
    const step = stepOf()
    const going = train(step, learnerOf('slow'))
    going.catch(() => {})
    await expect
      .poll(
        () =>
          job(nameOf(step)).then(
            ({ SecondaryStatus }) => SecondaryStatus,
            () => '',
          ),
        { timeout: 20_000 },
      )
      .toBe('Training')
    const other = learnerOf('slow', { role: `${fakeRole}-2`, volume: 50 })
    const error = await failureOf(train(stepOf(step.key), other))
    expect(error.code).toBe('SAGEMAKER_NAME_TAKEN')
    expect(error.message).toContain(`RoleArn is "${fakeRole}", not "${fakeRole}-2"`)
    expect(error.message).toContain('ResourceConfig.VolumeSizeInGB is 30, not 50')
    expect((await job(nameOf(step))).TrainingJobStatus).toBe('InProgress')
    step.cancel()
    await expect(going).rejects.toThrow('CANCELLED')
    expect((await job(nameOf(step))).TrainingJobStatus).toBe('Stopped')
    expect(await staged(step)).toEqual([])
  })

  it('goes on when its worker is shut down, and is found by the next', async () => {
    const step = stepOf()
    addBehaviour({ resource: 'training-job', name: nameOf(step), does: 'interrupted', after: 3_000 })
    const going = train(step, learnerOf('spot', { spot: true }))
    going.catch(() => {})
    await expect
      .poll(
        () =>
          job(nameOf(step)).then(
            ({ SecondaryStatus }) => SecondaryStatus,
            () => '',
          ),
        { timeout: 20_000 },
      )
      .toBe('Training')
    step.cancel('WORKER_SHUTDOWN')
    await expect(going).rejects.toThrow('WORKER_SHUTDOWN')
    expect((await job(nameOf(step))).TrainingJobStatus).toBe('InProgress')
    expect((await train(stepOf(step.key), learnerOf('spot', { spot: true }))).predictions).toBe('1\n')
    expect(calls(step, 'CreateTrainingJob')).toBe(1)
  })

  it('whose log may not be read goes on, and says so in its place', async () => {
    const step = stepOf()
    addFault({ operation: 'DescribeLogStreams', name: nameOf(step), code: 'AccessDeniedException' })
    expect((await train(step, learnerOf('good'))).metrics).toEqual({})
    expect(readFileSync(join(step.work.folder, 'program.log'), 'utf8')).toContain('its log cannot be read')
  })

  it('leaves no folder behind', () => {
    const step = stepOf()
    expect(existsSync(`${step.work.folder}-program`)).toBe(false)
  })
})
