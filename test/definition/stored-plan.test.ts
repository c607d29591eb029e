import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { auc, binary, pipeline, slice, trees } from '../../lib/definition/index.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'
import { payloadLimit } from '../../workflows/payload-converter.ts'
import { samplePlan } from '../support/plans.ts'

const code: CodeRef = { name: 'features', file: 'features.ts', digest: `sha256:${'c'.repeat(64)}`, host: {} }

function planOf(columns: number, values: number): Plan {
  const numbers = Object.fromEntries(Array.from({ length: columns }, (_, i) => [`column-${i}`, z.number().nullable()]))
  const city = z.enum(Array.from({ length: values }, (_, i) => `city ${i}`) as [string, ...string[]])
  const Row = z.object({ ...numbers, city, late: z.int() })
  const definition = pipeline('sample', (p) => {
    const checked = p.validate(p.snapshot('rows', { from: 'rows.csv', schema: Row }))
    const parts = p.split(checked, { stratifiedBy: 'late', validation: 0.2, test: 0.2 })
    const model = p.train('model', {
      on: parts,
      features: ((rows: object) => rows) as never,
      target: binary('late', (late: Float64Array) => Uint8Array.from(late)),
      learner: trees({ trees: 3 }),
      seed: 1,
    })
    p.gate(p.package(model), { on: parts.test, must: [slice('city', auc.atLeast(0.6))] })
  })
  return definition.compile(() => code)
}

describe('a stored plan', () => {
  it('is the plan again when it is read', () => {
    for (const plan of [samplePlan({ deploy: true }), planOf(5, 5)])
      expect(unpackPlan(JSON.parse(JSON.stringify(packPlan(plan))))).toEqual(plan)
  })

  it('holds every column once, though three steps know it', () => {
    const text = JSON.stringify(packPlan(planOf(3, 4)))
    for (const name of ['column-1', 'city 3']) expect(text.split(`"${name}"`)).toHaveLength(2)
  })

  it('keeps two columns of one name apart that two sources mean differently', () => {
    const plan = planOf(1, 1)
    const [snapshot, ...rest] = plan.steps
    const changed = {
      ...plan,
      steps: [{ ...snapshot, schema: [{ name: 'column-0', type: 'string', nullable: false }] }, ...rest],
    } as Plan
    expect(unpackPlan(packPlan(changed))).toEqual(changed)
  })

  it('of 0.6, with its schemas in place, is read as it is', () => {
    const plan = planOf(2, 2)
    expect(unpackPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
  })
})

describe('the outline of a plan', () => {
  it('is as small for 2,000 columns and 100,000 values as for three and two', () => {
    const size = (plan: Plan): number => JSON.stringify(outlineOf(plan)).length
    const [small, large] = [planOf(2, 2), planOf(2_000, 100_000)]
    expect(JSON.stringify(large).length).toBeGreaterThan(payloadLimit)
    // The summary of one step says how many columns there are.
    expect(size(large) - size(small)).toBe('2002'.length - '4'.length)
  })
})
