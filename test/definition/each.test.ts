import { describe, expect, it } from 'vitest'
import { auc } from '../../lib/definition/index.ts'
import { packPlan, unpackPlan } from '../../lib/formats/stored-plan.ts'
import { branchedPlan, common, planOf, Row } from '../support/branched-plans.ts'

const names = (plan: ReturnType<typeof planOf>): string[] => plan.steps.map(({ id }) => id)

describe('p.each', () => {
  it('records the same steps for every item, with its name in front of them', () => {
    expect(names(branchedPlan(2))).toEqual([
      'rows',
      'validate',
      ...['b001', 'b002'].flatMap((branch) =>
        ['split', 'model', 'package', 'evaluate', 'gate'].map((step) => `${branch}/${step}`),
      ),
      'b001/register',
      'b002/register',
    ])
  })

  it('registers a model a branch, called after pipeline and branch, or as the user says', () => {
    const plan = planOf((p) => {
      const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), {
        random: { validation: 0.2, test: 0.2 },
      })
      p.each(['east', 'west'], (p, region) => {
        const model = p.train('model', { ...common, on: parts, seed: 1 })
        p.deploy(region === 'east' ? p.package(model) : p.package(model, { name: 'far-west' }), {
          endpoint: `sample-${region}`,
          allAtOnce: true,
        })
      })
    })
    const models = plan.steps.flatMap((step) =>
      'model' in step && step.kind !== 'package' ? [[step.id, step.model]] : [],
    )
    expect(Object.fromEntries(models)).toEqual({
      'east/gate': 'sample-east',
      'east/register': 'sample-east',
      'east/deploy': 'sample-east',
      'west/gate': 'far-west',
      'west/register': 'far-west',
      'west/deploy': 'far-west',
    })
  })

  it('returns what a branch returns by name, for use in other branches and outside', () => {
    const plan = planOf((p) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
      const parts = p.split(rows, { random: { validation: 0.2, test: 0.2 } })
      const items = [
        { name: 'few', leaves: 3 },
        { name: 'many', leaves: 30 },
      ] as const
      const packages = p.each(items, (p, { leaves }) =>
        p.package(p.train('model', { ...common, learner: { ...common.learner, leaves }, on: parts, seed: 1 })),
      )
      p.each(items, (p, { name }) => p.gate(packages[name], { on: parts.test, must: [auc.atLeast(0.5)] }))
      p.gate(packages.few, { on: parts.validation, must: [auc.atLeast(0.4)] })
    })
    const gates = plan.steps.flatMap((step) => (step.kind === 'gate' ? [[step.id, step.package, step.model]] : []))
    expect(gates).toEqual([
      ['few/gate', 'few/package', 'sample-few'],
      ['many/gate', 'many/package', 'sample-many'],
      ['gate', 'few/package', 'sample-few'],
    ])
    expect(plan.steps.flatMap((step) => (step.kind === 'train' ? step.learner : []))).toMatchObject([
      { leaves: 3 },
      { leaves: 30 },
    ])
  })

  it('may stand in a branch', () => {
    const plan = planOf((p) => {
      const rows = p.snapshot('rows', { from: 'rows.parquet', schema: Row })
      p.each(['east', 'west'], (p) => {
        const parts = p.split(rows, { random: { validation: 0.2, test: 0.2 } })
        p.each(['q1', 'q2'], (p) => void p.package(p.train('model', { ...common, on: parts, seed: 1 })))
      })
    })
    expect(names(plan)).toContain('east/q1/model')
    expect(plan.steps.flatMap((step) => (step.kind === 'register' ? step.model : []))).toEqual([
      'sample-east-q1',
      'sample-east-q2',
      'sample-west-q1',
      'sample-west-q2',
    ])
  })

  it('may name a source and a model of a branch alike: both keep their kind', () => {
    const plan = planOf((p) => {
      p.each(['east', 'west'], (p) => {
        const parts = p.split(p.snapshot('flights', { from: 'rows.parquet', schema: Row }), {
          random: { validation: 0.2, test: 0.2 },
        })
        p.package(p.train('flights', { ...common, on: parts, seed: 1 }))
      })
    })
    expect(names(plan)).toEqual(expect.arrayContaining(['east/snapshot:flights', 'east/train:flights', 'west/split']))
    expect(plan.steps.find(({ id }) => id === 'west/split')).toMatchObject({ table: 'west/snapshot:flights' })
    expect(plan.steps.find(({ id }) => id === 'west/package')).toMatchObject({ model: 'west/train:flights' })
  })

  it('is stored and read again as it is, with the limit of the pipeline', () => {
    const plan = branchedPlan(3, { parallel: 7, approval: true, endpoints: true })
    expect(plan.parallel).toBe(7)
    expect(unpackPlan(JSON.parse(JSON.stringify(packPlan(plan))))).toEqual(plan)
  })

  const refused = (define: Parameters<typeof planOf>[0], message: RegExp): void =>
    expect(() => planOf(define)).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringMatching(message) }),
    )
  it.each([
    ['an empty list', [], /p\.each was given an empty list/],
    ['two equal names', ['east', 'west', 'east'], /p\.each was given "east" twice/],
    ['two objects of one name', [{ name: 'a' }, { name: 'a' }], /p\.each was given "a" twice/],
    ['a name that is none', ['East Side'], /cannot call a branch "East Side"/],
    ['a path for a name', ['east/q1'], /cannot call a branch "east\/q1"/],
    ['no name at all', [undefined as never], /p\.each/],
    ['more than anybody reads', Array.from({ length: 501 }, (_, i) => `b${i}`), /501 items, and 500 is the most/],
  ])('refuses %s', (_, items, message) => {
    refused((p) => void p.each(items as string[], () => {}), message)
  })

  it('refuses an async function, and two models on one endpoint', () => {
    refused((p) => void p.each(['east'], async () => {}), /the function of branch "east" is async/)
    refused((p) => {
      const parts = p.split(p.snapshot('rows', { from: 'rows.parquet', schema: Row }), {
        random: { validation: 0.2, test: 0.2 },
      })
      p.each(['east', 'west'], (p) => {
        p.deploy(p.package(p.train('model', { ...common, on: parts, seed: 1 })), { endpoint: 'all', allAtOnce: true })
      })
    }, /deploys two models to "all": sample-east and sample-west/)
  })

  it('refuses a limit that is none', () => {
    for (const parallel of [0, 1.5, 2_000])
      expect(() => branchedPlan(1, { parallel })).toThrow(/pipeline "sample", parallel:/)
  })
})
