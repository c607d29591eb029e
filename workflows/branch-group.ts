import { type ChildWorkflowHandle, startChild } from '@temporalio/workflow'
import { inConsole } from '../lib/formats/console-link.ts'
import type { PlanNode } from '../lib/formats/plan-graph.ts'
import type { GroupOutline, PlanOutline } from '../lib/formats/plan-outline.ts'
import { topBranchOf } from '../lib/formats/step-id.ts'
import { type BranchesResult, branchesWorkflowId, type FailedStep, slotsSignal } from './branch-messages.ts'
import type { RunInput, Stop } from './messages.ts'
import type { runBranches } from './run-branches.ts'
import { failureOfStep, stopOf } from './run-end.ts'
import { type RunState, show } from './run-state.ts'

/** A group of branches that a workflow of its own carries out. */
export interface RunningGroup {
  readonly end: Promise<GroupEnd>
  /** From now on it may do so many things at once. */
  widen(slots: number): void
}

interface GroupEnd {
  /** Steps of it that the run reads from: whether they are done. */
  readonly made: ReadonlyMap<string, boolean>
  readonly failed: FailedStep | null
}

const nameOf = (group: number): string => `branches ${group}`

/**
 * The nodes of a run, and between them its groups of branches: behind what those may need, before what rests on them. A
 * step that reads something of a group waits for the whole group as well, which ends well even where branches of it
 * fail.
 */
export function withGroups(own: readonly PlanNode[], { groups = [] }: PlanOutline): PlanNode[] {
  if (groups.length === 0) return [...own]
  const makers = new Map(groups.flatMap(({ makes }, i) => makes.map((id) => [id, nameOf(i)])))
  const resting = new Set<string>()
  const nodes = own.map((node) => {
    const makersOf = node.needs.flatMap((id) => makers.get(id) ?? [])
    if (makersOf.length > 0 || [...node.needs, ...node.after].some((id) => resting.has(id))) resting.add(node.id)
    return makersOf.length === 0 ? node : { ...node, needs: [...new Set([...node.needs, ...makersOf])] }
  })
  const between = groups.map(({ reads, size }, i) => ({ id: nameOf(i), needs: reads, after: [], width: size }))
  return [...nodes.filter(({ id }) => !resting.has(id)), ...between, ...nodes.filter(({ id }) => resting.has(id))]
}

/** Starts the workflow of a group. @returns undefined where the node is none */
export function startGroup(state: RunState, node: string, slots: number): RunningGroup | undefined {
  const group = (state.plan.groups ?? []).findIndex((_, i) => nameOf(i) === node)
  if (group === -1) return undefined
  const outline = state.plan.groups?.[group] as GroupOutline
  let told = slots
  let handle: ChildWorkflowHandle<typeof runBranches> | undefined
  const tell = async (): Promise<void> => {
    // A group that has ended meanwhile needs no more slots.
    if (handle !== undefined) await handle.signal(slotsSignal, told).catch(() => {})
  }
  const end = async (): Promise<GroupEnd> => {
    try {
      handle = await startBranches(state, group, outline, slots)
      if (told !== slots) void tell()
      return ended(state, outline, await handle.result())
    } catch (error) {
      return brokenOff(state, outline, stopOf(error, node))
    } finally {
      state.elsewhere.delete(branchesWorkflowId(state.input.runId, group))
      show(state)
    }
  }
  return {
    end: end(),
    widen(more) {
      told = more
      void tell()
    },
  }
}

function startBranches(state: RunState, group: number, { branches, reads, makes }: GroupOutline, slots: number) {
  const workflowId = branchesWorkflowId(state.input.runId, group)
  state.elsewhere.add(workflowId)
  show(state)
  const given = Object.fromEntries(
    reads.flatMap((id) => {
      const outcome = state.outcomes.get(id)
      return outcome === undefined ? [] : [[id, { ...outcome, facts: {} }]]
    }),
  )
  return startChild<typeof runBranches>('runBranches', {
    workflowId,
    args: [{ run: inputFor(state.input, branches), group, branches, slots, given, makes }],
    // A run that is cancelled waits for its branches to stop.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    parentClosePolicy: 'REQUEST_CANCEL',
    staticSummary: `${branches.length} branches, ${branches[0]} to ${branches.at(-1)}`,
    ...inConsole(state.input.console, `/runs/${state.input.runId}`),
  })
}

/** What a group is told of its run: of sources and snapshots, its own. */
function inputFor(input: RunInput, branches: readonly string[]): RunInput {
  const among = new Set(branches)
  const own = (digests: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(digests).filter(([id]) => among.has(topBranchOf(id))))
  return { ...input, sources: own(input.sources), snapshots: own(input.snapshots) }
}

function ended(state: RunState, { size }: GroupOutline, { branches, made, failed }: BranchesResult): GroupEnd {
  state.branches.push(...branches)
  state.doneElsewhere += size
  for (const [id, outcome] of Object.entries(made)) if (outcome !== null) state.outcomes.set(id, outcome)
  return {
    made: new Map(Object.entries(made).map(([id, outcome]) => [id, outcome !== null])),
    failed,
  }
}

/** What becomes of a group whose workflow ended without a result. */
function brokenOff(state: RunState, { branches, makes, size }: GroupOutline, stop: Stop): GroupEnd {
  const step = branches[0] as string
  const { status } = stop
  state.branches.push(...branches.map((name) => ({ name, status, model: null, failure: failureOfStep(name, stop) })))
  state.doneElsewhere += size
  return { made: new Map(makes.map((id) => [id, false])), failed: { step, stop } }
}
