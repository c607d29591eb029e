import {
  DescribeModelPackageCommand,
  ListModelPackagesCommand,
  type SageMakerClient,
  UpdateModelPackageCommand,
} from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelState } from '../../lib/formats/records.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { updateRef } from '../../lib/store/refs.ts'
import { readModel } from '../../lib/store/registry.ts'
import { readRoute, writeRoute } from '../../lib/store/routes.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeSettings } from '../support/sagemaker.ts'

const definition = (trees: number): string => `import { auc, binary, pipeline, sagemakerRegistry, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
  p.mirror(candidate, sagemakerRegistry({ image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1', group: 'credit-risk' }))
})
`

describe('what people reject in SageMaker after it was registered', () => {
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
    for (const trees of [10, 20, 30]) {
      writeLoans(place.project, { body: definition(trees) })
      const { code, stderr } = await place.run('run', 'loans', '--wait')
      expect([code, stderr]).toEqual([0, expect.any(String)])
    }
  }, 240_000)
  afterAll(async () => {
    client.destroy()
    await place.close()
    await fake.stop()
  })

  /** Decides about a version in SageMaker, as a person. */
  const decide = async (version: number, status: 'Approved' | 'Rejected', why: string): Promise<void> => {
    const list = await client.send(new ListModelPackagesCommand({ ModelPackageGroupName: 'credit-risk' }))
    for (const { ModelPackageArn } of list.ModelPackageSummaryList ?? []) {
      const found = await client.send(new DescribeModelPackageCommand({ ModelPackageName: ModelPackageArn }))
      if (found.CustomerMetadataProperties?.['slipway:version'] !== String(version)) continue
      await client.send(
        new UpdateModelPackageCommand({ ModelPackageArn, ModelApprovalStatus: status, ApprovalDescription: why }),
      )
    }
  }
  const sync = async (...more: string[]) => {
    const { code, stdout } = await place.run('sagemaker', 'sync', 'loans', '--json', ...more)
    return { code, ...JSON.parse(stdout) }
  }
  const champion = async () => (await readModel(place.store.store, 'loans'))?.champions.at(-1)
  const version = async (number: number): Promise<ModelVersion> => {
    const state = await readModel(place.store.store, 'loans')
    return { model: 'loans', version: number, digest: state?.versions[number - 1] as ModelVersion['digest'] }
  }

  it('is noticed, said loudly of the champion, and taken back where that is asked for', async () => {
    // The group is the one that the plans of the versions name.
    expect(await sync()).toMatchObject({ code: 0, groups: ['credit-risk'], refused: [], inForce: [] })
    await decide(3, 'Rejected', 'unfair to the young')
    expect(await sync()).toMatchObject({
      code: 13,
      exitCode: 13,
      refused: [{ version: 3, by: expect.stringContaining('in SageMaker: unfair to the young'), isNew: true }],
      inForce: [{ as: 'champion', of: 'loans', version: 3, next: 'next: slipway rollback loans --to 2' }],
    })
    expect(await champion()).toBe(3)
    const told = await place.run('sagemaker', 'sync', 'loans')
    expect([told.code, told.stdout]).toEqual([
      13,
      expect.stringContaining('STILL IN FORCE: version 3 is champion of loans; next: slipway rollback loans --to 2'),
    ])
    expect(await sync('--roll-back')).toMatchObject({
      code: 0,
      refused: [{ version: 3, isNew: false }],
      inForce: [{ version: 3, rolledBack: true, next: null }],
    })
    expect(await champion()).toBe(2)
    expect(await sync()).toMatchObject({ code: 0, inForce: [] })
  })

  it('stays rejected, is shown so, and is not served again, whatever is approved there later', async () => {
    await decide(3, 'Approved', 'after all')
    expect(await sync()).toMatchObject({
      code: 0,
      refused: [{ version: 3, isNew: false }],
      notTaken: [expect.stringContaining('version 3 is approved there now: what was refused stays refused')],
    })
    const models = JSON.parse((await place.run('models', '--json')).stdout)
    expect(models[0].versions.map(({ refused }: { refused?: object }) => refused !== undefined)).toEqual([
      false,
      false,
      true,
    ])
    expect(await place.run('rollback', 'loans', '--to', '3')).toMatchObject({
      code: 13,
      stderr: expect.stringContaining('version 3 of loans was rejected by'),
    })
    expect(await champion()).toBe(2)
    const order = { kind: 'open', variant: await version(3), expect: undefined } as const
    await expect(writeRoute(place.store.store, 'risks', order, 'a test')).rejects.toMatchObject({ code: 'REJECTED' })
  })

  it('is taken in from the group that is named, or that plans name', async () => {
    const given = await sync('--group', 'credit-risk')
    expect(given).toMatchObject({ code: 0, groups: ['credit-risk'], refused: [{ version: 3, isNew: false }] })
    const other = await place.run('sagemaker', 'sync', 'loans', '--group', 'loans')
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('group loans')])
    const version = { ...(await readModel(place.store.store, 'loans')), candidate: null, champions: [] } as ModelState
    await updateRef(place.store.store, 'models/loans-copy', ModelState, 'a test', () => version)
    const none = await place.run('sagemaker', 'sync', 'loans-copy')
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('give the pipeline a p.mirror')])
  })

  it('is passed over by a rollback to the champion before', async () => {
    const told = await place.run('rollback', 'loans')
    expect([told.code, told.stdout]).toEqual([
      0,
      expect.stringMatching(
        /champion of loans is version 1 \(was 2\)\n {2}passed over: version 3 of loans was rejected by .*unfair/,
      ),
    ])
    expect(await champion()).toBe(1)
    const back = JSON.parse((await place.run('rollback', 'loans', '--to', '2', '--json')).stdout)
    expect(back).toEqual({ model: 'loans', champion: 2, before: 1, passedOver: [] })
  })

  it('is taken from an endpoint that serves it, and from a rollout', async () => {
    const { store } = place.store
    await writeRoute(store, 'risks', { kind: 'open', variant: await version(1), expect: undefined }, 'a test')
    const traffic = { mode: 'split', share: 0.25, salt: 'x', sticky: null, slowMs: null } as const
    const rollout = { id: 'risks-1', candidate: await version(2), ...traffic }
    const begin = { kind: 'begin', rollout, expect: undefined } as const
    await writeRoute(store, 'risks', begin, 'a test')
    await decide(2, 'Rejected', 'too slow')
    expect(await sync()).toMatchObject({
      code: 13,
      inForce: [{ as: 'candidate', of: 'risks', version: 2, next: 'next: slipway rollback risks' }],
    })
    // A beginning that is asked for again, as after a crash, is no new one.
    expect((await writeRoute(store, 'risks', begin, 'a test')).rollout?.id).toBe('risks-1')
    expect(await sync('--roll-back')).toMatchObject({ code: 0, inForce: [{ rolledBack: true }] })
    expect(await readRoute(store, 'risks')).toMatchObject({ champion: { version: 1 }, rollout: null })
    await decide(1, 'Rejected', 'nothing is good enough')
    expect(await sync('--roll-back')).toMatchObject({
      code: 13,
      inForce: [{ as: 'champion', version: 1, rolledBack: false, next: expect.stringContaining('train another') }],
    })
  })
})
