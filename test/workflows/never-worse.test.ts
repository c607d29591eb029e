import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { interleave, type Scene, worsened } from '../support/interleave.ts'
import { openWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-environment.ts'
import { openWorld, type World } from '../support/world.ts'

/*
 * The property: no champion was ever judged worse, by its own gates, than the one it replaced. Random interleavings of
 * three runs, their approvals, rollbacks and a retraining; each is repeated by its seed.
 */
let workflows: WorkflowEnvironment
beforeAll(async () => {
  workflows = await openWorkflowEnvironment()
})
afterAll(() => workflows?.close())
vi.setConfig({ testTimeout: 300_000 })

/** Time skips for rollouts alone: approvals would expire. */
const sceneOf = (world: World, taskQueue: string, prefix: string): Scene => ({
  client: workflows.environment.client,
  taskQueue,
  world,
  prefix,
  rest: () => workflows.environment.sleep('3s'),
})
const seeds = Array.from({ length: 12 }, (_, i) => i + 1)

describe('of runs that cross', () => {
  it('none ever puts in force what its own gates say is worse than what it replaces', async () => {
    const world = openWorld()
    await workflows.withWorker(world.activities, async (queue) => {
      for (const seed of seeds) {
        const takeovers = await interleave(sceneOf(world, queue, 'm'), seed)
        expect(takeovers.filter(worsened(world)), `seed ${seed}`).toEqual([])
      }
      expect(world.takeovers.length).toBeGreaterThan(seeds.length)
      expect([...world.records.values()].filter(({ status }) => status === 'failed')).toEqual([])
    })
  })

  it('some would without the compare, and this test would notice', async () => {
    const world = openWorld({ compares: false })
    await workflows.withWorker(world.activities, async (queue) => {
      for (const seed of seeds)
        if ((await interleave(sceneOf(world, queue, 'free'), seed)).some(worsened(world))) return
      expect.fail('all seeds went well without the compare')
    })
  })
})
