import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The settings of somebody who lets nothing pass, not in libraries either. */
export const strictSettings = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
    noEmit: true,
  },
}

const schema = `import { z } from 'zod'

export const House = z.object({
  id: z.int(),
  area: z.number().min(20),
  rooms: z.int().min(1),
  town: z.enum(['Bonn', 'Kiel', 'Ulm']),
  price: z.number().min(0),
})
export type House = z.infer<typeof House>
`

const features = `import type { ColumnsOf } from 'slipway'
import type { House } from './schema.ts'

export function features({ area, rooms, town }: ColumnsOf<Omit<House, 'price'>>) {
  return { area, perRoom: Float64Array.from(area, (each, i) => each / (rooms[i] ?? 1)), town }
}
`

const pipelineWith = (
  learner: string,
): string => `import { learner, mae, pipeline, r2, regression, trees } from 'slipway'
import { features } from './features.ts'
import { House } from './schema.ts'

/** Learners that this project tries. */
export const tried = { trees: trees({ trees: 20, leaves: 7 }), winsorized: learner('winsorized', { share: 0.05 }) }

export default pipeline('houses', (p) => {
  const houses = p.validate(p.snapshot('houses', { from: 'data/houses.csv', schema: House }), { unique: [['id']] })
  const parts = p.split(houses, { byHashOf: 'id', validation: 0.2, test: 0.3 })
  const prices = p.train('prices', { on: parts, features, target: regression('price'), learner: tried.${learner}, seed: 1 })
  p.gate(p.package(prices), { on: parts.test, must: [r2.atLeast(0), mae.atMost(500_000)], champion: 'not compared' })
})
`

const pipelineTest = `import { tryPipeline } from 'slipway/testing'
import { expect, it } from 'vitest'
import houses from '../pipelines/houses/pipeline.ts'

const towns = ['Bonn', 'Kiel', 'Ulm'] as const
const rows = Array.from({ length: 60 }, (_, id) => ({
  id,
  area: 40 + ((id * 7) % 90),
  rooms: 1 + (id % 5),
  town: towns[id % 3],
  price: 2_000 * (40 + ((id * 7) % 90)),
}))

it('is carried out on sixty houses, up to its gates', async () => {
  const { steps, gates } = await tryPipeline(houses, rows)
  expect(steps.map(({ kind }) => kind)).toEqual(['snapshot', 'validate', 'split', 'train', 'package', 'evaluate', 'gate'])
  expect(gates.length).toBeGreaterThan(0)
})
`

const adapter = `import { type Learner, learner, linearLearner } from 'slipway/extend'
import { z } from 'zod'

const Parameters = z.strictObject({ kind: z.literal('winsorized'), share: z.number().gt(0).lt(0.5) })

/** Ridge regression whose largest labels are drawn in first. */
export const capped: Learner<z.infer<typeof Parameters>> = {
  kind: 'winsorized',
  parameters: Parameters,
  categoryOrder: (_, texts) => linearLearner.categoryOrder({ kind: 'linear', l2: 1 }, texts),
  train({ parameters: { share }, ...order }, onProgress) {
    const sorted = [...order.train.labels].sort((a, b) => a - b)
    const most = sorted[Math.floor((1 - share) * (sorted.length - 1))] ?? 0
    const labels = order.train.labels.map((label) => Math.min(most, label))
    const parameters = { kind: 'linear' as const, l2: 1 }
    return linearLearner.train({ ...order, parameters, train: { ...order.train, labels } }, onProgress)
  },
}

export const winsorized = learner(capped)
`

const adapterTest = `import { describeLearner } from 'slipway/contract-tests'
import { capped } from '../adapters/capped-learner.ts'

describeLearner('capped ridge', capped, {
  parameters: { kind: 'winsorized', share: 0.05 },
  refused: [{ share: 0 }],
})
`

const configuration = `import { defineConfig } from 'slipway/extend'
import { winsorized } from './adapters/capped-learner.ts'

export default defineConfig({ extend: [winsorized] })
`

const program = `import { createClient, type RunDocument, SlipwayError } from 'slipway/client'

const client = createClient()
let ended: RunDocument | undefined
try {
  const { runId } = await client.runs.start('houses')
  for await (const event of client.runs.follow(runId)) {
    if (event.kind === 'step') console.log(event.step.name, event.step.summary)
    if (event.kind === 'ended') ended = event.run
  }
  const [houses] = await client.models.list()
  console.log(ended?.gates.map(({ passed }) => passed), houses?.versions.length)
} catch (error) {
  if (!(error instanceof SlipwayError)) throw error
  console.log(error.code, error.exitCode)
} finally {
  await client.close()
}
`

/** A learner of the pipeline: Slipway's own, or the one that the project adds. */
export type StrangerLearner = 'trees' | 'winsorized'

/** Writes the definition as it is with a learner. */
export function writeDefinition(root: string, learner: StrangerLearner): void {
  write(root, 'pipelines/houses/pipeline.ts', pipelineWith(learner))
}

/**
 * A project of somebody who has nothing but the package: a pipeline over a file of theirs, an adapter, tests of both,
 * and a program that starts runs. What is in `package.json` besides is the test's own.
 */
export function writeStranger(root: string, manifest: Readonly<Record<string, unknown>> = {}): void {
  write(root, 'package.json', JSON.stringify({ name: 'houses', private: true, type: 'module', ...manifest }, null, 2))
  write(root, 'tsconfig.json', JSON.stringify(strictSettings, null, 2))
  write(root, 'pipelines/houses/schema.ts', schema)
  write(root, 'pipelines/houses/features.ts', features)
  writeDefinition(root, 'trees')
  write(root, 'tests/houses.test.ts', pipelineTest)
  write(root, 'tests/capped.test.ts', adapterTest)
  write(root, 'adapters/capped-learner.ts', adapter)
  write(root, 'slipway.config.ts', configuration)
  write(root, 'programs/run-houses.ts', program)
  const rows = Array.from({ length: 900 }, (_, id) => {
    const area = 30 + ((id * 7919) % 170)
    const town = ['Bonn', 'Kiel', 'Ulm'][(id * 31) % 3]
    return `${id},${area},${1 + Math.floor(area / 30)},${town},${area * 3_000 + ((id * 104_729) % 20_000)}`
  })
  write(root, 'data/houses.csv', `id,area,rooms,town,price\n${rows.join('\n')}\n`)
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}
