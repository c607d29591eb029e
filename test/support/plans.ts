import { z } from 'zod'
import { auc, binary, lookup, pipeline, trees } from '../../lib/definition/index.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'

const code: CodeRef = { name: 'features', file: 'features.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }
const Row = z.object({ id: z.int(), x: z.number(), y: z.int() })

/** A plan with every kind of step, made by the builder. */
export function samplePlan({ approval = true, deploy = false, looksUp = false } = {}): Plan {
  const definition = pipeline('sample', (p) => {
    const rows = p.validate(p.snapshot('rows', { from: 'rows.parquet', schema: Row }))
    const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.2 })
    const model = p.train('model', {
      on: parts,
      features: ({ x }: { x: Float64Array }) => ({ x }),
      target: binary('y', (y: Float64Array) => Uint8Array.from(y)),
      learner: trees({ trees: 3 }),
      seed: 1,
    })
    const candidate = p.package(model)
    p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.01 })] })
    const look = lookup('history', { on: 'id', columns: 'x' })
    if (deploy) p.deploy(candidate, { endpoint: 'sample', canary: { steps: [5, 50] }, lookup: looksUp ? [look] : [] })
    if (approval) p.approve(candidate, { role: 'ml-lead', within: '24h', otherwise: 'reject' })
  })
  return definition.compile(() => code)
}
