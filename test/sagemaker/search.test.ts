import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DescribeHyperParameterTuningJobCommand } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sagemaker } from '../../lib/definition/learners.ts'
import { sagemakerTuning } from '../../lib/definition/tuning.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { SlipwayError } from '../../lib/formats/errors.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import { TrainedByTrial } from '../../lib/formats/sagemaker-tuning.ts'
import type { StepResult, WorkOn } from '../../lib/jobs/step-work.ts'
import { searchOnSageMaker } from '../../lib/jobs/steps/search-on-sagemaker.ts'
import type { ProgramPlace } from '../../lib/learners/learner.ts'
import { layoutIn } from '../../lib/learners/program/layout.ts'
import { sageMakerName } from '../../lib/sagemaker/names.ts'
import { staging } from '../../lib/sagemaker/staging.ts'
import { getJson, localFile, putFile } from '../../lib/store/objects.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { fakeRole, openSageMaker, type SageMakerPlace } from '../support/sagemaker.ts'

/*
 * Every way a search on SageMaker can end, over the fake: each says what to do, and nothing that costs is left running.
 */
let place: SageMakerPlace

/** Says its parameter as its loss, and leaves it. */
const good = `l=$(sed -n 's/.*"l2": *"\\([^"]*\\)".*/\\1/p' input/config/hyperparameters.json)
echo loss=$l; echo $l > model/model.onnx; echo 1 > output/data/predictions.csv`

beforeAll(async () => {
  place = await openSageMaker({
    good: { entry: ['sh', '-c', good, 'sh'] },
    equal: { entry: ['sh', '-c', 'echo loss=0.5; echo 1 > model/model.onnx', 'sh'] },
    mute: { entry: ['sh', '-c', 'echo 1 > model/model.onnx', 'sh'] },
    failing: { entry: ['sh', '-c', 'echo it says why; echo bad luck > output/failure; exit 3', 'sh'] },
    slow: { entry: ['sh', '-c', 'sleep 300', 'sh'] },
    later: { entry: ['sh', '-c', `${good}; sleep 2`, 'sh'] },
  })
})
afterAll(() => place?.stop())

type Options = Parameters<typeof sagemakerTuning>[0]
const resource = 'hyper-parameter-tuning-job'

let keys = 0
/** A step of a key of its own, and what it saw. */
function stepOf(
  image: string,
  {
    key = `sha256:${(++keys).toString(16).padStart(64, '0')}`,
    run = 'run-1',
    role = fakeRole,
    trials = 4,
    timeMs = undefined as number | undefined,
    search = {} as Partial<Options>,
  } = {},
) {
  const cancelled = new AbortController()
  const seen: string[] = []
  const later: (() => Promise<void>)[] = []
  const folder = mkdtempSync(join(tmpdir(), 'sagemaker-search-'))
  const step = {
    id: 'tune-test',
    task: 'binary',
    target: { column: 'y' },
    seed: 1,
    learner: sagemaker({ image, instance: 'ml.m5.large', role, metrics: { loss: 'loss=([0-9.]+)' } }),
    space: { l2: { kind: 'number', from: 0, to: 1 } },
    budget: { trials, ...(timeMs !== undefined && { timeMs }) },
    lag: 0,
    search: sagemakerTuning({ minimize: 'loss', strategy: 'Random', atOnce: 2, ...search }),
  } as unknown as StepOf<'tune'>
  const work = {
    step,
    key,
    run,
    signal: cancelled.signal,
    folder,
    progress: (what: string) => void seen.push(what),
    onCancel: () => {},
    afterwards: (each: () => Promise<void>) => void later.push(each),
    output: async (name: string, file: string, mediaType = mediaTypes.binary) => ({
      name,
      ...(await putFile(place.bucket.store, join(folder, file), mediaType)),
    }),
  } as unknown as WorkOn<'tune'>
  return { work, seen, later, cancel: () => cancelled.abort(new Error('CANCELLED')), key, image }
}
type Step = ReturnType<typeof stepOf>

const search = ({ work }: Step): Promise<StepResult> =>
  searchOnSageMaker(
    { store: place.bucket.store, trusted: new Map() },
    {
      work,
      async layOut({ root }: ProgramPlace) {
        const layout = layoutIn(root)
        for (const file of [
          join(layout.train, 'train.csv'),
          join(layout.validation, 'validation.csv'),
          join(layout.parity, 'parity.csv'),
          join(layout.config, 'columns.json'),
          join(root, 'slipway/start.sh'),
        ]) {
          mkdirSync(dirname(file), { recursive: true })
          writeFileSync(file, 'x')
        }
      },
    },
  )
const nameOf = ({ key }: Step, attempt = 1): string => sageMakerName('test', key, String(attempt), 32)
const job = (name: string) =>
  place.clients.sageMaker.send(new DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name }))
const begun = (step: Step): number =>
  place.fake.world.requests.filter(
    ({ operation, request, error }) =>
      operation === 'CreateHyperParameterTuningJob' &&
      error === undefined &&
      JSON.stringify(request).includes(nameOf(step).slice(0, -2)),
  ).length
const staged = (step: Step) => staging(place.bucket.store, nameOf(step)).list()
/** What is written of all trials. */
const tuningIn = ({ work }: Step) => JSON.parse(readFileSync(join(work.folder, 'trials.json'), 'utf8'))
/** How a search fails, which must say what to do. */
async function failureOf(searching: Promise<unknown>): Promise<SlipwayError> {
  const error = await searching.then(
    () => undefined,
    (thrown: SlipwayError) => thrown,
  )
  expect(error?.facts?.next, String(error?.stack)).toMatch(/./)
  return error as SlipwayError
}

describe.skipIf(whyNoContainers() !== undefined)('a search on SageMaker', () => {
  it('takes the least loss of all its jobs, and keeps what that one left', async () => {
    const step = stepOf('good', { trials: 5 })
    const { outputs, facts } = await search(step)
    const { trials, chosen } = tuningIn(step)
    // Of two pages and a half: the fake lists two jobs a page.
    expect(trials).toHaveLength(5)
    const values = trials.map(({ parameters }: { parameters: { l2: number } }) => parameters.l2)
    expect(chosen).toBe(values.indexOf(Math.min(...values)) + 1)
    expect(facts).toMatchObject({ objective: 'loss', trials: 5, failed: 0, parameters: { l2: Math.min(...values) } })
    expect(facts).not.toHaveProperty('theirs')
    const trained = outputs.find(({ name }) => name === 'trained')
    const { store } = place.bucket
    const { job: best } = await getJson(store, trained?.digest as never, TrainedByTrial)
    expect(best).toMatchObject({ name: trials[chosen - 1].job, metrics: { loss: Math.min(...values) } })
    expect(readFileSync(await localFile(store, best?.log as never), 'utf8')).toContain(
      `out loss=${Math.min(...values)}`,
    )
    expect(step.seen.join('\n')).toMatch(/test-[0-9a-f]{16}-1: (Completed, )?trial \d of 5, best loss 0\.\d+/)
    // What they left stays until the step's record stands.
    expect(await staged(step)).not.toEqual([])
    for (const each of step.later) await each()
    expect(await staged(step)).toEqual([])
  })

  it('takes the largest where it is to be large', async () => {
    const step = stepOf('good', { search: { minimize: undefined as never, maximize: 'loss' } })
    const { facts } = await search(step)
    const { trials } = tuningIn(step)
    const values = trials.map(({ parameters }: { parameters: { l2: number } }) => parameters.l2)
    expect(facts.parameters).toEqual({ l2: Math.max(...values) })
    expect(facts.value).toBeCloseTo(Math.max(...values), 6)
  })

  it('takes the first of equals, and says where SageMaker holds another for the best', async () => {
    const step = stepOf('equal', { trials: 3 })
    expect((await search(step)).facts).toMatchObject({ theirs: 3 })
    expect(tuningIn(step)).toMatchObject({ chosen: 1, theirs: 3 })
  })

  it('is one job, whoever asks for it: also where the answer to its creation is lost', async () => {
    const step = stepOf('good')
    place.fake.world.script.addFault({ operation: 'CreateHyperParameterTuningJob', name: nameOf(step), code: 'lost' })
    await search(step)
    await search(stepOf('good', { key: step.key }))
    await expect(job(nameOf(step, 2))).rejects.toThrow('not found')
  })

  it('outlasts throttling', async () => {
    const step = stepOf('good', { trials: 1 })
    for (const operation of ['CreateHyperParameterTuningJob', 'ListTrainingJobsForHyperParameterTuningJob'])
      place.fake.world.script.addFault({ operation, name: nameOf(step), code: 'ThrottlingException', times: 2 })
    await search(step)
  })

  it.each([
    ['AccessDeniedException', 'SAGEMAKER_DENIED', /not authorized/],
    ['ValidationException', 'SAGEMAKER_REFUSED', /make/],
  ])('that is not begun for %s leaves nothing', async (code, ours, words) => {
    const step = stepOf('good')
    place.fake.world.script.addFault({ operation: 'CreateHyperParameterTuningJob', name: nameOf(step), code })
    const error = await failureOf(search(step))
    expect([error.code, error.message]).toEqual([ours, expect.stringMatching(words)])
    expect(await staged(step)).toEqual([])
  })

  it('of more jobs than the account may have says so', async () => {
    const step = stepOf('good', { trials: 900 })
    expect(await failureOf(search(step))).toMatchObject({ code: 'SAGEMAKER_QUOTA' })
    expect(await staged(step)).toEqual([])
  })

  it('of which all jobs fail says the first reason, and keeps that log; the same run does not try again, another does', async () => {
    const step = stepOf('failing', { trials: 2 })
    const error = await failureOf(search(step))
    expect(error.code).toBe('SAGEMAKER_JOB_FAILED')
    expect(error.message).toMatch(/all 2 trials failed, the first of them: test-\S+-001-\S+: AlgorithmError: bad luck/)
    const log = await localFile(place.bucket.store, error.facts.log as never)
    expect(readFileSync(log, 'utf8')).toContain('out it says why')
    expect(await staged(step)).toEqual([])
    await failureOf(search(stepOf('failing', { key: step.key, trials: 2 })))
    expect(begun(step)).toBe(1)
    await failureOf(search(stepOf('failing', { key: step.key, trials: 2, run: 'run-2' })))
    expect(begun(step)).toBe(2)
  })

  it('whose program does not say the metric says that', async () => {
    const error = await failureOf(search(stepOf('mute', { trials: 1 })))
    expect(error.message).toMatch(/the only trial failed: \S+: nothing in its log is "loss" by the expression/)
  })

  it('has jobs that SageMaker stops early among its results', async () => {
    const step = stepOf('later')
    place.fake.world.script.addBehaviour({ resource, name: nameOf(step), does: 'stops a job early', after: 700 })
    expect((await search(step)).facts).toMatchObject({ trials: 4, failed: 1 })
    expect(tuningIn(step).trials[0].result).toEqual({ state: 'failed', why: 'SAGEMAKER_JOB_STOPPED' })
  })

  it('that somebody else stops says so', async () => {
    const step = stepOf('slow')
    place.fake.world.script.addBehaviour({ resource, name: nameOf(step), does: 'stopped by another', after: 300 })
    expect(await failureOf(search(step))).toMatchObject({ code: 'SAGEMAKER_JOB_STOPPED' })
    expect(await staged(step)).toEqual([])
  })

  it('that has no time left counts by what it has tried', async () => {
    const step = stepOf('later', { trials: 20, timeMs: 3_600_000 })
    place.fake.world.script.addBehaviour({ resource, name: nameOf(step), does: 'has no time left', after: 4_000 })
    const { facts } = await search(step)
    expect(Number(facts.trials)).toBeLessThan(10)
    expect(Number(facts.trials) - Number(facts.failed)).toBeGreaterThan(0)
  })

  it('is stopped with its jobs when its run is cancelled', async () => {
    const step = stepOf('slow')
    const searching = search(step)
    setTimeout(step.cancel, 2_500)
    await expect(searching).rejects.toThrow('CANCELLED')
    expect((await job(nameOf(step))).HyperParameterTuningJobStatus).toBe('Stopped')
    expect(await staged(step)).toEqual([])
  })

  it('is not another one that goes on under its name: which parameters differ is said, and it is left alone', async () => {
    const step = stepOf('later', { trials: 3 })
    const searching = search(step)
    await new Promise((go) => setTimeout(go, 1_500))
    const other = stepOf('later', { trials: 3, key: step.key, role: `${fakeRole}-2` })
    const error = await failureOf(search(other))
    expect([error.code, error.message]).toEqual(['SAGEMAKER_NAME_TAKEN', expect.stringContaining('RoleArn is')])
    expect((await searching).facts).toMatchObject({ trials: 3 })
  })
})
