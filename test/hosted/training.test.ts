import { DescribeTrainingJobCommand } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staging } from '../../lib/sagemaker/staging.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * A pipeline whose learner trains on SageMaker, by the command line: against the fake, whose jobs really run their
 * program at /opt/ml. Whatever happens to the worker, the job is begun once.
 */
let place: Place
let fake: Fake

const why = whyNoContainers()

beforeAll(async () => {
  fake = await startFake({
    s3: () => place.store.store.client,
    images: { 'node:20': {}, 'own:1': { entry: ['node', '/opt/ml/input/data/own.mjs'] } },
  })
  place = await openPlace(fakeSettings(fake.address))
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  project.write('trainer/train.mjs', await linearProgram())
  project.write('trainer/slowly.mjs', "await new Promise((go) => setTimeout(go, 6_000))\nawait import('./train.mjs')\n")
  project.write('trainer/fail.mjs', "console.log('nothing to learn here'); process.exit(1)\n")
})
afterAll(async () => {
  await place?.close()
  await fake?.stop()
})

const onSageMaker = `image: 'node:20', instance: 'ml.m5.large', role: '${fakeRole}',`

function write(name: string, options: string, learner: 'sagemaker' | 'program' = 'sagemaker', more = {}): void {
  place.project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { auc, binary, pipeline, ${learner} } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = ${learner}({ ${learner === 'program' ? '' : onSageMaker} folder: './trainer', ${options} })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1, ...${JSON.stringify(more)} })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)] })
})
`,
  )
}

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (name: string, ...args: string[]) =>
  JSON.parse(await slipway('run', name, ...args, '--wait', '--json'))

/** Names of the jobs that requests began, of a pipeline. */
const begun = (pipeline: string): string[] =>
  fake.world.requests.flatMap(({ operation, request, error }) => {
    const name = (request as { TrainingJobName?: string }).TrainingJobName ?? ''
    return operation === 'CreateTrainingJob' && error === undefined && name.startsWith(`${pipeline}-`) ? name : []
  })
const jobNamed = async (name: string) => {
  const client = clientOf(fake)
  return client.send(new DescribeTrainingJobCommand({ TrainingJobName: name }))
}
const isTraining = async (pipeline: string): Promise<boolean> => {
  const name = begun(pipeline).at(-1)
  return name !== undefined && (await jobNamed(name)).SecondaryStatus === 'Training'
}

describe.skipIf(why !== undefined)(`a model that SageMaker makes${why === undefined ? '' : ` (${why})`}`, () => {
  let runId: string

  it('is trained by one job, compared with what the program predicts, and gated', async () => {
    write('remote', "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }, metrics: { mean: 'mean=([0-9.]+)' }")
    const made = await run('remote')
    runId = made.runId
    expect(made).toMatchObject({ status: 'succeeded', model: { name: 'remote', version: 1 } })
    const steps = await slipway('show', runId)
    expect(steps).toMatch(/risk .* made by a job on SageMaker on 2,\d\d\d rows; validation auc .*; it says mean 0\.\d+/)
    expect(steps).toMatch(/package .*parity \d\.\de[-+]\d+ over \d+ rows, \d\.\de[-+]\d+ over 1,024 made-up ones/)
    expect(await slipway('show', 'remote')).toContain(
      'Trained by `node train.mjs` with l2 2 on SageMaker in `node:20`, one `ml.m5.large`.',
    )
    expect(begun('remote')).toEqual([expect.stringMatching(/^remote-risk-[0-9a-f]{16}-1$/)])
  })

  it('left its log, and nothing in the place where it was staged', async () => {
    const { steps } = JSON.parse(await slipway('show', runId, '--json'))
    const outputs = steps.find(({ name }: { name: string }) => name === 'risk').outputs
    const log = outputs.find(({ name }: { name: string }) => name === 'log')
    expect(await slipway('show', log.digest.slice(7, 19))).toMatch(/^\S+Z out mean=0\.\d+$/m)
    expect(await staging(place.store.store, begun('remote')[0] as string).list()).toEqual([])
  })

  it('is the model that the same program makes here', async () => {
    const model = async (name: string): Promise<string> => {
      const { steps } = JSON.parse(await slipway('show', (await run(name)).runId, '--json'))
      const { outputs } = steps.find((step: { name: string }) => step.name === 'risk')
      return outputs.find((output: { name: string }) => output.name === 'model').digest
    }
    write('local', "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }", 'program')
    write('again', "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }")
    expect(await model('again')).toBe(await model('local'))
  })

  it('is made once: a second run finds it, and so does one with another role', async () => {
    write(
      'remote',
      "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }, metrics: { mean: 'mean=([0-9.]+)' }, timeout: '1h'",
    )
    const { steps } = await run('remote')
    expect(steps.find(({ name }: { name: string }) => name === 'risk').cached).toBe(true)
    expect(begun('remote')).toHaveLength(1)
  })

  it('goes on while workers are killed, and is begun once', async () => {
    write('killed', "command: ['node', 'slowly.mjs'], hyperparameters: { l2: 3 }")
    const { runId } = JSON.parse(await slipway('run', 'killed', '--json'))
    await eventually(() => isTraining('killed'))
    place.worker.kill()
    await eventually(async () => (await place.run('show', runId)).stdout.includes('succeeded'))
    expect(begun('killed')).toHaveLength(1)
    expect(await staging(place.store.store, begun('killed')[0] as string).list()).toEqual([])
  })

  it('is stopped when its run is cancelled', async () => {
    write('cancelled', "command: ['node', 'slowly.mjs'], hyperparameters: { l2: 4 }")
    const { runId } = JSON.parse(await slipway('run', 'cancelled', '--json'))
    await eventually(() => isTraining('cancelled'))
    await place.run('cancel', runId)
    const [name] = begun('cancelled')
    await eventually(async () => (await jobNamed(name as string)).TrainingJobStatus === 'Stopped')
    await eventually(async () => (await staging(place.store.store, name as string).list()).length === 0)
    // Who wants it again trains again, as a job of its own.
    expect(await run('cancelled')).toMatchObject({ status: 'succeeded' })
    expect(begun('cancelled')).toEqual([name, name?.replace(/1$/, '2')])
  })

  it('is chosen by trials that are jobs of their own', async () => {
    write('tuned', "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }", 'sagemaker', {
      tune: { l2: [1, 64] },
      budget: { trials: 3 },
    })
    const { runId } = await run('tuned')
    expect(await slipway('show', runId)).toMatch(/tune-risk .*3 trials; log loss 0\.\d+ with l2 \d+/)
    // Three trials, and the training with what was chosen.
    expect(begun('trial').length).toBe(3)
    expect(begun('tuned')).toHaveLength(1)
  })

  it('fails with SageMaker’s reason and leaves its log, which the error names', async () => {
    write('failing', "command: ['node', 'fail.mjs']")
    const { code, stdout } = await place.run('run', 'failing', '--wait')
    expect(code).toBe(11)
    expect(stdout).toMatch(/the training job failing-risk-[0-9a-f]{16}-1 failed: AlgorithmError: , exit code: 1/)
    const [, log] = /slipway show ([0-9a-f]{12})/.exec(stdout) ?? []
    expect(await slipway('show', log as string)).toContain('out nothing to learn here')
  })
})
