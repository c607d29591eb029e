import { describe, expect, it } from 'vitest'
import { auc } from '../../lib/definition/index.ts'
import { graphOf } from '../../lib/formats/plan-graph.ts'
import { outlineOf, type PlanOutline } from '../../lib/formats/plan-outline.ts'
import { topBranchOf } from '../../lib/formats/step-id.ts'
import { readsOf } from '../../lib/formats/step-inputs.ts'
import { branchGroups } from '../../lib/stats/branch-groups.ts'
import { outlineOfGroup, outlineOfRun } from '../../lib/stats/shared-outline.ts'
import { payloadLimit } from '../../workflows/payload-converter.ts'
import { branchedPlan, branchNames, common, planOf, Row } from '../support/branched-plans.ts'
import { samplePlan } from '../support/plans.ts'

const outline = (...given: Parameters<typeof branchedPlan>): PlanOutline => outlineOf(branchedPlan(...given))
const idsOf = ({ steps, others = [] }: PlanOutline): string[] =>
  steps.flatMap(({ id }) => (others.includes(id) ? [] : [id]))

describe('a plan as a graph', () => {
  const needsOf = (plan: PlanOutline, id: string): readonly string[] =>
    graphOf(plan).find((node) => node.id === id)?.needs ?? []

  it('has a registration wait for all gates, guards and approvals of its package, and nothing else of it', () => {
    const plan = outlineOf(samplePlan({ deploy: true }))
    expect(needsOf(plan, 'approve')).toEqual(['package', 'gate'])
    expect(needsOf(plan, 'register')).toEqual(['package', 'gate', 'approve'])
    expect(needsOf(plan, 'deploy')).toEqual(['package', 'gate', 'approve', 'register'])
  })

  it('lets gates of one package stand side by side, and branches know nothing of each other', () => {
    const plan = outlineOf(
      planOf((p) => {
        const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), {
          random: { validation: 0.2, test: 0.2 },
        })
        const candidate = p.package(p.train('model', { ...common, on: parts, seed: 1 }))
        p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)] })
        p.gate(candidate, { on: parts.validation, must: [auc.atLeast(0.5)] })
      }),
    )
    expect(needsOf(plan, 'gate-2')).toEqual(['package', 'split', 'evaluate-2'])
    for (const { id, needs, after } of graphOf(outline(5)))
      for (const other of [...needs, ...after])
        expect(['', topBranchOf(id)], `${id} waits for ${other}`).toContain(topBranchOf(other))
  })

  it('has versions of one model registered in the order of the plan, though one of them fails', () => {
    const plan = outlineOf(
      planOf((p) => {
        const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), {
          random: { validation: 0.2, test: 0.2 },
        })
        for (const name of ['one', 'two']) p.package(p.train(name, { ...common, on: parts, seed: 1 }))
      }),
    )
    expect(graphOf(plan).find(({ id }) => id === 'register-2')).toMatchObject({ after: ['register'] })
  })
})

describe('branches', () => {
  it('are carried out by the run itself while they are few', () => {
    expect(branchGroups(outline(3))).toEqual([])
    expect(outlineOfRun(outline(3))).toEqual(outline(3))
  })

  it('are shared out whole and in order past that, every step once', () => {
    const plan = outline(250)
    const groups = branchGroups(plan)
    expect(groups.flatMap(({ branches }) => branches)).toEqual(branchNames(250))
    for (const { branches, steps } of groups) {
      expect(branches.length).toBeLessThanOrEqual(20)
      expect(steps.length).toBeLessThanOrEqual(80)
    }
    const done = [...idsOf(outlineOfRun(plan)), ...groups.flatMap((_, i) => idsOf(outlineOfGroup(plan, i)))]
    expect([...done].sort()).toEqual(plan.steps.map(({ id }) => id).sort())
  })

  it('know in each workflow all they look at, and fit into a message', () => {
    const plan = outline(500, { endpoints: true })
    const run = outlineOfRun(plan)
    const parts = [run, ...branchGroups(plan).map((_, i) => outlineOfGroup(plan, i))]
    for (const part of parts) {
      expect(JSON.stringify(part).length).toBeLessThan(payloadLimit)
      const known = new Set(part.steps.map(({ id }) => id))
      for (const step of part.steps.filter(({ id }) => idsOf(part).includes(id))) {
        const reads = readsOf(part, step)
        expect(reads).toEqual(readsOf(plan, step))
        for (const read of Object.values(reads)) expect(known).toContain(read.step)
      }
    }
    expect(run.groups?.every(({ reads }) => reads.every((id) => idsOf(run).includes(id)))).toBe(true)
  })

  it('leave to the run what depends on several of them, and what it makes of that', () => {
    const plan = outlineOf(
      planOf((p) => {
        const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), {
          random: { validation: 0.2, test: 0.2 },
        })
        const packages = p.each(branchNames(60), (p) => {
          const made = p.package(p.train('model', { ...common, on: parts, seed: 1 }))
          p.gate(made, { on: parts.test, must: [auc.atLeast(0.5)] })
          return made
        })
        p.gate(packages.b007 as NonNullable<typeof packages.b007>, { on: parts.validation, must: [auc.atLeast(0.4)] })
      }),
    )
    const run = outlineOfRun(plan)
    // All that is decided about the package is decided where one of its gates is in no branch.
    expect(idsOf(run)).toEqual(['rows', 'split', 'b007/gate', 'evaluate', 'gate', 'b007/register'])
    expect(run.groups?.flatMap(({ makes }) => makes)).toEqual(['b007/package', 'b007/evaluate'])
  })

  it('leave to the run what is decided where a person is asked', () => {
    const run = outlineOfRun(outline(40, { approval: true }))
    expect(new Set(run.steps.filter(({ id }) => idsOf(run).includes(id)).map(({ kind }) => kind))).toEqual(
      new Set(['snapshot', 'validate', 'gate', 'approve', 'register']),
    )
    expect(run.groups?.flatMap(({ makes }) => makes)).toContain('b017/package')
  })
})
