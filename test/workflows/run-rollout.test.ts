import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import { type DeployOptions, policyOf } from '../../lib/definition/deploy.ts'
import type { Block } from '../../lib/formats/evidence.ts'
import type { RolloutRecord } from '../../lib/formats/records.ts'
import { stagesOf, startRollout } from '../../lib/stats/rollout.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  pauseUpdate,
  resumeUpdate,
  rolloutStatusQuery,
  rolloutWorkflowId,
} from '../../workflows/messages.ts'
import type { RolloutInput } from '../../workflows/rollout-input.ts'
import { rolloutMocks, sampleRoute } from '../support/rollout-mocks.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'

let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())

const candidate = { model: 'sample', version: 2, digest: `sha256:${'8'.repeat(64)}` as const }
const usual = { errors: { n: 20_000, k: 100 }, latency: { n: 20_000, k: 20 } }
let count = 0

function inputFor(options: object): RolloutInput {
  return {
    id: `sample-${++count}`,
    endpoint: 'sample',
    pipeline: 'sample',
    run: 'sample-run',
    champion: sampleRoute.champion,
    candidate,
    policy: policyOf({ endpoint: 'sample', ...options } as DeployOptions),
    cursors: {},
    state: startRollout(Date.now(), usual),
  }
}

/**
 * Evidence of two seconds at 6,000 requests a minute; the candidate fails `factor` times as often as the champion's 0.5
 * %.
 */
function evidence(input: RolloutInput, stage: () => number, factor: number): Activities['collectEvidence'] {
  return async ({ seq, cursors, before }) => {
    const { mode, share } = stagesOf(input.policy)[stage()] ?? { mode: 'split', share: 0.01 }
    const [nA, nB] = [Math.round(200 * (1 - share)), Math.round(200 * share)]
    const at = input.state.startedAt + (seq + 1) * 2_000
    const arms = { nA, kA: seq % 2, nB, kB: Math.min(nB, Math.round(nB * 0.005 * factor * (1 + (seq % 2)))) }
    const block: Block = {
      from: at - 2_000,
      to: at,
      mode,
      share,
      units: { champion: nA, candidate: nB },
      arms: { errors: arms, latency: { ...arms, kA: 0, kB: 0 } },
      onsets: null,
      scores: { champion: [], candidate: [] },
      pairs: null,
    }
    return { seq, at, blocks: [block] as never, cursors: { ...cursors }, before, taken: null }
  }
}

interface Rollout {
  readonly record: RolloutRecord
  readonly calls: string[]
}

async function rollout(input: RolloutInput, factor: number, over: Partial<Activities> = {}): Promise<Rollout> {
  const calls: string[] = []
  let stage = -1
  const mocks = rolloutMocks(calls)
  const activities = {
    ...mocks,
    async requestRouteChange(order: Parameters<Activities['requestRouteChange']>[0]) {
      if (order.change.kind !== 'finish') stage++
      return mocks.requestRouteChange(order)
    },
    collectEvidence: evidence(input, () => stage, factor),
    ...over,
  } as unknown as Activities
  return workflows.withWorker(activities, async (taskQueue) => {
    const record: RolloutRecord = await workflows.environment.client.workflow.execute('runRollout', {
      taskQueue,
      workflowId: rolloutWorkflowId(input.id),
      args: [input],
    })
    return { record, calls }
  })
}

const canary = { canary: { steps: [5, 50], minSamples: 50, watch: [{ metric: 'errors' as const, margin: 0.02 }] } }

describe('a rollout', () => {
  it('climbs and promotes on good evidence, each step asked of the owner', async () => {
    const { record, calls } = await rollout(inputFor(canary), 1)
    expect(record).toMatchObject({ outcome: 'promoted', candidate: { version: 2 } })
    expect(calls).toEqual(['begin', 'traffic 0.5', 'finish'])
    expect(record.decisions.map(({ action }) => action)).toEqual(['advance', 'advance', 'promote'])
    expect(record.evidence).toBeGreaterThan(2)
  })

  it('rolls back on harm', async () => {
    const { record, calls } = await rollout(inputFor(canary), 60)
    expect(record).toMatchObject({ outcome: 'rolled back', reason: expect.stringContaining('errors: candidate') })
    expect(record.harmed).toBeGreaterThan(0)
    expect(calls).toEqual(['begin', 'finish'])
  })

  it('without data ends inconclusive when its time is over, in no time of ours', async () => {
    const empty: Activities['collectEvidence'] = async ({ seq, cursors, before }) => ({
      seq,
      at: input.state.startedAt + seq * 600_000,
      blocks: [],
      cursors: { ...cursors },
      before,
      taken: null,
    })
    const input = inputFor({ canary: { ...canary.canary, within: '6h' } })
    const { record } = await rollout(input, 1, { collectEvidence: empty })
    expect(record).toMatchObject({ outcome: 'inconclusive', reason: expect.stringContaining('0 of 50 answers') })
  })

  it('takes gateways that do not apply a step for an alarm, and rolls back', async () => {
    const calls: string[] = []
    const { record } = await rollout(inputFor(canary), 1, {
      requestRouteChange: async ({ change }) => {
        calls.push(change.kind)
        return {
          route: sampleRoute,
          gateways: 2,
          mismatch: change.kind === 'begin' ? 'gateway b refuses revision 2: no signature' : null,
        }
      },
    })
    expect(record).toMatchObject({ outcome: 'rolled back', reason: 'gateway b refuses revision 2: no signature' })
    expect(calls).toEqual(['begin', 'finish'])
  })

  it('ends when somebody took the route from it, and leaves the route alone', async () => {
    const input = inputFor(canary)
    const { record, calls } = await rollout(input, 1, {
      collectEvidence: async ({ seq, cursors, before }) => ({
        seq,
        at: input.state.startedAt + 2_000,
        blocks: [],
        cursors: { ...cursors },
        before,
        taken: 'break-glass: rolled back by ann: it burns',
      }),
    })
    expect(record).toMatchObject({
      outcome: 'rolled back',
      reason: expect.stringContaining('break-glass: rolled back by ann'),
    })
    expect(record.decisions.at(-1)?.by).toBe('somebody else')
    expect(calls).toEqual(['begin'])
  })

  it('waits for an approval where the policy asks for one; pauses and resumes', async () => {
    const input = inputFor({ canary: { ...canary.canary, approval: { role: 'ml-lead' } } })
    const calls: string[] = []
    let stage = -1
    const mocks = rolloutMocks(calls)
    const activities = {
      ...mocks,
      async requestRouteChange(order: Parameters<Activities['requestRouteChange']>[0]) {
        if (order.change.kind !== 'finish') stage++
        return mocks.requestRouteChange(order)
      },
      collectEvidence: evidence(input, () => stage, 0.1),
    } as unknown as Activities
    const by = { by: 'ann', reason: 'because' }
    await workflows.withWorker(activities, async (taskQueue) => {
      const handle = await workflows.environment.client.workflow.start('runRollout', {
        taskQueue,
        workflowId: rolloutWorkflowId(input.id),
        args: [input],
      })
      await handle.executeUpdate(pauseUpdate, { args: [by] })
      await workflows.environment.sleep('2m')
      const paused = await handle.query(rolloutStatusQuery)
      expect([paused.paused, paused.stageNumber]).toEqual([true, 1])
      // Said again, now that it has begun: nothing is decided meanwhile that would take the words' place.
      await handle.executeUpdate(pauseUpdate, { args: [by] })
      expect((await handle.query(rolloutStatusQuery)).reason).toBe('paused by ann: because')
      await handle.executeUpdate(resumeUpdate, { args: [by] })
      expect((await handle.query(rolloutStatusQuery)).reason).toBe('resumed by ann: because')
      await workflows.environment.sleep('2m')
      expect((await handle.query(rolloutStatusQuery)).waitingForApproval).toBe('ml-lead')
      // The test server forgets the updates of a workflow that ends right after.
      await handle.executeUpdate(approveRolloutUpdate, { args: [by] }).catch(() => {})
      const record = (await handle.result()) as RolloutRecord
      expect(record).toMatchObject({ outcome: 'promoted', reason: expect.stringContaining('approved by ann') })
    })
  })

  it('gives the endpoint back when it is cancelled, or told to', async () => {
    for (const how of ['cancel', 'abort'] as const) {
      const input = inputFor({ canary: { ...canary.canary, minSamples: 100_000 } })
      const calls: string[] = []
      const mocks = rolloutMocks(calls)
      const activities = { ...mocks, collectEvidence: evidence(input, () => 0, 1) } as unknown as Activities
      await workflows.withWorker(activities, async (taskQueue) => {
        const handle = await workflows.environment.client.workflow.start('runRollout', {
          taskQueue,
          workflowId: rolloutWorkflowId(input.id),
          args: [input],
        })
        await workflows.environment.sleep('10s')
        if (how === 'cancel') await handle.cancel()
        else await handle.executeUpdate(abortUpdate, { args: [{ by: 'ann', reason: 'no' }] })
        expect((await handle.result()) as RolloutRecord).toMatchObject({ outcome: 'rolled back' })
        expect(calls).toEqual(['begin', 'finish'])
      })
    }
  })
})
