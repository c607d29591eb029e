import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBaseline } from '../../lib/models/baseline.ts'
import { type BothEngines, packageBoth, scoreByBoth } from '../support/engines.ts'
import { packageModel } from '../support/models.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let project: TestProject
let both: BothEngines
const source = () => ({ store: server.store, trusted: new Map() })
const definition = (options: string): string => `import { binary, pipeline, trees } from 'slipway'
import { busy, features } from './features.ts'
import { Row } from './schema.ts'
export default pipeline('shop', (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.parquet', schema: Row })
  const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features, target: binary('busy', busy), ${options} seed: 1 }))
})
`

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  project.write(
    'pipelines/shop/schema.ts',
    "import { z } from 'zod'\nexport const Row = z.object({ id: z.int(), town: z.string().nullable(), sure: z.number(), busy: z.int().min(0).max(1) })\n",
  )
  project.write(
    'pipelines/shop/features.ts',
    'export const features = ({ town }: { town: (string | null)[] }) => ({ town })\nexport const busy = (busy: Float64Array) => Uint8Array.from(busy)\n',
  )
  project.write(
    'pipelines/shop/pipeline.ts',
    definition("learner: trees({ trees: 10, categories: 'sets' }), weight: 'sure',"),
  )
  // Towns with an even number are busy, but rows nobody is sure of say the opposite. More towns than there are bins.
  await project.data(
    'data/rows.parquet',
    `SELECT i AS id, CASE WHEN i % 31 = 0 THEN NULL ELSE 'town ' || (i % 300) END AS town, (i // 300) % 2 AS sure,
      CASE WHEN (i % 2 = 0) = ((i // 300) % 2 = 1) THEN 1 ELSE 0 END AS busy FROM range(60000) t(i)`,
  )
  both = await packageBoth(project, server.store, 'shop')
})
afterAll(async () => {
  await server.stop()
  project.remove()
})

describe('a model with sets of categories, its rows weighed', () => {
  const rows = { id: Float64Array.of(1, 2, 3, 4), town: ['town 10', 'town 11', null, 'town 99'] }

  it('learns from the rows that weigh something, and both engines say the same', async () => {
    const scores = await scoreByBoth(server.store, both, rows)
    const [even, odd, missing, pastTheBins] = scores
    expect(even).toBeGreaterThan(0.6)
    expect(odd).toBeLessThan(0.4)
    expect(pastTheBins).toBe(missing)
  })

  it('asks clients for no weight', async () => {
    const { facts } = await readBaseline(source(), both.compiled.digest)
    expect(facts?.inputs.map(({ name }) => name)).toEqual(['id', 'town'])
  })
})

describe('weights that are none', () => {
  it.each([
    ['below nought', 'i - 5', /^row \d+ weighs less than 0 by "sure"$/],
    ['all nought', '0', /^all \d+ rows weigh 0 by "sure"$/],
  ])('are refused: %s', async (_, weight, message) => {
    await project.data(
      'data/rows.parquet',
      `SELECT i AS id, 'a' AS town, (${weight})::DOUBLE AS sure, i % 2 AS busy FROM range(100) t(i)`,
    )
    await expect(packageModel(project, server.store, 'shop', 2)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(message),
    })
  })
})
