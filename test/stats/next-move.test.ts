import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Circumstances, nextMove, waitsForApproval } from '../../lib/stats/next-move.ts'
import type { Action, Decision } from '../../lib/stats/rollout-decision.ts'

const actions: readonly Action[] = ['hold', 'advance', 'promote', 'rollback', 'inconclusive']
const says = (action: Action): Decision => ({ action, reason: `the evidence says ${action}`, verdicts: [] })
const quiet: Circumstances = {
  endpoint: 'flights',
  taken: null,
  wish: undefined,
  paused: null,
  approval: null,
  approvedBy: null,
}
const anyCircumstances = fc.record({
  endpoint: fc.constant('flights'),
  taken: fc.option(fc.constant('slipway rollback')),
  wish: fc.option(
    fc.record({
      action: fc.constantFrom('promote' as const, 'rollback' as const),
      by: fc.constant('ann'),
      reason: fc.constant('because'),
    }),
    { nil: undefined },
  ),
  paused: fc.option(fc.constant('paused by ann: lunch')),
  approval: fc.option(fc.constant('risk')),
  approvedBy: fc.option(fc.constant('bob as risk')),
})
const anyDecision = fc.constantFrom(...actions).map(says)

describe('what a rollout does after a look', () => {
  it.each([
    ['hold', null],
    ['advance', null],
    ['promote', 'promoted'],
    ['rollback', 'rolled back'],
    ['inconclusive', 'inconclusive'],
  ] as const)('is what the evidence says, where nothing else is: %s', (action, outcome) => {
    expect(nextMove(says(action), quiet)).toEqual({ action, reason: `the evidence says ${action}`, outcome })
  })

  it('never gives a candidate more traffic while it is paused, unless a person asks for it', () => {
    fc.assert(
      fc.property(anyDecision, anyCircumstances, (decision, circumstances) => {
        const { action } = nextMove(decision, { ...circumstances, paused: 'lunch', wish: undefined })
        expect(['advance', 'promote']).not.toContain(action)
      }),
    )
  })

  it('rolls back though it is paused, and though an approval is missing', () => {
    const circumstances = { ...quiet, paused: 'lunch', approval: 'risk' }
    expect(nextMove(says('rollback'), circumstances).outcome).toBe('rolled back')
  })

  it('never promotes without the approval that the policy asks for, unless a person does it by hand', () => {
    fc.assert(
      fc.property(anyDecision, anyCircumstances, (decision, circumstances) => {
        const unapproved = { ...circumstances, approval: 'risk', approvedBy: null, wish: undefined }
        expect(nextMove(decision, unapproved).outcome).not.toBe('promoted')
      }),
    )
  })

  it('says who has to approve, and that it waits for that alone', () => {
    const circumstances = { ...quiet, approval: 'risk' }
    expect(waitsForApproval(says('promote'), circumstances)).toBe(true)
    expect(waitsForApproval(says('hold'), circumstances)).toBe(false)
    expect(nextMove(says('promote'), circumstances)).toEqual({
      action: 'hold',
      reason: 'waits for the approval of risk: slipway rollout approve flights',
      by: 'risk',
      outcome: null,
    })
    expect(nextMove(says('promote'), { ...circumstances, approvedBy: 'bob as risk' })).toEqual({
      action: 'promote',
      reason: 'the evidence says promote; approved by bob as risk',
      outcome: 'promoted',
    })
  })

  it('ends when somebody else has taken the route, whatever people or evidence want', () => {
    fc.assert(
      fc.property(anyDecision, anyCircumstances, (decision, circumstances) => {
        const move = nextMove(decision, { ...circumstances, taken: 'slipway rollback' })
        expect(move).toMatchObject({ action: 'rollback', by: 'somebody else', outcome: 'rolled back' })
      }),
    )
  })

  it('is what a person asked for, before what the evidence says', () => {
    for (const action of actions) {
      const wish = { action: 'promote' as const, by: 'ann', reason: 'it is fine' }
      expect(nextMove(says(action), { ...quiet, wish })).toEqual({
        action: 'promote',
        reason: 'it is fine (by hand)',
        by: 'ann',
        outcome: 'promoted',
      })
    }
  })
})
