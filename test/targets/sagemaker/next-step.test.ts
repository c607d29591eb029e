import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../../lib/targets/sagemaker/desired-state.ts'
import { type FoundEndpoint, nextStep } from '../../../lib/targets/sagemaker/next-step.ts'

const desired = (weights: Record<string, number>): DesiredState =>
  ({
    endpoint: 'loans',
    revision: 3,
    production: Object.entries(weights).map(([name, weight]) => ({ name, weight })),
    shadow: [],
    kept: [],
  }) as unknown as DesiredState
const found = (
  weights: Record<string, number | [number, number]>,
  over: Partial<FoundEndpoint> = {},
): FoundEndpoint => ({
  status: 'InService',
  config: 'some',
  pending: null,
  production: Object.entries(weights).map(([name, weight]) => {
    const [currentWeight, desiredWeight] = Array.isArray(weight) ? weight : [weight, weight]
    return { name, currentWeight, desiredWeight }
  }),
  failure: null,
  revision: 2,
  updated: null,
  ...over,
})
const canary = desired({ a: 0.95, b: 0.05 })

describe('the next step of an endpoint', () => {
  it('creates what is not there', () => {
    expect(nextStep(canary, null, false)).toEqual({ kind: 'create' })
  })

  it.each(['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting'])('waits while it is %s', (status) => {
    expect(nextStep(canary, found({ a: 1 }, { status }), false)).toEqual({ kind: 'wait', why: `loans is ${status}` })
  })

  it('updates an endpoint whose variants are others', () => {
    expect(nextStep(canary, found({ a: 1 }), false)).toEqual({ kind: 'update' })
  })

  it('sets weights that are not asked for yet, by one call', () => {
    const weights = [
      { name: 'a', weight: 0.95 },
      { name: 'b', weight: 0.05 },
    ]
    expect(nextStep(canary, found({ a: 1, b: 0 }), true)).toEqual({ kind: 'weights', weights })
  })

  it('counts shares, not weights: SageMaker keeps them in single precision, and of any sum', () => {
    expect(nextStep(canary, found({ a: Math.fround(0.95), b: Math.fround(0.05) }), true)).toEqual({ kind: 'done' })
    expect(nextStep(canary, found({ a: 19, b: 1 }), true)).toEqual({ kind: 'done' })
  })

  it('waits for weights that are asked for and are not so, and says which', () => {
    expect(nextStep(canary, found({ a: [1, 0.95], b: [0, 0.05] }), true)).toEqual({
      kind: 'wait',
      why: 'loans: variant a has weight 1, not 0.95',
    })
  })

  it('takes the traffic from a variant before it gives its instances up', () => {
    const alone = desired({ a: 1 })
    const step = nextStep(alone, found({ a: 0.5, b: 0.5 }), false)
    expect(step).toEqual({
      kind: 'weights',
      weights: [
        { name: 'a', weight: 1 },
        { name: 'b', weight: 0 },
      ],
    })
    expect(nextStep(alone, found({ a: 1, b: 0 }), false)).toEqual({ kind: 'update' })
  })

  it('refuses what failed, says why, and begins anew for a newer revision', () => {
    const failed = found({}, { status: 'Failed', failure: 'no ping', revision: 3 })
    expect(nextStep(canary, failed, false)).toEqual({
      kind: 'refused',
      why: 'SageMaker endpoint loans is Failed: no ping',
    })
    expect(nextStep(canary, { ...failed, revision: 2 }, false)).toEqual({ kind: 'delete' })
  })

  it('refuses an update that SageMaker took back, but not before readers must have seen it', () => {
    const updated = { revision: 3, agoMs: 1_000 }
    expect(nextStep(canary, found({ a: 1 }, { updated }), false)).toMatchObject({ kind: 'wait' })
    expect(nextStep(canary, found({ a: 1 }, { updated: { ...updated, agoMs: 60_000 } }), false)).toMatchObject({
      kind: 'refused',
      why: 'SageMaker took the update of loans back',
    })
    expect(nextStep(canary, found({ a: 1 }, { updated, failure: 'quota' }), false)).toMatchObject({
      why: 'SageMaker took the update of loans back: quota',
    })
  })
})
