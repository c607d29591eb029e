import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { BatchManifest, type BatchRecord } from '../../lib/formats/batch-records.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { getJson } from '../../lib/store/objects.ts'
import { batchWorkflowId } from '../../workflows/messages.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { applications } from '../support/batch-place.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { fakeRole, fakeSettings } from '../support/sagemaker.ts'

const image = '123456789012.dkr.ecr.us-east-1.amazonaws.com/slipway:1'
const definition = `import { auc, binary, pipeline, sagemakerTransform, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

const on = sagemakerTransform({ image: '${image}', role: '${fakeRole}', instance: 'ml.m5.large', count: 2, timeout: '5m' })
export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'credit', allAtOnce: true })
  p.batch(live, 'here', { from: 'in/{date}/*.parquet', to: 'here/{date}/', maxBadRows: 0.1 })
  p.batch(live, 'there', { from: 'in/{date}/*.parquet', to: 'there/{date}/', maxBadRows: 0.1, on })
})
`

const why = whyNoContainers()
describe.skipIf(why !== undefined)(`batches on SageMaker${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  let place: Place
  let fake: Fake
  beforeAll(async () => {
    // The fake reads and writes the bucket that the place has: its address is known once that is there.
    const settings: Record<string, string> = {}
    place = await openPlace(settings)
    fake = await startFake({
      s3: place.store.store.client,
      images: {
        [image]: {
          serve: [process.execPath, join(packageRoot, 'dist/serve.js')],
          env: { SLIPWAY_GATEWAY_HOST: '127.0.0.1', SLIPWAY_DRAIN_MS: '0' },
        },
      },
    })
    Object.assign(settings, fakeSettings(fake.address))
    Object.assign(place.env, settings)
    place.worker.kill()
    await place.project.data('data/loans.parquet', loansSql())
    writeLoans(place.project, { body: definition })
    const run = await place.run('run', 'loans', '--wait', '--json')
    if (run.code !== 0) throw new Error(run.stderr)
  }, 180_000)
  afterAll(async () => {
    await place.close()
    await fake.stop()
  })

  type Published = BatchRecord & { readonly shards: number; readonly cachedShards: number; readonly cached: boolean }
  const published = async (...args: string[]): Promise<Published> => {
    const result = await place.run('batch', 'loans', ...args, '--json')
    if (result.code !== 0) throw new Error(`${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
    return JSON.parse(result.stdout)
  }
  const manifestOf = ({ manifest }: BatchRecord): Promise<BatchManifest> =>
    getJson(place.store.store, manifest.digest, BatchManifest)
  const created = (day: string): number =>
    fake.world.requests.filter(
      ({ operation, request, error }) =>
        operation === 'CreateTransformJob' && error === undefined && JSON.stringify(request).includes(day),
    ).length

  it('come out as the same bytes that scoring them here makes, every row once', async () => {
    // Rows 0 to 2999 in two files, 30 of them without an income.
    await place.project.data('in/2001-06-01/a.parquet', applications(0, 2_000))
    await place.project.data(
      'in/2001-06-01/b.parquet',
      `SELECT * REPLACE (CASE WHEN id % 100 = 7 THEN NULL ELSE income END AS income) FROM (${applications(2_000, 1_000)})`,
    )
    const here = await published('here', '--date', '2001-06-01')
    const there = await published('there', '--date', '2001-06-01')
    const [own, theirs] = [await manifestOf(here), await manifestOf(there)]
    expect(there.rows).toEqual(here.rows)
    expect(theirs.parts).toEqual(own.parts)
    expect(theirs.quarantine.map(({ rows }) => rows)).toEqual(own.quarantine.map(({ rows }) => rows))
    expect(theirs.merkleRoot).toBe(own.merkleRoot)
    expect(created('2001-06-01')).toBe(1)
    // Nothing of it is left but the model, which the next batch needs.
    const left = await listKeys(place.store.store, 'sagemaker/', 1_000)
    expect(left.filter((key) => !key.startsWith('sagemaker/models/'))).toEqual([])
    const verified = await place.run('verify', 'loans/there/2001-06-01')
    expect([verified.code, verified.stderr]).toEqual([0, expect.any(String)])
  })

  it('go on where they were when the worker is killed: the job is begun once', async () => {
    await place.project.data('in/2001-06-02/a.parquet', applications(5_000, 2_000))
    fake.world.script.addBehaviour({ resource: 'transform-job', does: 'is slow', ms: 4_000 })
    const going = published('there', '--date', '2001-06-02')
    await eventually(async () => created('2001-06-02') === 1)
    place.worker.kill()
    const there = await going
    expect(created('2001-06-02')).toBe(1)
    const here = await published('here', '--date', '2001-06-02')
    expect((await manifestOf(there)).merkleRoot).toBe((await manifestOf(here)).merkleRoot)
  })

  it('stop their job when they are cancelled, and the next one scores what is left', async () => {
    await place.project.data('in/2001-06-03/a.parquet', applications(8_000, 500))
    fake.world.script.addBehaviour({ resource: 'transform-job', does: 'never starts' })
    const going = place.run('batch', 'loans', 'there', '--date', '2001-06-03', '--json')
    await eventually(async () => created('2001-06-03') === 1)
    const connection = await Connection.connect({ address: place.temporal })
    await new Client({ connection }).workflow.getHandle(batchWorkflowId('loans', 'there', '2001-06-03')).cancel()
    expect((await going).code).not.toBe(0)
    await connection.close()
    const stops = fake.world.requests.filter(({ operation }) => operation === 'StopTransformJob')
    expect(stops).toHaveLength(1)
    const there = await published('there', '--date', '2001-06-03')
    expect([there.rows.scored, created('2001-06-03')]).toEqual([500, 2])
  })

  it('say why a job failed, and score the rest by another job when they are asked again', async () => {
    await place.project.data('in/2001-06-04/a.parquet', applications(9_000, 500))
    fake.world.script.addBehaviour({
      resource: 'transform-job',
      does: 'fails',
      reason: 'InternalServerError: We encountered an internal error. Please try again.',
    })
    const failed = await place.run('batch', 'loans', 'there', '--date', '2001-06-04')
    expect([failed.code, failed.stderr]).toEqual([
      11,
      expect.stringMatching(/SAGEMAKER_JOB_FAILED[\s\S]*We encountered an internal error[\s\S]*CloudWatch/),
    ])
    const there = await published('there', '--date', '2001-06-04')
    expect([there.rows.scored, created('2001-06-04')]).toEqual([500, 2])
  })

  it('are not misled by answers in another order, and refuse where one is missing', async () => {
    await place.project.data('in/2001-06-05/a.parquet', applications(9_500, 500))
    fake.world.script.addBehaviour({ resource: 'transform-job', does: 'loses an answer' })
    const broken = await place.run('batch', 'loans', 'there', '--date', '2001-06-05')
    expect([broken.code, broken.stderr]).toEqual([11, expect.stringMatching(/SAGEMAKER_OUTPUT[\s\S]*1 of 500 rows/)])
    fake.world.script.addBehaviour({ resource: 'transform-job', does: 'answers backwards' })
    const there = await published('there', '--date', '2001-06-05')
    const here = await published('here', '--date', '2001-06-05')
    expect((await manifestOf(there)).merkleRoot).toBe((await manifestOf(here)).merkleRoot)
  })
})
