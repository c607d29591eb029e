import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRetrainActivities } from '../../activities/retrain.ts'
import type { ActivityDeps } from '../../activities/step.ts'
import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline, publishPlan } from '../../lib/code/plan.ts'
import { adaptersOf } from '../../lib/extensions/adapters.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import { SourceContents } from '../../lib/formats/source-contents.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { establishMonitor } from '../../lib/store/monitors.ts'
import { getJson } from '../../lib/store/objects.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import type { RunInput } from '../../workflows/messages.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * Retrainings run by themselves, on workers: they read what lies below SLIPWAY_SOURCES, as batches do, and nothing
 * else.
 */
let server: TestBucket
const project = newProject()
const elsewhere = newProject()

const definition = (
  from: string,
  more = '',
): string => `import { pipeline, psi, regression, rmse, trees } from 'slipway'
import { z } from 'zod'
import { features } from './features.ts'

export default pipeline('prices', (p) => {
  const rows = p.snapshot('rows', { from: '${from}', ${more} schema: z.object({ id: z.int(), x: z.number(), y: z.number() }) })
  const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
  const model = p.train('price', { on: parts, features, target: regression('y'), learner: trees({ trees: 5 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [rmse.atMost(1)] })
  p.monitor(p.deploy(candidate, { endpoint: 'prices', allAtOnce: true }), { every: '1h', drift: psi.over(0.2), retrain: {} })
})
`

/** What a retraining of a pipeline that reads from there would read. */
async function sourcesOf(
  { root }: TestProject,
  from: string,
  { more = '', asOf = null }: { more?: string; asOf?: string | null } = {},
): Promise<readonly string[]> {
  project.write('pipelines/prices/pipeline.ts', definition(from, more))
  const planned = await planPipeline(project.root, 'prices', hostVersions())
  const { digest: plan } = await publishPlan(server.store, undefined, planned)
  const step = planned.plan.steps.find(({ kind }) => kind === 'monitor') as StepOf<'monitor'>
  await establishMonitor(server.store, { pipeline: 'prices', step, plan }, { run: 'by-hand', isRetraining: false })
  const adapters = await adaptersOf(project.root, server)
  const deps = { store: server.store, sources: root, adapters } as Partial<ActivityDeps> as ActivityDeps
  const { prepareRetraining } = createRetrainActivities(deps)
  const order = { pipeline: 'prices', run: 'r', cause: 'test', asOf }
  const { sources } = (await new MockActivityEnvironment().run(prepareRetraining, order)) as RunInput
  const files = await getJson(server.store, sources.rows as string, SourceContents)
  return files.map(({ name }) => name ?? '')
}

beforeAll(async () => {
  server = await openTestBucket()
  project.write('pipelines/prices/features.ts', 'export const features = ({ x }: { x: Float64Array }) => ({ x })\n')
  project.write('data/a.csv', 'id,x,y\n1,2,3\n')
  elsewhere.write('secret.csv', 'id,x,y\n7,8,9\n')
  mkdirSync(join(elsewhere.root, 'more'))
  elsewhere.write('more/b.csv', 'id,x,y\n7,8,9\n')
  const variant = { model: 'prices', version: 1, digest: digestOf('any') }
  await writeRoute(server.store, 'prices', { kind: 'open', variant }, 'test')
})
afterAll(async () => {
  await server.stop()
  project.remove()
  elsewhere.remove()
})

describe('a retraining', () => {
  it('reads what its sources hold now, by whatever path leads below the folder', async () => {
    expect(await sourcesOf(project, 'data/*.csv')).toEqual(['data/a.csv'])
    expect(await sourcesOf(project, 'data/../data/a.csv')).toEqual(['data/a.csv'])
    expect(await sourcesOf(project, join(project.root, 'data/a.csv'))).toEqual(['data/a.csv'])
    symlinkSync(join(project.root, 'data'), join(project.root, 'linked'))
    expect(await sourcesOf(project, 'linked/a.csv')).toEqual(['linked/a.csv'])
  })

  it('reads objects of S3, and files by days up to the newest one whose outcome is known', async () => {
    const { client, bucket } = server.store
    for (const day of ['2024-01-01', '2024-01-02', '2024-01-04', '2024-01-05']) {
      project.write(`days/${day}.csv`, `id,x,y\n${day.slice(-1)},2,3\n`)
      const body = `id,x,y\n${day.slice(-1)},2,3\n`
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `lake/${day}.csv`, Body: body }))
    }
    expect(await sourcesOf(project, `s3://${bucket}/lake/*.csv`)).toHaveLength(4)
    const window = { more: "last: '3d',", asOf: '2024-01-04T12:00:00.000Z' }
    expect(await sourcesOf(project, 'days/{date}.csv', window)).toEqual(['days/2024-01-02.csv', 'days/2024-01-04.csv'])
    expect(await sourcesOf(project, `s3://${bucket}/lake/{date}.csv`, window)).toEqual(
      ['2024-01-02', '2024-01-04'].map((day) => `s3://${bucket}/lake/${day}.csv`),
    )
  })

  it('opens nothing outside of it: by dots, by an absolute path, by a link to a file or to a folder', async () => {
    const refused = { type: 'SOURCE_MISSING', message: expect.stringContaining('not below the folder') }
    await expect(sourcesOf(project, '../secret.csv')).rejects.toMatchObject(refused)
    await expect(sourcesOf(project, join(elsewhere.root, 'secret.csv'))).rejects.toMatchObject(refused)
    symlinkSync(join(elsewhere.root, 'secret.csv'), join(project.root, 'data/z.csv'))
    await expect(sourcesOf(project, 'data/z.csv')).rejects.toMatchObject(refused)
    await expect(sourcesOf(project, 'data/*.csv')).rejects.toMatchObject(refused)
    rmSync(join(project.root, 'data/z.csv'))
    symlinkSync(join(elsewhere.root, 'more'), join(project.root, 'data/more'))
    await expect(sourcesOf(project, 'data/more/*.csv')).rejects.toMatchObject(refused)
  })
})
