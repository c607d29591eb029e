import type { PlanNode } from '../formats/plan-graph.ts'

/** Where a node of a graph stands; one that is in no map has not begun. */
export type Standing =
  | { readonly state: 'running' /** How many things it may do at once. */; readonly slots: number }
  | { readonly state: 'done' | 'failed' }
export type Standings = ReadonlyMap<string, Standing>

interface Slots {
  readonly id: string
  readonly slots: number
}

/** What follows from where all nodes stand. */
export interface NextSteps {
  /** Nodes that begin now, in the order of the plan. */
  readonly start: readonly Slots[]
  /** Nodes that run and may do more at once from now on: nothing else wants the slots. */
  readonly widen: readonly Slots[]
}

/**
 * Which nodes begin now: all whose needs are done and whose predecessors have ended, the first of the plan first, while
 * fewer than `limit` work. What is left over goes to those that can do several things at once, one each in turn. What
 * runs together never has more than `limit` slots, and a node keeps those it was given until it ends.
 */
export function nextSteps(nodes: readonly PlanNode[], standings: Standings, limit: number): NextSteps {
  const slots = new Map<string, number>()
  for (const [id, standing] of standings) if (standing.state === 'running') slots.set(id, standing.slots)
  const before = new Map(slots)
  let free = limit - [...slots.values()].reduce((sum, taken) => sum + taken, 0)
  let isWaiting = false
  const lost = causesOf(nodes, standings)
  for (const node of nodes) {
    if (standings.has(node.id) || !mayBegin(node, standings, lost)) continue
    const wanted = Math.min(1, node.width)
    if (wanted > free) {
      isWaiting = true
      continue
    }
    slots.set(node.id, wanted)
    free -= wanted
  }
  if (!isWaiting) shareOut(nodes, slots, free)
  const all = nodes.flatMap(({ id }) => (slots.has(id) ? [{ id, slots: slots.get(id) as number }] : []))
  return {
    start: all.filter(({ id }) => !before.has(id)),
    widen: all.filter(({ id, slots: now }) => before.has(id) && before.get(id) !== now),
  }
}

function mayBegin({ needs, after }: PlanNode, standings: Standings, lost: ReadonlyMap<string, string>): boolean {
  // What can never begin is not waited for.
  const isOver = (id: string): boolean => (standings.has(id) ? standings.get(id)?.state !== 'running' : lost.has(id))
  return needs.every((id) => standings.get(id)?.state === 'done') && after.every(isOver)
}

/** Gives what is free to nodes that can use it: one slot to each in turn. */
function shareOut(nodes: readonly PlanNode[], slots: Map<string, number>, free: number): void {
  let left = free
  for (let given = true; given && left > 0; ) {
    given = false
    for (const { id, width } of nodes) {
      const now = slots.get(id)
      if (left === 0 || now === undefined || now === 0 || now >= width) continue
      slots.set(id, now + 1)
      left--
      given = true
    }
  }
}

/** A node that is not begun any more. */
export interface NeverBegun {
  readonly id: string
  /**
   * The first of the plan that failed and that it waits for, directly or not; null where nothing failed: the run ended
   * before.
   */
  readonly because: string | null
}

/** The nodes that did not begin, once nothing runs any more. */
export function neverBegun(nodes: readonly PlanNode[], standings: Standings): NeverBegun[] {
  const lost = causesOf(nodes, standings)
  return nodes.flatMap(({ id }) => (standings.has(id) ? [] : [{ id, because: lost.get(id) ?? null }]))
}

/**
 * Nodes that can never begin, for they need one that failed, directly or not: by id the first such one of the plan.
 * Nodes stand in an order in which they can run, so causes are handed on in one pass.
 */
function causesOf(nodes: readonly PlanNode[], standings: Standings): Map<string, string> {
  const place = new Map(nodes.map(({ id }, i) => [id, i]))
  const placeOf = (id: string): number => place.get(id) ?? -1
  const causes = new Map<string, string>()
  for (const { id, needs } of nodes) {
    if (standings.has(id)) continue
    const found = needs.flatMap((need) => (standings.get(need)?.state === 'failed' ? need : (causes.get(need) ?? [])))
    const [first] = found.sort((a, b) => placeOf(a) - placeOf(b))
    if (first !== undefined) causes.set(id, first)
  }
  return causes
}
