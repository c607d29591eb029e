import { expect, it } from 'vitest'
import { planRows } from '../../cli/plan-table.ts'
import { summaryLines } from '../../cli/report.ts'
import { comesAfter, type PlannedStep } from '../../client/plan-run.ts'
import { runDocument } from '../../client/run-document.ts'
import { inOneLine } from '../../client/under-way.ts'
import { outlineOf, type PlanOutline } from '../../lib/formats/plan-outline.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { branchedPlan } from '../support/branched-plans.ts'
import { samplePlan } from '../support/plans.ts'

const planned = (outline: PlanOutline): PlannedStep[] => {
  const after = comesAfter(outline)
  return outline.steps.map(({ id: step, kind }) => {
    const told = { step, kind, state: 'runs', reason: 'has not run before', stepKey: null } as const
    return { ...told, after: after.get(step) ?? [] }
  })
}

it('a plan is shown as the graph it is: what each step comes right after', () => {
  const plan = outlineOf(branchedPlan(2))
  expect(planRows(planned(plan)).map(([step, after]) => [step, after])).toEqual([
    ['rows', ''],
    ['validate', 'rows'],
    ['b001/split', 'validate'],
    ['b001/model', 'b001/split'],
    ['b001/package', 'b001/model'],
    ['b001/evaluate', 'b001/package'],
    ['b001/gate', 'b001/evaluate'],
    ['b002/split', 'validate'],
    ['b002/model', 'b002/split'],
    ['b002/package', 'b002/model'],
    ['b002/evaluate', 'b002/package'],
    ['b002/gate', 'b002/evaluate'],
    ['b001/register', 'b001/gate'],
    ['b002/register', 'b002/gate'],
  ])
  expect(comesAfter(outlineOf(samplePlan({ deploy: true }))).get('deploy')).toEqual(['register'])
})

it('of many branches the first is shown, and what the others would do', () => {
  const plan = outlineOf(branchedPlan(250))
  const rows = planRows(planned(plan))
  expect(rows).toHaveLength(2 + 6 + 1)
  expect(rows.at(-1)).toEqual([
    'b002 … b250',
    '',
    'the same',
    '249 branches more, whose steps would: 0 be reused, 1494 run, 0 run always',
  ])
})

it('a run shows one step by what it does, and several by how far it is', () => {
  const progress = { steps: { all: 14, doneElsewhere: 0 } }
  expect(inOneLine([], progress, 3)).toBeUndefined()
  expect(inOneLine([{ step: 'split', what: 'splitting', done: 0.1 }], progress, 2)).toEqual({
    step: 'split',
    what: 'splitting',
    done: 0.1,
  })
  const several = ['b001', 'b002', 'b003', 'b004', 'b005'].map((branch, i) => ({
    step: `${branch}/model`,
    what: 'growing trees',
    done: i === 4 ? null : i / 10,
  }))
  expect(inOneLine(several, progress, 7)).toEqual({
    step: '7/14',
    what: '5 at once: b001/model 0 %, b002/model 10 %, b003/model 20 %, b004/model 30 % and 1 more',
    done: 0.5,
  })
})

it('the end of a run names the branches that failed, and what never began for that', () => {
  const failure = { step: 'b002/model', code: 'SINGLE_CLASS', message: 'all labels are 0' }
  const record = {
    runId: 'r',
    status: 'failed',
    plan: { digest: `sha256:${'0'.repeat(64)}` },
    steps: [],
    gates: [],
    model: null,
    metrics: {},
    rollout: null,
    error: { ...failure, next: 'mend it' },
    notBegun: [{ name: 'b002/package', because: 'b002/model' }],
    branches: [
      { name: 'b001', status: 'succeeded', model: 'sample-b001 version 1', failure: null },
      { name: 'b002', status: 'failed', model: null, failure },
    ],
    origin: {},
  } as unknown as RunRecord
  expect(summaryLines(runDocument(record), 'link').join('\n')).toContain(
    [
      '  b002: failed: all labels are 0',
      '  1 of 2 branches ended well',
      '  never begun: b002/package (needs b002/model)',
      '  next: mend it',
    ].join('\n'),
  )
})
