import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeModelPackageCommand,
  type DescribeModelPackageCommandOutput,
  ListModelPackagesCommand,
  type SageMakerClient,
  UpdateModelPackageCommand,
} from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readWholeRun } from '../../lib/store/runs.ts'
import { ModelPackageCard } from '../sagemaker-fake/model-card-schema.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeSettings } from '../support/sagemaker.ts'

const image = '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1'
const definition = (
  trees: number,
  asks: boolean,
): string => `import { auc, binary, pipeline, sagemakerRegistry, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
  p.mirror(candidate, sagemakerRegistry({ image: '${image}' }))
  ${asks ? "p.approve(candidate, { role: 'ml-lead', within: '10m', otherwise: 'reject' })" : ''}
})
`

/** Looks until something is there, for three minutes: the first run of a machine that is busy takes one. */
async function found<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const until = Date.now() + 180_000; Date.now() < until; await sleep(200)) {
    const there = await look()
    if (there !== undefined) return there
  }
  throw new Error('it did not come within three minutes')
}

describe('the registry of SageMaker beside ours', () => {
  let place: Place
  let fake: Fake
  let client: SageMakerClient
  beforeAll(async () => {
    place = await openPlace()
    fake = await startFake({ s3: place.store.store.client })
    Object.assign(place.env, fakeSettings(fake.address))
    place.worker.kill()
    client = clientOf(fake)
    await place.project.data('data/loans.parquet', loansSql())
  }, 180_000)
  afterAll(async () => {
    client.destroy()
    await place.close()
    await fake.stop()
  })

  const begin = (trees: number, asks = true) => {
    writeLoans(place.project, { body: definition(trees, asks) })
    return place.run('run', 'loans', '--wait', '--json')
  }
  const packages = async (): Promise<DescribeModelPackageCommandOutput[]> => {
    const list = await client
      .send(new ListModelPackagesCommand({ ModelPackageGroupName: 'loans' }))
      .catch(() => undefined)
    return Promise.all(
      (list?.ModelPackageSummaryList ?? []).map(({ ModelPackageArn }) =>
        client.send(new DescribeModelPackageCommand({ ModelPackageName: ModelPackageArn })),
      ),
    )
  }
  /** The package in a place of the group, once a person is asked about it. */
  const asked = (place: number): Promise<DescribeModelPackageCommandOutput> =>
    found(async () => {
      const there = (await packages())[place - 1]
      return there?.ApprovalDescription?.includes('is asked') === true ? there : undefined
    })
  const decide = (
    { ModelPackageArn }: DescribeModelPackageCommandOutput,
    status: 'Approved' | 'Rejected',
    why: string,
  ) =>
    client.send(
      new UpdateModelPackageCommand({ ModelPackageArn, ModelApprovalStatus: status, ApprovalDescription: why }),
    )
  const runId = (found: DescribeModelPackageCommandOutput): string =>
    found.CustomerMetadataProperties?.['slipway:run'] as string

  it('has the package with its digests, metrics and card while a person is asked, and who approves it there decides', async () => {
    const going = begin(20)
    const found = await asked(1)
    expect(found).toMatchObject({ ModelPackageVersion: 1, ModelApprovalStatus: 'PendingManualApproval' })
    expect(found.InferenceSpecification?.Containers).toEqual([
      { Image: image, ModelDataUrl: expect.stringMatching(/^s3:\/\/.*\/sagemaker\/models\/.*model\.tar\.gz$/) },
    ])
    expect(ModelPackageCard.safeParse(JSON.parse(found.ModelCard?.ModelCardContent as string)).error).toBeUndefined()
    await decide(found, 'Approved', 'looks right to me')
    const { code, stdout } = await going
    const record = JSON.parse(stdout)
    expect([code, record.status]).toEqual([0, 'succeeded'])
    const kept = await readWholeRun(place.store.store, record.runId)
    expect(kept?.steps.map(({ summary }) => summary)).toContain('approved by somebody in SageMaker: looks right to me')
    const [now] = await packages()
    expect(now?.CustomerMetadataProperties).toMatchObject({
      'slipway:digest': record.model.digest,
      'slipway:version': '1',
      'slipway:run': record.runId,
    })
    expect(now?.ModelApprovalStatus).toBe('Approved')
  })

  it('is told what is decided here, with the reason', async () => {
    const going = begin(21)
    const found = await asked(2)
    await eventually(async () => (await place.run('approve', runId(found), '--reason', 'fits')).code === 0)
    expect((await going).code).toBe(0)
    const [, now] = await packages()
    expect(now).toMatchObject({
      ModelApprovalStatus: 'Approved',
      ApprovalDescription: expect.stringMatching(/: fits$/),
    })
    const rejected = begin(22)
    const third = await asked(3)
    await eventually(async () => (await place.run('reject', runId(third), '--reason', 'too few trees')).code === 0)
    expect((await rejected).code).toBe(13)
    expect((await packages())[2]).toMatchObject({
      ModelApprovalStatus: 'Rejected',
      ApprovalDescription: expect.stringMatching(/too few trees/),
    })
  })

  it('keeps a package from being registered that somebody there has refused, whatever is said here', async () => {
    const going = begin(23)
    const found = await asked(4)
    await decide(found, 'Rejected', 'not with these columns')
    await place.run('approve', runId(found), '--reason', 'I like it')
    const { code, stdout } = await going
    const { status, error, model } = JSON.parse(stdout)
    expect([code, status, model]).toEqual([13, 'rejected', null])
    expect(error.message).toContain('somebody in SageMaker: not with these columns')
    expect((await packages())[3]?.ModelApprovalStatus).toBe('Rejected')
    // The same package asked about again is refused at once, and stays one package.
    const again = await begin(23)
    expect([again.code, (await packages()).length]).toEqual([13, 4])
  })

  it('approves what is registered where nobody is asked', async () => {
    const { code, stdout } = await begin(24, false)
    expect(code).toBe(0)
    const now = (await packages()).at(-1)
    expect(now).toMatchObject({
      ModelApprovalStatus: 'Approved',
      ApprovalDescription: expect.stringMatching(/^passed its gates in run loans-/),
      CustomerMetadataProperties: { 'slipway:version': String(JSON.parse(stdout).model.version) },
    })
  })

  it('that is away, or does not let us in, is said with what to do', async () => {
    fake.world.script.addFault({ operation: 'CreateModelPackage', code: 'AccessDeniedException' })
    const denied = await begin(25, false)
    expect(denied.code).toBe(20)
    expect(JSON.parse(denied.stdout).error).toMatchObject({
      code: 'SAGEMAKER_DENIED',
      message: expect.stringContaining('into the group loans'),
    })
    fake.world.script.addFault({ operation: 'CreateModelPackage', code: 'ThrottlingException', times: 3 })
    expect((await begin(25, false)).code).toBe(0)
  })
})
