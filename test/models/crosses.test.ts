import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBaseline } from '../../lib/models/baseline.ts'
import { type BothEngines, packageBoth, scoreByBoth } from '../support/engines.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let server: TestBucket
let project: TestProject
let both: BothEngines
const source = () => ({ store: server.store, trusted: new Map() })

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  project.write(
    'pipelines/shop/schema.ts',
    "import { z } from 'zod'\nexport const Row = z.object({ town: z.string().nullable(), hour: z.int(), busy: z.int().min(0).max(1) })\n",
  )
  project.write(
    'pipelines/shop/features.ts',
    'export const features = ({ town, hour }: { town: (string | null)[]; hour: Float64Array }) => ({ town, hour })\nexport const busy = (busy: Float64Array) => Uint8Array.from(busy)\n',
  )
  project.write(
    'pipelines/shop/pipeline.ts',
    `import { binary, pipeline, trees } from 'slipway'
import { busy, features } from './features.ts'
import { Row } from './schema.ts'
export default pipeline('shop', (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.parquet', schema: Row })
  const parts = p.split(rows, { byHashOf: 'hour', validation: 0.2, test: 0.2 })
  p.package(p.train('m', { on: parts, features, target: binary('busy', busy), crosses: [['town', 'hour'], ['town']], learner: trees({ trees: 10 }), seed: 1 }))
})
`,
  )
  // Busy where town and hour agree: neither says anything alone.
  await project.data(
    'data/rows.parquet',
    `SELECT CASE WHEN i % 31 = 0 THEN NULL ELSE 'town ' || (i % 7) END AS town, (i // 7) % 24 AS hour,
      CASE WHEN (i % 7 + (i // 7) % 24) % 2 = 0 THEN 1 ELSE 0 END AS busy FROM range(20000) t(i)`,
  )
  both = await packageBoth(project, server.store, 'shop')
})
afterAll(async () => {
  await server.stop()
  project.remove()
})

describe('a model with crosses', () => {
  const rows = { town: ['town 0', 'town 1', 'town 0', null, 'nowhere'], hour: Float64Array.of(2, 2, 3, 4, 5) }

  it('knows what only combinations tell, unseen and missing values too, by both engines alike', async () => {
    const scores = await scoreByBoth(server.store, both, rows)
    const [busy, quiet, other] = scores
    expect(busy).toBeGreaterThan(0.7)
    expect(quiet).toBeLessThan(0.3)
    expect(other).toBeLessThan(0.3)
  })

  it('asks clients for its features only, and weighs drift in them', async () => {
    const { facts, importances } = await readBaseline(source(), both.compiled.digest)
    expect(facts?.features.map(({ name }) => name)).toEqual(['town', 'hour'])
    expect(facts?.crosses).toEqual(['mean(town, hour)', 'mean(town)'])
    expect(Object.keys(importances)).toEqual(['town', 'hour'])
    expect((importances.town as number) + (importances.hour as number)).toBeCloseTo(1, 6)
  })
})
