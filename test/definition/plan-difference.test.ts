import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { binary, pipeline, trees } from '../../lib/definition/index.ts'
import { planAsOf, planAsOfOther } from '../../lib/definition/plan-as-of.ts'
import type { CodeRef, Plan } from '../../lib/formats/plan.ts'
import { planDifference } from '../../lib/formats/plan-difference.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { restsOn } from '../../lib/formats/rests-on.ts'
import { branchedPlan } from '../support/branched-plans.ts'
import { samplePlan } from '../support/plans.ts'

const codeWith = (digit: string): CodeRef => ({
  name: 'f',
  file: 'f.ts',
  digest: `sha256:${digit.repeat(64)}`,
  host: {},
})
const Row = z.object({ id: z.int(), day: z.date(), x: z.number(), y: z.int() })

const plan = ({
  code = 'c',
  leaves = 31,
  test = '7d' as const,
  more = false,
  window = '90d' as '90d' | '30d',
} = {}): Plan =>
  pipeline('sample', (p) => {
    const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
    if (more) p.validate(rows)
    const parts = p.split(rows, { by: 'day', test, validation: '7d', window })
    const learner = trees({ trees: 3, leaves })
    p.package(p.train('model', { on: parts, features: ({ x }) => ({ x }), target: binary('y'), learner, seed: 1 }))
  }).compile(() => codeWith(code))

describe('a plan that was made anew', () => {
  it('does not differ where nothing was edited', () => {
    expect(planDifference(plan(), plan())).toBeNull()
  })

  it('differs at the first step that does, with the setting or the code', () => {
    expect(planDifference(plan(), plan({ leaves: 15 }))).toEqual({
      step: 'model',
      kind: 'train',
      how: ['learner.leaves 31→15'],
    })
    expect(planDifference(plan(), plan({ code: 'd', leaves: 15 }))).toMatchObject({
      step: 'model',
      how: ['code of features', 'learner.leaves 31→15'],
    })
  })

  it('differs by steps that it has not, or has besides', () => {
    expect(planDifference(plan({ more: true }), plan())).toMatchObject({
      kind: 'validate',
      how: ['the plan made anew has no such step'],
    })
    expect(planDifference(plan(), plan({ more: true }))).toMatchObject({
      kind: 'validate',
      how: ['the plan on record has no such step'],
    })
  })
})

describe('a plan as of what another one was as of', () => {
  const day = '2026-01-05T00:00:00.000Z'

  it('is that plan where the definition is the same, and keeps what was edited', () => {
    const recorded = planAsOf(plan(), day)
    expect(planAsOfOther(plan(), recorded, { withWindows: false })).toEqual(recorded)
    expect(
      planDifference(recorded, planAsOfOther(plan({ leaves: 15 }), recorded, { withWindows: false })),
    ).toMatchObject({
      how: ['learner.leaves 31→15'],
    })
  })

  it('takes the window of a retraining over, which is its own, and of no other run', () => {
    const recorded = planAsOf(plan(), day, 86_400_000)
    expect(planAsOfOther(plan(), recorded, { withWindows: true })).toEqual(recorded)
    const edited = planAsOf(plan({ window: '30d' }), day)
    expect(planDifference(edited, planAsOfOther(plan(), edited, { withWindows: false }))).toMatchObject({
      kind: 'split',
    })
  })
})

describe('what a package rests on', () => {
  const idsOf = (steps: readonly { readonly id: string }[]): string[] => steps.map(({ id }) => id)

  it('are the steps that made, measured and judged it; what decides or takes effect is left', () => {
    const outline = outlineOf(samplePlan({ deploy: true }))
    const { again, left } = restsOn(outline, 'package')
    expect(again.map(({ kind }) => kind)).toEqual([
      'snapshot',
      'validate',
      'split',
      'train',
      'package',
      'evaluate',
      'gate',
    ])
    expect(new Set(left.map(({ kind }) => kind))).toEqual(new Set(['approve', 'register', 'deploy']))
  })

  it('are of a branch its own steps, and those it reads from', () => {
    const outline = outlineOf(branchedPlan(3))
    const packages = outline.steps.filter(({ kind }) => kind === 'package')
    const [first, second] = packages.map(({ id }) => restsOn(outline, id))
    const branchOf = (id: string): string => id.split('/').slice(0, -1).join('/')
    expect(new Set(idsOf(first?.again ?? []).map(branchOf))).toEqual(new Set(['', branchOf(packages[0]?.id ?? '')]))
    expect(new Set(idsOf(second?.again ?? []).map(branchOf))).toEqual(new Set(['', branchOf(packages[1]?.id ?? '')]))
  })
})
