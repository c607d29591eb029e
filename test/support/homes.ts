import type { TestProject } from './project.ts'

/**
 * Made-up homes with two prices and how late the post comes there: `price` in the thousands, `rent` two digits smaller,
 * and a delay whose spread grows with the distance.
 * @param rent of rows, by SQL
 */
export const homesSql = (
  rows = 3_000,
  { from = 0, rent = '2000 + 4 * area + 40 * rooms - 30 * distance + 60 * noise' } = {},
) => `
  WITH measured AS (
    SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day, 30 + (i * 7919) % 120 AS area,
      1 + (i * 31) % 5 AS rooms, ((i * 104729) % 400) / 10.0 AS distance, ['north', 'south'][1 + (i * 13) % 2] AS side,
      ((i * 2654435761) % 1000) / 1000.0 - 0.5 AS noise, ((i * 40503) % 997) / 997.0 AS chance
    FROM range(${from}, ${from + rows}) t(i)
  )
  SELECT id, day, area, rooms, distance, side,
    (3000 * area + 9000 * rooms - 80 * distance + 20000 * noise)::DOUBLE AS price, (${rent})::DOUBLE AS rent,
    (5 + distance * chance)::DOUBLE AS delay
  FROM measured ORDER BY id`

/** Writes a pipeline over homes. @param learner and what it needs imported, as text */
export function writeHomes(
  project: TestProject,
  {
    name,
    imports,
    target,
    learner,
    must,
    features = '({ area, rooms, distance, side }: { area: Float64Array; rooms: Float64Array; distance: Float64Array; side: readonly string[] }) { return { area, rooms, distance, side } }',
    more = '',
    file = 'data/homes.parquet',
  }: Readonly<Record<'name' | 'imports' | 'target' | 'learner' | 'must', string>> & {
    readonly features?: string
    readonly more?: string
    readonly file?: string
  },
): void {
  project.write(
    `pipelines/${name}/schema.ts`,
    `import { z } from 'zod'
export const Home = z.object({
  id: z.int(), day: z.date(), area: z.int(), rooms: z.int(), distance: z.number(), side: z.enum(['north', 'south']),
  price: z.number(), rent: z.number(), delay: z.number(),
})
`,
  )
  project.write(`pipelines/${name}/features.ts`, `export function features${features}\n`)
  project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { pipeline, psi, ${imports} } from 'slipway'
import { features } from './features.ts'
import { Home } from './schema.ts'
export default pipeline('${name}', (p) => {
  const homes = p.snapshot('homes', { from: '${file}', schema: Home })
  const parts = p.split(homes, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('homes', { on: parts, features, target: ${target}, learner: ${learner}, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: ${must} })
  ${more}
})
`,
  )
}
