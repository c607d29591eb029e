import { DescribeTrainingJobCommand, ListTagsCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staging } from '../../lib/sagemaker/staging.ts'
import { listObjects } from '../../lib/store/documents.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * `slipway verify --train-again`: what a training job on SageMaker made is made by another one, against the fake, whose
 * jobs really run their program.
 */
let place: Place
let fake: Fake
let sageMaker: SageMakerClient

const why = whyNoContainers()

/** A program that makes another model each time. */
const shaky = "process.env.SM_HPS = JSON.stringify({ l2: String(1 + Math.random()) })\nawait import('./train.mjs')\n"

beforeAll(async () => {
  fake = await startFake({ s3: () => place.store.store.client, images: { 'node:20': {} } })
  place = await openPlace(fakeSettings(fake.address))
  sageMaker = clientOf(fake)
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  project.write('trainer/train.mjs', await linearProgram())
  project.write('trainer/shaky.mjs', shaky)
  project.write('trainer/slowly.mjs', "await new Promise((go) => setTimeout(go, 8_000))\nawait import('./train.mjs')\n")
  const { code, stderr } = await runs('steady', "sagemaker({ ...on, command: ['node', 'train.mjs'] })")
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  sageMaker?.destroy()
  await place?.close()
  await fake?.stop()
})

/** Runs a pipeline of a learner. */
async function runs(name: string, learner: string) {
  place.project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { auc, binary, pipeline, program, sagemaker } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
const on = { image: 'node:20', instance: 'ml.m5.large', role: '${fakeRole}', folder: './trainer' }
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = ${learner}
  const candidate = p.package(p.train('risk', { on: parts, features, target: binary('defaulted'), learner, seed: 1 }))
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
})
`,
  )
  return place.run('run', name, '--wait')
}

/** Names of the jobs that were begun to verify a pipeline's model. */
const begun = (pipeline: string): string[] =>
  fake.world.requests.flatMap(({ operation, request, error }) => {
    const { TrainingJobName: name = '' } = request as { readonly TrainingJobName?: string }
    const isOne = operation === 'CreateTrainingJob' && error === undefined && name.startsWith(`${pipeline}-`)
    return isOne && name.includes('-verify-') ? name : []
  })
const jobNamed = (name: string) => sageMaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }))
const isTraining = async (pipeline: string): Promise<boolean> => {
  const name = begun(pipeline).at(-1)
  return name !== undefined && (await jobNamed(name)).SecondaryStatus === 'Training'
}

/** Everything in the store, but for the gateway's sign of life. */
const contents = async () => {
  const objects = await listObjects(place.store.store, '')
  return objects.flatMap(({ Key = '', ETag }) => (Key.startsWith('gateways/') ? [] : `${Key} ${ETag}`)).sort()
}

describe.skipIf(why !== undefined)(`a model of SageMaker${why === undefined ? '' : ` (${why})`}, verified`, () => {
  it('is trained by no job unless that is asked for', async () => {
    const { code, stdout, stderr } = await place.run('verify', 'steady')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^identical sha256:/)])
    expect(stderr).toMatch(/not done again: risk \(it was done by jobs on SageMaker, and others would cost/)
    expect(begun('steady')).toEqual([])
  })

  it('comes out identical of a job of its own, of which it is told before; nothing is left in the store', async () => {
    const before = await contents()
    const { code, stdout, stderr } = await place.run('verify', 'steady', '--train-again')
    expect([code, stdout], stderr).toEqual([0, expect.stringMatching(/^identical sha256:/)])
    expect(stderr).toMatch(
      /begins a training job on SageMaker for risk: node:20 on one ml\.m5\.large, for 22 h at most\n(.*\n)*.*✓ risk +identical/,
    )
    expect(stderr).not.toMatch(/not done again: .*risk/)
    expect(begun('steady')).toEqual([expect.stringMatching(/^steady-risk-[0-9a-f]{16}-verify-1$/)])
    expect(await contents()).toEqual(before)
    const job = await jobNamed(begun('steady')[0] as string)
    const { Tags = [] } = await sageMaker.send(new ListTagsCommand({ ResourceArn: job.TrainingJobArn }))
    expect(Tags.find(({ Key }) => Key === 'slipway:run')?.Value).toMatch(/^verify-/)
  })

  it('is trained anew whenever that is asked for', async () => {
    const { code, stdout } = await place.run('verify', 'steady@1', '--train-again', '--json')
    const { steps, left, outcome } = JSON.parse(stdout)
    expect([code, outcome]).toEqual([0, 'identical'])
    expect(steps).toContainEqual(expect.objectContaining({ name: 'risk', kind: 'train', outcome: 'identical' }))
    expect(left).not.toContainEqual(expect.objectContaining({ step: 'risk' }))
    expect(begun('steady').map((name) => name.slice(-9))).toEqual(['-verify-1', '-verify-2'])
  })

  it('differs where its program makes other bytes: the step is named, and what differs first', async () => {
    await runs('shaky', "sagemaker({ ...on, command: ['node', 'shaky.mjs'] })")
    const { code, stdout } = await place.run('verify', 'shaky', '--train-again')
    expect([code, stdout]).toEqual([
      16,
      expect.stringMatching(
        /^differs at risk \(train\)\n {2}model is \w{12}, on record is \w{12}: bytes \(\d+.*\) from the \d+th on\n/,
      ),
    ])
    expect(await staging(place.store.store, begun('shaky')[0] as string).list()).toEqual([])
  })

  it('is held to its predictions where its program says that it may make others', async () => {
    await runs('noisy', "sagemaker({ ...on, command: ['node', 'shaky.mjs'], deterministic: false })")
    const { code, stdout, stderr } = await place.run('verify', 'noisy', '--train-again')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^predictions agree: .*\n {2}validation: \d+ predictions/),
    ])
    expect(stderr).toMatch(/✓ risk +may differ/)
  })

  it('differs where its program fails; a job that is not to be had says nothing of it', async () => {
    const { script } = fake.world
    script.addFault({ operation: 'CreateTrainingJob', code: 'AccessDeniedException', message: 'not you', status: 400 })
    expectUserError(await place.run('verify', 'steady', '--train-again'), 20, 'SAGEMAKER_DENIED')
    script.addBehaviour({ resource: 'training-job', does: 'fails', reason: 'CapacityError: no ml.m5.large' })
    expectUserError(await place.run('verify', 'steady', '--train-again'), 11, 'SAGEMAKER_JOB_FAILED')
    script.addBehaviour({ resource: 'training-job', does: 'fails', reason: 'AlgorithmError: exit code 1' })
    const { code, stdout } = await place.run('verify', 'steady', '--train-again')
    expect([code, stdout]).toEqual([
      16,
      expect.stringMatching(
        /^differs at risk \(train\)\n {2}it ended well on record, and ends with SAGEMAKER_JOB_FAILED/,
      ),
    ])
    for (const name of begun('steady')) expect(await staging(place.store.store, name).list()).toEqual([])
  })

  it('has its job stopped by Ctrl-C, and found again after a verify that was killed', async () => {
    await runs('slow', "sagemaker({ ...on, command: ['node', 'slowly.mjs'] })")
    const interrupted = place.begin('verify', 'slow', '--train-again')
    await eventually(() => isTraining('slow'))
    interrupted.interrupt()
    const { code, stderr } = await interrupted.result
    expect([code, stderr]).toEqual([130, expect.stringContaining('what it began on SageMaker is stopped')])
    const [first = ''] = begun('slow')
    expect((await jobNamed(first)).TrainingJobStatus).toBe('Stopped')
    expect(await staging(place.store.store, first).list()).toEqual([])

    const killed = place.begin('verify', 'slow', '--train-again')
    await eventually(async () => begun('slow').length === 2 && (await isTraining('slow')))
    killed.kill('SIGKILL')
    await killed.result
    const next = await place.run('verify', 'slow', '--train-again')
    expect([next.code, next.stdout]).toEqual([0, expect.stringMatching(/^identical/)])
    expect(begun('slow')).toEqual([first, first.replace(/1$/, '2')])
    expect(await staging(place.store.store, begun('slow')[1] as string).list()).toEqual([])
  })

  it('is refused where no job made it, and of many at once', async () => {
    await runs('here', "program({ command: ['node', 'train.mjs'], folder: './trainer' })")
    const told = expectUserError(await place.run('verify', 'here', '--train-again'), 2, 'USAGE')
    expect(told).toContain('no training job on SageMaker made a model of here@1')
    expectUserError(await place.run('verify', '--all', '--train-again'), 2, 'USAGE')
    expectUserError(await place.run('verify', 'no/such/batch', '--train-again'), 2, 'USAGE')
  })
})
