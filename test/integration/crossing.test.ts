import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { readRun } from '../../lib/store/runs.ts'
import { endpointWorkflowId, modelWorkflowId, rolloutWorkflowId } from '../../workflows/messages.ts'
import { slipway } from '../support/cli.ts'
import { startRun } from '../support/crossing-runs.ts'
import { interleave, worsened } from '../support/interleave.ts'
import { openRealWorld, type RealWorld } from '../support/real-world.ts'
import { planOf } from '../support/world.ts'

/*
 * Runs that cross, on the real Temporal server and the real store: what `test/workflows/crossing.test.ts` and
 * `never-worse.test.ts` show in memory holds there as well.
 */
let world: RealWorld
beforeAll(async () => {
  world = await openRealWorld()
})
afterAll(() => world?.close())
const taskQueue = 'slipway'
/** Interleavings on the real servers: each takes seconds of processor time, so fifty are tried with `CROSSINGS=50`. */
const crossings = Number(process.env.CROSSINGS ?? 5)

describe('on the real servers', () => {
  it('fifty runs at once on a worker with eight slots all end', async () => {
    const plan = planOf('many', {})
    const runs = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        startRun(world.client, world, taskQueue, plan, { number: i + 1, quality: 10, candidate: 1 }),
      ),
    )
    for (const run of runs) {
      const record = await run.ended()
      expect(record, JSON.stringify(record.error)).toMatchObject({ status: 'succeeded', model: { version: 1 } })
    }
  }, 1_200_000)

  it('of many interleavings none puts in force what its own gates say is worse', async () => {
    const scene = {
      client: world.client,
      taskQueue,
      world,
      prefix: 'm',
      rest: () => new Promise<void>((resolve) => setTimeout(resolve, 100)),
    }
    const seeds = Array.from({ length: crossings }, (_, i) => 1_000 + i)
    // Ten at a time: they wait more than they work.
    const going = Array.from({ length: 10 }, async () => {
      for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) {
        const takeovers = await interleave(scene, seed)
        expect(takeovers.filter(worsened(world)), `seed ${seed}`).toEqual([])
      }
    })
    await Promise.all(going)
    expect(world.takeovers.length).toBeGreaterThan(crossings)
    expect([...world.records.values()].filter(({ status }) => status === 'failed')).toEqual([])
  }, 1_200_000)

  it('a rollout that is terminated gives its endpoint back by its run, which ends with a record and exit 14', async () => {
    const { client } = world
    await world.putInForce('ended', 10, ['ended'])
    const plan = planOf('ended', { endpoints: ['ended'] })
    for (const step of plan.steps)
      if (step.kind === 'deploy') Object.assign(step.policy, { strategy: { kind: 'canary', steps: [5] } })
    const run = await startRun(client, world, taskQueue, plan, { number: 1, quality: 20 })
    const { rollout } = await run.until((progress) => progress.rollout !== null)
    await client.workflow.getHandle(rolloutWorkflowId(rollout as string)).terminate('by hand')
    expect(await run.ended()).toMatchObject({
      status: 'rolled back',
      exitCode: 14,
      error: {
        code: 'ROLLED_BACK',
        message: `ended: the rollout was ended from outside: runRollout rollout/${rollout} was terminated`,
      },
    })
    expect(world.routes.get('ended')).toMatchObject({ rollout: null, champion: { version: 1 } })
    expect(await readRun(world.store, run.runId)).toMatchObject({ exitCode: 14 })
  })

  it('owners that were terminated are asked again, and start anew', async () => {
    const { client } = world
    await world.putInForce('again', 10)
    const first = await startRun(client, world, taskQueue, planOf('again', {}), { number: 1, quality: 20 })
    await first.ended()
    await client.workflow.getHandle(modelWorkflowId('again')).terminate('by hand')
    const second = await startRun(client, world, taskQueue, planOf('again', { endpoints: ['again'] }), {
      number: 2,
      quality: 30,
    })
    expect(await second.ended()).toMatchObject({ status: 'succeeded' })
    await client.workflow.getHandle(endpointWorkflowId('again')).describe()
    expect(world.models.get('again')?.champions).toEqual([1, 2, 3])
  })

  it('people approve in a role they claim, and cancel, by the command line', async () => {
    const plan = planOf('asked', { approval: true })
    const start = (number: number) => startRun(world.client, world, taskQueue, plan, { number, quality: 10 * number })
    const command = (...args: string[]) => slipway(packageRoot, args, world.env)
    const approved = await start(1)
    await approved.until(({ waitingFor }) => waitingFor !== null)
    const answer = await command('approve', approved.runId, '--as', 'cto', '--reason', 'fine', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout)).toMatchObject({
      decision: 'approve',
      role: 'cto',
      roleChecked: false,
      against: null,
    })
    const { steps } = await approved.ended()
    const said = steps.find(({ kind }) => kind === 'approve')?.summary
    expect(said).toMatch(/^approved by \S+ as cto \(role not checked\): fine$/)

    const cancelled = await start(2)
    await cancelled.until(({ waitingFor }) => waitingFor !== null)
    const asked = await command('cancel', cancelled.runId)
    expect(asked, asked.stderr).toMatchObject({ code: 0 })
    expect(await cancelled.ended()).toMatchObject({ status: 'cancelled', exitCode: 130 })
    const again = await command('cancel', approved.runId)
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/no run asked-run1 is going on/)])
  })
})
