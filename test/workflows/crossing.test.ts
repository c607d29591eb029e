import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PlanOutline } from '../../lib/formats/plan-outline.ts'
import { approveUpdate } from '../../workflows/messages.ts'
import { type CrossingRun, rollBack, startRun } from '../support/crossing-runs.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'
import { candidateOf, openWorld, planOf, qualityOf, type World } from '../support/world.ts'

/*
 * What happens when runs cross: real runs, rollouts and owners on the time-skipping server; registry, routes and gates
 * in memory.
 */
let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())
vi.setConfig({ testTimeout: 240_000 })

let count = 0
interface Tools {
  readonly world: World
  readonly name: string
  start(plan: PlanOutline, number: number, quality: number, options?: { candidate: number }): Promise<CrossingRun>
}
async function crossing(body: (tools: Tools) => Promise<void>, world = openWorld()): Promise<void> {
  const name = `m${++count}`
  await workflows.withWorker(world.activities, (queue) =>
    body({
      world,
      name,
      start: (plan, number, quality, options) =>
        startRun(workflows.environment.client, world, queue, plan, { number, quality, ...options }),
    }),
  )
}
const isWaiting = ({ waitingFor }: { waitingFor: unknown }): boolean => waitingFor !== null

describe('two runs that wait for approval', () => {
  it('do not both take over: the worse is judged again when the better was quicker, and ends with exit 12', async () => {
    await crossing(async ({ world, name, start }) => {
      await world.putInForce(name, 10)
      const plan = planOf(name, { approval: true })
      const [better, worse] = [await start(plan, 1, 30), await start(plan, 2, 20)]
      await Promise.all([better.until(isWaiting), worse.until(isWaiting)])
      await better.approve()
      expect(await better.ended()).toMatchObject({ status: 'succeeded', model: { version: 2, champion: true } })
      await worse.approve()
      const record = await worse.ended()
      expect(record).toMatchObject({ status: 'gate failed', exitCode: 12, model: null, error: { code: 'GATE_FAILED' } })
      expect(record.gates).toMatchObject([{ passed: false, evidence: '20 against 30' }])
      expect(record.steps.filter(({ name: step }) => step === 'gate').map(({ summary }) => summary)).toEqual([
        '1 of 1 passed',
        expect.stringMatching(
          /^0 of 1 passed \(judged anew: the champion is version 2 \(\w{12}\) now, it was version 1 \(\w{12}\)\)$/,
        ),
      ])
      expect(world.models.get(name)?.champions).toEqual([1, 2])
    })
  })

  it('wait for approval anew where they are judged anew, say why, and take no approval of what was shown before', async () => {
    await crossing(async ({ world, name, start }) => {
      const before = await world.putInForce(name, 10)
      const plan = planOf(name, { approval: true })
      const [first, second] = [await start(plan, 1, 20), await start(plan, 2, 30)]
      expect((await first.until(isWaiting)).waitingFor).toMatchObject({ against: { version: 1 }, anew: null })
      await second.until(isWaiting)
      await first.approve()
      await first.ended()
      await second.approve()
      const { waitingFor } = await second.until(({ waitingFor: asked }) => asked?.anew != null)
      expect(waitingFor).toMatchObject({
        role: 'ml-lead',
        against: { version: 2 },
        anew: expect.stringMatching(/^judged anew: the champion is version 2 .* it was version 1/),
      })
      const stale = { by: 'ann', reason: 'looks right', against: before.digest }
      await expect(second.handle.executeUpdate(approveUpdate, { args: [stale] })).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/judged anew, against version 2 .*look at it again/), type: 'USAGE' },
      })
      await second.approve()
      expect(await second.ended()).toMatchObject({ status: 'succeeded', model: { version: 3, champion: true } })
    })
  })
})

describe('a run', () => {
  it('is judged three times at most, and then says which versions it was about', async () => {
    await crossing(async ({ world, name, start }) => {
      await world.putInForce(name, 10)
      const slow = await start(planOf(name, { approval: true }), 9, 99)
      for (const number of [1, 2, 3]) {
        await slow.until(({ waitingFor }) => waitingFor?.against?.version === number)
        expect(await (await start(planOf(name, {}), number, 10 + number)).ended()).toMatchObject({
          status: 'succeeded',
        })
        await slow.approve()
      }
      expect(await slow.ended()).toMatchObject({
        status: 'gate failed',
        exitCode: 12,
        model: null,
        error: {
          code: 'CHAMPION_MOVED',
          message: expect.stringMatching(
            /^judged 3 times.*against version 3 \(\w{12}\), and version 4 \(\w{12}\) is in force now$/,
          ),
        },
      })
    })
  })

  it('whose champion was rolled back while it waited is judged against what is in force', async () => {
    await crossing(async ({ world, name, start }) => {
      await world.putInForce(name, 10)
      await (await start(planOf(name, {}), 1, 20)).ended()
      const waiting = await start(planOf(name, { approval: true }), 2, 30)
      await waiting.until(isWaiting)
      await rollBack(workflows.environment.client, world, name, undefined)
      await waiting.approve()
      expect((await waiting.until(({ waitingFor }) => waitingFor?.anew != null)).waitingFor).toMatchObject({
        against: { version: 1 },
      })
      await waiting.approve()
      expect(await waiting.ended()).toMatchObject({ status: 'succeeded' })
    })
  })
})

describe('an endpoint', () => {
  it('has one rollout after another: a second run waits for the first one to end, and says so', async () => {
    await crossing(async ({ world, name, start }) => {
      await world.putInForce(name, 10, [name])
      let release: () => void = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const { collectEvidence } = world.activities
      let isHeld = true
      Object.assign(world.activities, {
        collectEvidence: async (order: Parameters<typeof collectEvidence>[0]) => {
          if (isHeld) await held
          return collectEvidence(order)
        },
      })
      const plan = planOf(name, { endpoints: [name] })
      const first = await start(plan, 1, 30)
      await first.until(({ rollout }) => rollout !== null)
      const [worse, better] = [await start(plan, 2, 20), await start(plan, 3, 40)]
      const saying = `waits for rollout ${name}-run1 of ${name} to end: slipway rollout status ${name}`
      await worse.until(({ waits }) => waits === saying)
      await better.until(({ waits }) => waits === saying)
      isHeld = false
      release()
      expect(await first.ended()).toMatchObject({ status: 'succeeded', rollout: { outcome: 'promoted' } })
      expect(await worse.ended()).toMatchObject({ status: 'gate failed', exitCode: 12, error: { code: 'GATE_FAILED' } })
      expect(await better.ended()).toMatchObject({ status: 'succeeded', rollout: { outcome: 'promoted' } })
      expect(world.takeovers.map(({ to }) => qualityOf(to))).toEqual([30, 40])
      expect(world.routes.get(name)).toMatchObject({ rollout: null, champion: { digest: candidateOf(3, 40) } })
    }, openWorld())
  })

  it('that two runs open at once gets the one version, and the other by a rollout if it is no worse', async () => {
    await crossing(async ({ world, name, start }) => {
      const plan = planOf(name, { endpoints: [name] })
      const runs = await Promise.all([start(plan, 1, 10), start(plan, 2, 20)])
      const records = await Promise.all(runs.map((run) => run.ended()))
      expect(records.map(({ status }) => status)).toContain('succeeded')
      const qualities = world.takeovers
        .filter(({ where }) => where.startsWith('endpoint'))
        .map(({ to }) => qualityOf(to))
      expect(qualities).toEqual([...qualities].sort((a, b) => a - b))
    })
  })

  it('of two that one model has is judged for by what it serves itself', async () => {
    await crossing(async ({ world, name, start }) => {
      const [here, there] = [`${name}-a`, `${name}-b`]
      await world.putInForce(name, 10, [here, there])
      // The other endpoint has gone on by itself.
      await (await start(planOf(name, { endpoints: [there] }), 1, 30)).ended()
      const record = await (await start(planOf(name, { endpoints: [here, there] }), 2, 20)).ended()
      expect(record).toMatchObject({ status: 'gate failed', exitCode: 12 })
      expect(record.steps.at(-1)?.summary).toMatch(
        new RegExp(`judged anew for ${there}: version 2 .* is in force there`),
      )
      expect(world.routes.get(here)?.champion.digest).toBe(candidateOf(2, 20))
      expect(world.routes.get(there)?.champion.digest).toBe(candidateOf(1, 30))
    })
  })

  it('is free again when a run that waits for it, or holds it, is cancelled', async () => {
    await crossing(async ({ world, name, start }) => {
      await world.putInForce(name, 10, [name])
      Object.assign(world.activities, {
        collectEvidence: async ({ seq, cursors, before }: Parameters<World['activities']['collectEvidence']>[0]) => ({
          seq,
          at: 0,
          blocks: [],
          cursors,
          before,
          taken: null,
        }),
      })
      const plan = planOf(name, { endpoints: [name] })
      // Nothing is decided before its time is over.
      for (const step of plan.steps)
        if (step.kind === 'deploy')
          Object.assign(step.policy, { strategy: { kind: 'canary', steps: [5] }, minSamples: 1 })
      const holding = await start(plan, 1, 30)
      await holding.until(({ rollout }) => rollout !== null)
      const waiting = await start(plan, 2, 40)
      await waiting.until(({ waits }) => waits != null)
      await waiting.handle.cancel()
      expect(await waiting.ended()).toMatchObject({ status: 'cancelled', exitCode: 130 })
      await holding.handle.cancel()
      expect(await holding.ended()).toMatchObject({
        status: 'cancelled',
        exitCode: 130,
        rollout: { outcome: 'rolled back' },
      })
      expect(world.routes.get(name)).toMatchObject({ rollout: null, champion: { version: 1 } })
    }, openWorld())
  })
})

describe('fifty at once on a worker with eight slots', () => {
  it('runs that register all end', async () => {
    await crossing(async ({ world, name, start }) => {
      const plan = planOf(name, {})
      const numbers = Array.from({ length: 50 }, (_, i) => i + 1)
      const runs = await Promise.all(numbers.map((number) => start(plan, number, 10, { candidate: 1 })))
      for (const run of runs) expect(await run.ended()).toMatchObject({ status: 'succeeded', model: { version: 1 } })
      expect(world.models.get(name)).toMatchObject({ champions: [1], candidate: 1 })
    })
  })

  it('and twenty that open endpoints of their own all end', async () => {
    await crossing(async ({ world, name, start }) => {
      const runs = await Promise.all(
        Array.from({ length: 20 }, (_, i) => start(planOf(`${name}-${i}`, { endpoints: [`${name}-${i}`] }), i + 1, 10)),
      )
      for (const run of runs) expect(await run.ended()).toMatchObject({ status: 'succeeded' })
      expect([...world.routes.keys()]).toHaveLength(20)
    })
  })
})
