import { describe, expect, it } from 'vitest'
import { type DeployOptions, policyOf } from '../../lib/definition/deploy.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import type { SlipwayError } from '../../lib/formats/errors.ts'
import { changeRoute, type ModelVersion, type Route, type RouteChange, routeInWords } from '../../lib/formats/route.ts'
import { samplePlan } from '../support/plans.ts'

const variant = (version: number): ModelVersion => ({
  model: 'm',
  version,
  digest: `sha256:${String(version).repeat(64)}`,
})
const rollout = {
  id: 'r',
  candidate: variant(2),
  mode: 'split',
  share: 0.05,
  salt: 'r',
  sticky: null,
  slowMs: null,
} as const
const apply = (route: Route | undefined, ...changes: RouteChange[]): Route =>
  changes.reduce<Route | undefined>((current, change) => changeRoute(current, 'e', change), route) as Route
const opened = apply(undefined, { kind: 'open', variant: variant(1) })
const begun = apply(opened, { kind: 'begin', rollout })
const finish = (promote: boolean): RouteChange => ({ kind: 'finish', rollout: 'r', candidate: variant(2), promote })

describe('a route', () => {
  it('goes from champion to candidate, and keeps the one before at hand', () => {
    const promoted = apply(begun, { kind: 'traffic', rollout: 'r', mode: 'split', share: 0.5 }, finish(true))
    expect(promoted).toMatchObject({ revision: 4, champion: { version: 2 }, previous: { version: 1 }, rollout: null })
    expect(apply(promoted, { kind: 'rollback', from: 4, to: null })).toMatchObject({
      revision: 5,
      champion: { version: 1 },
      previous: { version: 2 },
    })
  })

  it('goes back in the middle of a rollout to the champion that is there', () => {
    expect(apply(begun, { kind: 'rollback', from: 2, to: null })).toMatchObject({
      revision: 3,
      champion: { version: 1 },
      rollout: null,
    })
    expect(apply(begun, finish(false))).toMatchObject({ revision: 3, champion: { version: 1 }, rollout: null })
  })

  it.each<[string, Route, RouteChange]>([
    ['open', opened, { kind: 'open', variant: variant(1) }],
    ['begin', begun, { kind: 'begin', rollout }],
    ['traffic', begun, { kind: 'traffic', rollout: 'r', mode: 'split', share: 0.05 }],
    ['finish', apply(begun, finish(true)), finish(true)],
    [
      'a rollback that another one was quicker than',
      apply(begun, { kind: 'rollback', from: 2, to: null }),
      { kind: 'rollback', from: 2, to: null },
    ],
  ])('asked twice for %s changes nothing the second time', (_, route, change) => {
    expect(changeRoute(route, 'e', change)).toBe(route)
  })

  it.each<[string, Route | undefined, RouteChange, string]>([
    ['a rollout of an endpoint that does not exist', undefined, { kind: 'begin', rollout }, 'does not exist yet'],
    ['a second rollout', begun, { kind: 'begin', rollout: { ...rollout, id: 's' } }, 'rollout r is going on'],
    [
      'a step of another rollout',
      begun,
      { kind: 'traffic', rollout: 's', mode: 'split', share: 1 },
      'is not the one going on',
    ],
    ['a promotion after the route was taken away', opened, finish(true), 'is not the one going on'],
    [
      'a candidate of another model',
      opened,
      { kind: 'begin', rollout: { ...rollout, candidate: { ...variant(2), model: 'x' } } },
      'serves model m, not x',
    ],
    ['opening twice', opened, { kind: 'open', variant: variant(2) }, 'serves version 1 already'],
    ['going back with nothing before', opened, { kind: 'rollback', from: 1, to: null }, 'no version to go back to'],
  ])('refuses %s', (_, route, change, why) => {
    const attempt = () => changeRoute(route, 'e', change)
    expect(attempt).toThrow(why)
    try {
      attempt()
    } catch (error) {
      expect((error as SlipwayError).code).toBe('ROUTE_CONFLICT')
    }
  })

  it('says in words what it serves', () => {
    expect(routeInWords(opened)).toBe('everything to version 1')
    expect(routeInWords(begun)).toBe('5 % to version 2, the rest to version 1')
  })
})

describe('a policy', () => {
  it('has the defaults that the documentation names', () => {
    expect(policyOf({ endpoint: 'e', canary: { steps: [1, 50] } })).toEqual({
      strategy: { kind: 'canary', steps: [1, 50] },
      shadow: null,
      sticky: null,
      alpha: { rollback: 0.05, promote: 0.05 },
      minSamples: 200,
      watch: [
        { metric: 'errors', margin: 0.005 },
        { metric: 'latency', overMs: 250, margin: 0.01 },
      ],
      harmBudget: null,
      withinMs: 24 * 3_600_000,
      approval: null,
    })
  })

  it.each<[string, object, string]>([
    ['steps that do not ascend', { canary: { steps: [5, 1] } }, 'canary steps must ascend'],
    [
      'watching nothing that could show a candidate to be good',
      { canary: { steps: [5], watch: [{ metric: 'scores' }] } },
      'errors, latency or label errors',
    ],
    ['a time without a unit', { ab: { share: 50, for: '14' } }, 'is no duration'],
  ])('refuses %s', (_, options, why) => {
    expect(() => policyOf({ endpoint: 'e', ...options } as DeployOptions)).toThrow(why)
  })

  it('reads durations', () => {
    expect(['90s', '10m', '2h', '7d'].map(durationMs)).toEqual([90_000, 600_000, 7_200_000, 604_800_000])
  })
})

it('what is deployed is registered first', () => {
  expect(
    samplePlan({ deploy: true })
      .steps.map(({ kind }) => kind)
      .slice(-2),
  ).toEqual(['register', 'deploy'])
})
