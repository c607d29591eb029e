import { describe, expect, it } from 'vitest'
import { policyOf } from '../../lib/definition/deploy.ts'
import type { Block, EvidenceEntry, RolloutState } from '../../lib/formats/evidence.ts'
import type { RolloutDecision } from '../../lib/formats/records.ts'
import { resumeRollout } from '../../lib/stats/resume-rollout.ts'
import { enterNextStage, observe, stagesOf, startRollout, tick } from '../../lib/stats/rollout.ts'
import { decide } from '../../lib/stats/rollout-decision.ts'

const policy = policyOf({
  endpoint: 'e',
  canary: { steps: [5, 25, 50], minSamples: 30 },
})
const usual = { errors: { n: 20_000, k: 100 }, latency: { n: 20_000, k: 20 } }

function blockOf(to: number, mode: Block['mode'], share: number): Block {
  const [nA, nB] = [200 - Math.round(200 * share), Math.round(200 * share)]
  return {
    from: to - 5_000,
    to,
    mode,
    share,
    units: { champion: nA, candidate: nB },
    arms: { errors: { nA, kA: 1, nB, kB: 0 }, latency: { nA, kA: 0, nB, kB: 0 } },
    scores: { champion: [], candidate: [] },
    onsets: null,
    pairs: null,
  }
}

/** A rollout as its workflow lives it: looks, what the route has after each, and the state it went on with. */
function lived(): { looks: EvidenceEntry[]; states: RolloutState[]; stages: number[] } {
  const stages = stagesOf(policy)
  let state = startRollout(0, usual)
  let last: RolloutDecision = { seq: 0, at: '', stage: '', action: 'advance', reason: 'begins' }
  const made = { looks: [] as EvidenceEntry[], states: [] as RolloutState[], stages: [] as number[] }
  for (let seq = 0; seq < 40; seq++) {
    const at = (seq + 1) * 5_000
    const { mode, share } = stages[state.stage] as (typeof stages)[number]
    const block = blockOf(at, mode, share)
    const look = { seq, at, blocks: [block], cursors: { g: seq }, before: last }
    made.looks.push({ ...look, answers: [], labels: [], mistakes: [], judged: seq })
    state = tick(observe(policy, state, block), at)
    const { action, reason } = decide(policy, state)
    last = { seq, at: '', stage: '', action, reason }
    if (action === 'advance') state = enterNextStage(state)
    if (action !== 'advance' && action !== 'hold') return made
    made.states.push(state)
    made.stages.push(state.stage)
  }
  return made
}

const start = startRollout(0, usual)
const applied = (stage: number) => stagesOf(policy)[stage] as { mode: 'split'; share: number }

describe('a rollout that is taken up again', () => {
  const { looks, states, stages } = lived()

  it('stands after each look where its workflow stood', () => {
    expect(new Set(stages).size).toBe(3)
    for (const [i, state] of states.entries()) {
      const resumed = resumeRollout(policy, start, looks.slice(0, i + 1), applied(stages[i] as number))
      expect(resumed.state).toEqual(state)
      expect(resumed).toMatchObject({ seq: i + 1, judged: i, cursors: { g: i }, paused: false })
    }
  })

  it('takes a step again that was decided and not taken', () => {
    const at = stages.indexOf(1)
    const resumed = resumeRollout(policy, start, looks.slice(0, at + 1), applied(0))
    expect(resumed.state.stage).toBe(0)
    expect(resumed.last).toMatchObject({ action: 'hold', by: 'recover' })
    expect(decide(policy, resumed.state).action).toBe('advance')
  })

  it('stays paused where somebody had paused it', () => {
    const [first, second] = looks as [EvidenceEntry, EvidenceEntry]
    const paused = {
      ...second,
      before: { seq: 0, at: '', stage: '5 %', action: 'hold' as const, reason: 'paused by ann: lunch' },
    }
    expect(resumeRollout(policy, start, [first, paused], applied(0))).toMatchObject({
      paused: true,
      last: { reason: 'paused by ann: lunch' },
    })
  })
})
