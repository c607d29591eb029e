import { afterAll, beforeAll, expect, it } from 'vitest'
import { newProject } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

/* A definition larger than what Temporal carries: 300 columns, and a column with 10,000 values it may hold. */
const columns = 300
const project = newProject()
beforeAll(async () => {
  const numbers = Array.from({ length: columns }, (_, j) => `(hash(i * 4096 + ${j}) % 1000) / 1000 AS c${j}`)
  const row = `i AS id, ${numbers.join(', ')}, 'SKU-' || lpad((i * 7 % 10000)::VARCHAR, 8, '0') AS sku`
  await project.data('data/wide.csv', `SELECT *, (c0 > 0.5)::INT AS late FROM (SELECT ${row} FROM range(600) t(i))`)
  project.write(
    'pipelines/wide/schema.ts',
    `import { z } from 'zod'
const skus = Array.from({ length: 10000 }, (_, i) => \`SKU-\${String(i).padStart(8, '0')}\`)
const numbers = Array.from({ length: ${columns} }, (_, i) => [\`c\${i}\`, z.number().nullable()] as const)
export const Row = z.object({
  id: z.int(), ...Object.fromEntries(numbers), sku: z.enum(skus as [string, ...string[]]), late: z.int().min(0).max(1),
})
`,
  )
  project.write(
    'pipelines/wide/features.ts',
    `export const features = ({ id, sku, ...numbers }: Record<string, Float64Array>) => numbers
export const yes = (late: Float64Array) => Uint8Array.from(late)
`,
  )
  project.write(
    'pipelines/wide/pipeline.ts',
    `import { auc, binary, pipeline, trees } from 'slipway'
import { features, yes } from './features.ts'
import { Row } from './schema.ts'
export default pipeline('wide', (p) => {
  const rows = p.validate(p.snapshot('rows', { from: 'data/wide.csv', schema: Row }), { unique: [['id']] })
  const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
  const model = p.train('model', { on: parts, features: features as never, target: binary('late', yes as never), learner: trees({ trees: 10, leaves: 7 }), seed: 1 })
  p.gate(p.package(model), { on: parts.test, must: [auc.atLeast(0.9)] })
})
`,
  )
  expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
})
afterAll(async () => {
  await slipway(project.root, ['down'])
  project.remove()
})

it('a wide table goes through a run, which shows what it read', async () => {
  const ran = await slipway(project.root, ['run', 'wide', '--wait', '--json'])
  expect(ran.code, `${ran.stderr}${ran.stdout}`).toBe(0)
  const { runId } = JSON.parse(ran.stdout)
  const { stdout } = await slipway(project.root, ['show', runId])
  expect(stdout).toMatch(/600 rows in 1 file, 303 columns/)
  expect(stdout).toMatch(/^id +0 +599 +0 +600$/m)
  expect(stdout).toMatch(/and 283 more columns: slipway show [0-9a-f]{12}/)
  const card = (await slipway(project.root, ['show', 'wide'])).stdout
  expect(card).toContain('| id | 0 | 599 | 0 | 600 |')
  expect(card).toContain('and 253 more columns')
  // Everything is found again by the same keys.
  const again = JSON.parse((await slipway(project.root, ['run', 'wide', '--wait', '--json'])).stdout)
  expect(
    again.steps
      .filter(({ stepKey }: { stepKey: string }) => stepKey !== '')
      .every((step: { cached: boolean }) => step.cached),
  ).toBe(true)
})
