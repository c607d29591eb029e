import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HttpRequest } from '../../gateway/http-request.ts'
import { createRouter, type Router } from '../../gateway/router.ts'
import { createVerdictReader } from '../../gateway/verdicts/read-verdict.ts'
import { verdictRoutes } from '../../gateway/verdicts/routes.ts'
import { policyOf } from '../../lib/definition/deploy.ts'
import type { Block, RolloutState } from '../../lib/formats/evidence.ts'
import type { RolloutDecision, RolloutRecord } from '../../lib/formats/records.ts'
import { enterNextStage, observe, stagesOf, startRollout, tick } from '../../lib/stats/rollout.ts'
import { decide } from '../../lib/stats/rollout-decision.ts'
import type { Verdict } from '../../lib/stats/verdict.ts'
import { publishEvidence, publishRolloutEnd, publishRolloutStart } from '../../lib/store/rollouts.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * What systems that roll out something of their own are told of a rollout of ours: the very decision that its workflow
 * makes of the same evidence. The evidence here is made up, stored as a workflow stores it.
 */
let server: TestBucket
let router: Router
beforeAll(async () => {
  server = await openTestBucket()
  const routes = verdictRoutes(createVerdictReader(server.store))
  router = createRouter(routes.map((route) => ({ ...route, owner: 'every gateway' })))
})
afterAll(() => server.stop())

const version = (number: number) => ({
  model: 'loans',
  version: number,
  digest: `sha256:${String(number).repeat(64)}` as const,
})
let count = 0
async function openEndpoint(): Promise<string> {
  const endpoint = `e${++count}`
  await writeRoute(server.store, endpoint, { kind: 'open', variant: version(1) }, 'test')
  return endpoint
}

async function ask(path: string, method = 'GET'): Promise<{ status: number; told: Verdict }> {
  const answer = await router.answer(new HttpRequest(method, path, {}))
  return { status: answer.status, told: JSON.parse(answer.body.toString()) }
}
const verdictOf = async (path: string) => (await ask(`/v1/verdict/${path}`)).told
/** The statuses of the three questions: passed, failed, not failed. */
const statusesOf = (path: string) =>
  Promise.all(
    ['passed', 'failed', 'not-failed'].map(
      async (question) => (await ask(`/v1/verdict/${path}/${question}`, 'POST')).status,
    ),
  )

const policy = policyOf({ endpoint: 'e', canary: { steps: [50], minSamples: 100 } })

/** A rollout whose evidence comes look by look, kept as its workflow keeps it. */
class MadeRollout {
  readonly id: string
  private readonly endpoint: string
  private state: RolloutState = startRollout(0, {
    errors: { n: 20_000, k: 100 },
    latency: { n: 20_000, k: 20 },
  })
  private before: RolloutDecision | null = null
  private seq = 0

  constructor(endpoint: string) {
    this.endpoint = endpoint
    this.id = `${endpoint}-20261122-034512-k3x9`
  }

  async begin(candidate = version(2)): Promise<void> {
    const { id, endpoint } = this
    const hold = { candidate, mode: 'split', share: 0.5, salt: id, sticky: null, slowMs: null } as const
    await writeRoute(server.store, endpoint, { kind: 'begin', rollout: { id, ...hold } }, 'test')
    const start = { id, endpoint, run: 'r', champion: version(1), candidate, policy, state: this.state }
    await publishRolloutStart(server.store, { ...start, startedAt: new Date(0).toISOString() })
    this.before = this.decided('advance', 'begins')
  }

  /** @returns what its workflow decides on this look */
  async look(failures: number): Promise<RolloutDecision['action']> {
    const { seq } = this
    const at = (seq + 1) * 5_000
    const { mode, share } = stagesOf(policy)[this.state.stage] as { mode: Block['mode']; share: number }
    const n = Math.round(1_000 * share)
    const counts = { nA: 1_000 - n, kA: Math.round((1_000 - n) / 200), nB: n, kB: Math.min(n, failures) }
    const block: Block = {
      from: at - 5_000,
      to: at,
      mode,
      share,
      units: { champion: counts.nA, candidate: n },
      arms: { errors: counts, latency: { ...counts, kA: 0, kB: 0 } },
      scores: { champion: [], candidate: [] },
      onsets: null,
      pairs: null,
    }
    const { before } = this
    const nothing = { cursors: {}, answers: [], labels: [], mistakes: [], judged: 0 }
    await publishEvidence(server.store, this.id, { seq, at, blocks: [block], before, ...nothing })
    this.state = tick(observe(policy, this.state, block), at)
    const { action, reason } = decide(policy, this.state)
    this.before = this.decided(action, reason)
    if (action === 'advance') this.state = enterNextStage(this.state)
    this.seq++
    return action
  }

  async end(outcome: RolloutRecord['outcome']): Promise<void> {
    const { id, endpoint, seq } = this
    const [champion, candidate, promote] = [version(1), version(2), outcome === 'promoted']
    const finish = { kind: 'finish', rollout: id, candidate, promote } as const
    await writeRoute(server.store, endpoint, finish, 'test')
    const times = { startedAt: new Date(0).toISOString(), finishedAt: new Date(9).toISOString(), seconds: 1 }
    const told = { outcome, reason: 'so it was', requests: { champion: 0, candidate: 0 }, harmed: 0, evidence: seq }
    const versions = { id, endpoint, run: 'r', champion, candidate, policy, decisions: [] }
    await publishRolloutEnd(server.store, { ...versions, ...times, ...told })
  }

  private decided(action: RolloutDecision['action'], reason: string): RolloutDecision {
    return { seq: this.seq, at: new Date(0).toISOString(), stage: '', action, reason }
  }
}

describe('the verdict on a rollout', () => {
  it.each([
    ['a good candidate', 1, 'passed'],
    ['a bad one', 60, 'failed'],
  ] as const)('is what its workflow decides, look by look, of %s', async (_, failures, end) => {
    const endpoint = await openEndpoint()
    const rollout = new MadeRollout(endpoint)
    await rollout.begin()
    expect(await verdictOf(endpoint)).toMatchObject({ verdict: 'undecided', champion: 1, candidate: 2 })
    const words: Record<string, string> = { promote: 'passed', rollback: 'failed' }
    let told: Verdict | undefined
    for (let i = 0; i < 400 && !['passed', 'failed'].includes(told?.verdict ?? ''); i++) {
      const action = await rollout.look(failures)
      // Not every look is asked about.
      if (i % 3 === 1 && action in words === false) continue
      told = await verdictOf(endpoint)
      expect(told.verdict).toBe(words[action] ?? 'undecided')
    }
    expect(told).toMatchObject({ verdict: end, rollout: rollout.id, candidate: 2 })
    expect(told?.metrics.map(({ metric }) => metric)).toContain('errors')
    // Whoever asks first now, and has seen nothing of it, is told the same.
    expect(await createVerdictReader(server.store)(endpoint, '2')).toEqual(told)
    expect(await statusesOf(endpoint)).toEqual(end === 'passed' ? [200, 409, 200] : [409, 200, 409])
  })

  it.each([
    ['promoted', 'passed', [200, 409, 200]],
    ['rolled back', 'failed', [409, 200, 409]],
    ['inconclusive', 'inconclusive', [409, 409, 200]],
  ] as const)('that ended as %s is %s, also when asked by version', async (outcome, verdict, statuses) => {
    const endpoint = await openEndpoint()
    const rollout = new MadeRollout(endpoint)
    await rollout.begin()
    await rollout.look(0)
    await rollout.end(outcome)
    for (const path of [endpoint, `${endpoint}/2`]) {
      expect(await verdictOf(path)).toMatchObject({ verdict, reason: 'so it was', rollout: rollout.id, candidate: 2 })
      expect(await statusesOf(path)).toEqual(statuses)
    }
  })

  it('on a version that was promoted, and gone back from, is failed', async () => {
    const endpoint = await openEndpoint()
    const rollout = new MadeRollout(endpoint)
    await rollout.begin()
    await rollout.end('promoted')
    await writeRoute(server.store, endpoint, { kind: 'rollback', from: 3, to: null }, 'a person')
    expect(await verdictOf(`${endpoint}/2`)).toMatchObject({
      verdict: 'failed',
      reason: 'version 2 was promoted, and the endpoint went back to version 1',
      serves: 'everything to version 1',
    })
  })

  it('on a version is not that on another one', async () => {
    const endpoint = await openEndpoint()
    expect(await verdictOf(endpoint)).toMatchObject({ verdict: 'undecided', rollout: null })
    expect(await verdictOf(`${endpoint}/1`)).toMatchObject({ verdict: 'passed', rollout: null })
    const rollout = new MadeRollout(endpoint)
    await rollout.begin()
    expect(await verdictOf(`${endpoint}/3`)).toMatchObject({ verdict: 'undecided', rollout: null })
    await rollout.end('rolled back')
    expect(await verdictOf(`${endpoint}/3`)).toMatchObject({ verdict: 'undecided', rollout: null })
    expect(await verdictOf(`${endpoint}/2`)).toMatchObject({ verdict: 'failed' })
  })

  it('on what is not there is refused', async () => {
    await expect(verdictOf('nobody')).rejects.toThrow(/there is no endpoint "nobody"/)
    await expect(verdictOf(`${await openEndpoint()}/candidate`)).rejects.toThrow(/no number of a version/)
  })
})
