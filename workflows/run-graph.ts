import { CancellationScope } from '@temporalio/workflow'
import { graphOf, type PlanNode } from '../lib/formats/plan-graph.ts'
import { ownSteps, type StepOutline } from '../lib/formats/plan-outline.ts'
import { type NeverBegun, neverBegun, nextSteps, type Standing } from '../lib/stats/schedule.ts'
import { type RunningGroup, startGroup, withGroups } from './branch-group.ts'
import type { Stop } from './messages.ts'
import { stopOf } from './run-end.ts'
import { enter, type RunState, show } from './run-state.ts'
import { carryOut } from './run-steps.ts'

/** What became of a graph. */
export interface GraphEnd {
  /** Why steps failed, by step, in the order of the plan. */
  readonly failures: ReadonlyMap<string, Stop>
  readonly notBegun: readonly NeverBegun[]
}

/** A graph that is being carried out. */
export interface GraphRun {
  /** Its end, once nothing runs any more and nothing may begin. */
  readonly end: Promise<GraphEnd>
  /** From now on so many steps may work at once. */
  widen(limit: number): void
}

/**
 * Carries out a plan as the graph it is: a step begins as soon as what it needs is there, while fewer than `limit`
 * work. A failure stops what depends on it and nothing else; after a cancellation nothing begins any more, and what
 * runs is waited for.
 */
export function startGraph(state: RunState, limit: number): GraphRun {
  const own = ownSteps(state.plan)
  const nodes = withGroups(graphOf(state.plan), state.plan)
  const standings = new Map<string, Standing>([...state.outcomes.keys()].map((id) => [id, { state: 'done' }]))
  const failures = new Map<string, Stop>()
  const groups = new Map<string, RunningGroup>()
  let most = limit
  let finish: (end: GraphEnd) => void
  let giveUp: (error: unknown) => void
  const end = new Promise<GraphEnd>((resolve, reject) => {
    finish = resolve
    giveUp = reject
  })

  /** Carries a node out, and says how the steps in it stand then. */
  const run = async (node: PlanNode, slots: number): Promise<void> => {
    const group = startGroup(state, node.id, slots)
    if (group === undefined) {
      state.slots.set(node.id, { now: slots })
      const stop = await runStep(state, own.find(({ id }) => id === node.id) as StepOutline)
      if (stop !== undefined) failures.set(node.id, stop)
      standings.set(node.id, { state: stop === undefined ? 'done' : 'failed' })
      return
    }
    groups.set(node.id, group)
    const { made, failed } = await group.end
    groups.delete(node.id)
    for (const [id, hasWorked] of made) standings.set(id, { state: hasWorked ? 'done' : 'failed' })
    if (failed !== null) failures.set(failed.step, failed.stop)
    standings.set(node.id, { state: 'done' })
  }
  const advance = (): void => {
    if (!CancellationScope.current().consideredCancelled) {
      const { start, widen } = nextSteps(nodes, standings, most)
      for (const { id, slots } of widen) {
        standings.set(id, { state: 'running', slots })
        groups.get(id)?.widen(slots)
        const own = state.slots.get(id)
        if (own !== undefined) own.now = slots
        own?.tell?.(slots)
      }
      for (const { id, slots } of start) {
        standings.set(id, { state: 'running', slots })
        run(nodes.find((node) => node.id === id) as PlanNode, slots).then(advance, giveUp)
      }
    }
    if ([...standings.values()].some(({ state: now }) => now === 'running')) return
    finish({ failures: inOrder(state, failures), notBegun: neverBegun(nodes, standings) })
  }
  advance()
  return {
    end,
    widen(limit) {
      most = limit
      advance()
    },
  }
}

/** @returns why it failed, if it did @throws what says that this code does not fit its history */
async function runStep(state: RunState, step: StepOutline): Promise<Stop | undefined> {
  enter(state, step.id)
  try {
    return await carryOut(state, step)
  } catch (error) {
    return stopOf(error, state.doing.get(step.id) ?? step.id)
  } finally {
    state.doing.delete(step.id)
    show(state)
  }
}

/**
 * Failures in the order of the plan: which of them counts does not depend on which was the quicker one. Those of groups
 * come last, in theirs.
 */
function inOrder({ plan }: RunState, failures: ReadonlyMap<string, Stop>): Map<string, Stop> {
  const place = new Map(plan.steps.map(({ id }, i) => [id, i]))
  const placeOf = (id: string): number => place.get(id) ?? plan.steps.length
  return new Map([...failures].sort(([a], [b]) => placeOf(a) - placeOf(b)))
}
