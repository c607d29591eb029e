import { DescribeTrainingJobCommand } from '@aws-sdk/client-sagemaker'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Tuning } from '../../lib/formats/tuning.ts'
import { staging } from '../../lib/sagemaker/staging.ts'
import { getJson } from '../../lib/store/objects.ts'
import { type RunInput, runWorkflowId, taskQueue } from '../../workflows/messages.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * A pipeline whose parameters SageMaker searches for, by the command line: one tuning job against the fake, which draws
 * values and really runs its training jobs.
 */
let place: Place
let fake: Fake

const why = whyNoContainers()

/** An image that knows no command, as those of tuning jobs: its entry point is the script that Slipway sends. */
const entry = ['/bin/sh', '/opt/ml/input/data/slipway/start.sh']

beforeAll(async () => {
  fake = await startFake({ s3: () => place.store.store.client, images: { 'node-started:20': { entry } } })
  place = await openPlace(fakeSettings(fake.address))
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  project.write('trainer/linear.mjs', await linearProgram())
  project.write(
    'trainer/train.mjs',
    `import { readFileSync } from 'node:fs'
const told = JSON.parse(process.env.SM_HPS)
const texts = JSON.parse(readFileSync(process.env.SM_INPUT_CONFIG_DIR + '/hyperparameters.json', 'utf8'))
console.log('given ' + JSON.stringify(told) + ' ' + JSON.stringify(texts) + ' ' + process.env.SM_HP_MODE)
if (told.mode === 'fails') process.exit(1)
if (told.mode === 'slow') await new Promise((go) => setTimeout(go, 4_000))
await import('./linear.mjs')
`,
  )
})
afterAll(async () => {
  await place?.close()
  await fake?.stop()
})

const tune = "tune: { l2: log(0.5, 64), mode: oneOf('good', 'fine') }, budget: { trials: 4 }"
const search = (more = '') => `search: sagemakerTuning({ maximize: 'mean', strategy: 'Random', atOnce: 2${more} })`

function write(name: string, more: string, learner: 'sagemaker' | 'program' = 'sagemaker'): void {
  const where = learner === 'program' ? '' : `image: 'node-started:20', instance: 'ml.m5.large', role: '${fakeRole}',`
  place.project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { auc, binary, log, oneOf, pipeline, program, sagemaker, sagemakerTuning } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
void [log, oneOf, program, sagemaker, sagemakerTuning]
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const given = { command: ['node', 'train.mjs'], folder: './trainer', metrics: { mean: 'mean=([0-9.]+)' } }
  const learner = ${learner}({ ${where} ...given, hyperparameters: { l2: 2, mode: 'good', left: 'as "it" is' } })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1, ${more} })
  p.gate(p.package(model), { on: parts.test, must: [auc.atLeast(0.6)] })
})
`,
  )
}

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (name: string) => JSON.parse(await slipway('run', name, '--wait', '--json'))

interface Step {
  readonly name: string
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}
async function stepOf(runId: string, name: string): Promise<Record<string, string>> {
  const { steps } = JSON.parse(await slipway('show', runId, '--json')) as { steps: Step[] }
  const outputs = steps.find((step) => step.name === name)?.outputs ?? []
  return Object.fromEntries(outputs.map((output) => [output.name, output.digest]))
}
const tuningOf = async (runId: string): Promise<Tuning> =>
  getJson(place.store.store, (await stepOf(runId, 'tune-risk')).trials as never, Tuning)

/** Names of the jobs that requests of a kind began or stopped, without those that were refused. */
const asked = (operation: string): string[] =>
  fake.world.requests.flatMap(({ operation: of, request, error }) => {
    const { HyperParameterTuningJobName, TrainingJobName } = request as Record<string, string>
    const name = HyperParameterTuningJobName ?? TrainingJobName ?? ''
    return of === operation && error === undefined ? [name] : []
  })
const searches = (): string[] => asked('CreateHyperParameterTuningJob')
const jobNamed = (name: string) => clientOf(fake).send(new DescribeTrainingJobCommand({ TrainingJobName: name }))

describe.skipIf(why !== undefined)(`a search by SageMaker${why === undefined ? '' : ` (${why})`}`, () => {
  let runId: string
  let tuning: Tuning

  it('is one tuning job, whose best training job is the model: nothing is trained again', async () => {
    fake.world.script.addBehaviour({ resource: 'hyper-parameter-tuning-job', does: 'quotes choices', times: 2 })
    write('searched', `${tune}, ${search()}`)
    const made = await run('searched')
    runId = made.runId
    expect(made).toMatchObject({ status: 'succeeded', model: { name: 'searched', version: 1 } })
    expect(searches()).toEqual([expect.stringMatching(/^risk-[0-9a-f]{16}-1$/)])
    expect(asked('CreateTrainingJob')).toEqual([])
    tuning = await tuningOf(runId)
    const losses = tuning.trials.map(({ result }) => (result.state === 'done' ? result.loss : Number.NaN))
    expect(tuning).toMatchObject({ objective: { metric: 'mean', goal: 'maximize' }, budget: { trials: 4 } })
    // The largest mean, the first of equals.
    expect(tuning.chosen).toBe(losses.indexOf(Math.min(...losses)) + 1)
    expect(tuning.trials.map(({ job }) => job)).toEqual(
      [1, 2, 3, 4].map((number) => expect.stringMatching(new RegExp(`^${searches()[0]}-00${number}-[0-9a-f]{8}$`))),
    )
    expect(await staging(place.store.store, searches()[0] as string).list()).toEqual([])
  })

  it('tells its programs what it chose as if we had: no hyperparameter of its own, and choices without quotes', async () => {
    const { parameters } = tuning.trials[tuning.chosen - 1] as Tuning['trials'][number]
    const log = await slipway('show', (await stepOf(runId, 'risk')).log?.slice(7, 19) as string)
    const given = { l2: parameters.l2, left: 'as "it" is', mode: parameters.mode }
    const texts = { ...given, l2: String(parameters.l2) }
    expect(log).toContain(`given ${JSON.stringify(given)} ${JSON.stringify(texts)} ${parameters.mode}`)
  })

  it('has its trials shown with their training jobs', async () => {
    const shown = await slipway('show', runId)
    expect(shown).toMatch(/tune-risk .*4 trials of a tuning job on SageMaker; mean 0\.\d+ with l2 [\d.]+, mode \w+/)
    expect(shown).toMatch(/trial +parameters +mean +time +training job/)
    expect(shown).toContain(tuning.trials[3]?.job)
    expect(await slipway('show', 'searched')).toMatch(/Chosen of 4 trials by a search of SageMaker’s, by the mean/)
  })

  it('makes the model that the same program makes here with what was chosen', async () => {
    const { parameters } = tuning.trials[tuning.chosen - 1] as Tuning['trials'][number]
    write('here', `tune: { l2: oneOf(${parameters.l2}), mode: oneOf('${parameters.mode}') }`, 'program')
    const here = await run('here')
    expect((await stepOf(runId, 'risk')).model).toBe((await stepOf(here.runId, 'risk')).model)
  })

  it('is found by a second run', async () => {
    const { steps } = await run('searched')
    for (const name of ['tune-risk', 'risk'])
      expect(steps.find((step: Step) => step.name === name)).toMatchObject({ cached: true })
    expect(searches()).toHaveLength(1)
  })

  it('is not done again to verify a version: what it made is taken from the record', async () => {
    const { outcome, left } = JSON.parse(await slipway('verify', 'searched', '--json'))
    expect(outcome).toBe('identical')
    for (const step of ['tune-risk', 'risk'])
      expect(left).toContainEqual({ step, why: expect.stringContaining('it was done by jobs on SageMaker') })
  })

  it('is not asked again by a retraining, which trains with what was chosen by a job of its own', async () => {
    const connection = await Connection.connect({ address: place.temporal })
    const client = new Client({ connection })
    try {
      const { events } = await client.workflow.getHandle(runWorkflowId(runId)).fetchHistory()
      const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? []
      const input = JSON.parse(Buffer.from(payload?.data as Uint8Array).toString('utf8')) as RunInput
      const again = { ...input, runId: `${runId}-again`, basePlan: input.planDigest }
      const workflowId = runWorkflowId(again.runId)
      await client.workflow.execute('runPipeline', { workflowId, taskQueue, args: [again] })
      const shown = await slipway('show', again.runId)
      const { parameters } = tuning.trials[tuning.chosen - 1] as Tuning['trials'][number]
      expect(shown).toMatch(/tune-risk .*kept of searched version 1: l2 [\d.]+, mode \w+/)
      expect(searches()).toHaveLength(1)
      expect(asked('CreateTrainingJob')).toEqual([expect.stringMatching(/^searched-risk-[0-9a-f]{16}-1$/)])
      const { HyperParameters } = await jobNamed(asked('CreateTrainingJob')[0] as string)
      expect(HyperParameters).toEqual({ l2: String(parameters.l2), mode: parameters.mode, left: 'as "it" is' })
      expect((await stepOf(again.runId, 'risk')).model).toBe((await stepOf(runId, 'risk')).model)
    } finally {
      await connection.close()
    }
  })

  it('goes on while workers are killed, and is begun once; trials that fail are among the results', async () => {
    write('killed', `tune: { l2: log(0.5, 64), mode: oneOf('slow', 'fails') }, budget: { trials: 6 }, ${search()}`)
    const before = searches().length
    const { runId } = JSON.parse(await slipway('run', 'killed', '--json'))
    await eventually(async () => searches().length > before)
    await new Promise((go) => setTimeout(go, 1_500))
    place.worker.kill()
    await eventually(async () => (await place.run('show', runId)).stdout.includes('succeeded'))
    expect(searches()).toHaveLength(before + 1)
    const { trials, chosen } = await tuningOf(runId)
    const failed = trials.filter(({ result }) => result.state === 'failed')
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.every(({ parameters }) => parameters.mode === 'fails')).toBe(true)
    expect(failed[0]?.result).toEqual({ state: 'failed', why: 'SAGEMAKER_JOB_FAILED' })
    expect(trials[chosen - 1]?.parameters.mode).toBe('slow')
  })

  it('is stopped with its training jobs when its run is cancelled', async () => {
    write('cancelled', `tune: { l2: log(0.25, 64), mode: oneOf('slow', 'slow2') }, budget: { trials: 8 }, ${search()}`)
    const before = searches().length
    const { runId } = JSON.parse(await slipway('run', 'cancelled', '--json'))
    await eventually(async () => searches().length > before)
    const name = searches().at(-1) as string
    await place.run('cancel', runId)
    await eventually(async () => asked('StopHyperParameterTuningJob').includes(name))
    await eventually(async () => (await staging(place.store.store, name).list()).length === 0)
    const jobs = fake.world.logs.streams('/aws/sagemaker/TrainingJobs') ?? new Map()
    const begun = [...jobs.keys()].flatMap((stream) =>
      stream.startsWith(name) ? [stream.split('/')[0] as string] : [],
    )
    for (const job of begun) expect((await jobNamed(job)).TrainingJobStatus).not.toBe('InProgress')
  })

  it('of which every job fails ends the run with the first reason and that job’s log', async () => {
    write('failing', `tune: { l2: log(0.5, 64), mode: oneOf('fails') }, budget: { trials: 2 }, ${search()}`)
    const { code, stdout } = await place.run('run', 'failing', '--wait')
    expect(code).toBe(11)
    expect(stdout).toMatch(
      /all 2 trials failed, the first of them: risk-[0-9a-f]{16}-1-001-[0-9a-f]{8}: AlgorithmError/,
    )
    const [, log] = /slipway show ([0-9a-f]{12})/.exec(stdout) ?? []
    expect(await slipway('show', log as string)).toContain('"mode":"fails"')
  })
})
