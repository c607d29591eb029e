import { CancellationScope, proxyActivities, setHandler } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { BranchesRecord } from '../lib/formats/records.ts'
import { type BranchesInput, type BranchesResult, type FailedStep, slotsSignal } from './branch-messages.ts'
import { progressQuery } from './messages.ts'
import { briefly } from './options.ts'
import { branchReports, cancelled, failureOfStep } from './run-end.ts'
import { type GraphEnd, type GraphRun, startGraph } from './run-graph.ts'
import { gatesOf, progressOf, type RunState, startState } from './run-state.ts'

/**
 * Carries out a group of branches of a run, as the run itself would: so that however many there are, no history grows
 * long. What they did is kept in a record of its own; the run is told how each branch ended, and what its own steps
 * read.
 */
export async function runBranches(input: BranchesInput): Promise<BranchesResult> {
  const { run, group, slots, given } = input
  const state = startState(run, true)
  let most = slots
  let graph: GraphRun | undefined
  setHandler(progressQuery, () => progressOf(state))
  setHandler(slotsSignal, (now) => {
    most = now
    graph?.widen(now)
  })
  const { readPlan } = proxyActivities<Activities>({ ...briefly, summary: `read the plan of group ${group}` })
  state.plan = await readPlan({ plan: run.planDigest, group })
  for (const [id, outcome] of Object.entries(given)) state.outcomes.set(id, outcome)
  graph = startGraph(state, most)
  return finish(state, input, await graph.end)
}

async function finish(
  state: RunState,
  input: BranchesInput,
  { failures, notBegun }: GraphEnd,
): Promise<BranchesResult> {
  const { run, group, branches, makes } = input
  const record: BranchesRecord = {
    slipway: 'branches/1',
    runId: run.runId,
    group,
    branches: branchReports(state, failures, new Set(notBegun.map(({ id }) => id))),
    steps: state.finished,
    gates: gatesOf(state),
    failures: [...failures].map(([step, stop]) => failureOfStep(step, stop)),
    notBegun: notBegun.map(({ id, because }) => ({ name: id, because })),
  }
  const { recordBranches } = proxyActivities<Activities>({ ...briefly, summary: `${record.branches.length} branches` })
  await CancellationScope.nonCancellable(() => recordBranches(record))
  const made = makes.map((id) => [id, (failures.has(id) ? undefined : state.outcomes.get(id)) ?? null])
  const [first] = [...failures].map(([step, stop]): FailedStep => ({ step, stop }))
  const during = branches[0] as string
  const isCancelled = CancellationScope.current().consideredCancelled
  const failed = isCancelled ? { step: during, stop: cancelled(during) } : (first ?? null)
  return { branches: record.branches, made: Object.fromEntries(made), failed }
}
