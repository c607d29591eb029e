import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import { firstOf } from '../lib/formats/brief.ts'
import type { PlanOutline } from '../lib/formats/plan-outline.ts'
import type { BranchReport, GateResult, RunRecord, StepReport } from '../lib/formats/records.ts'
import { branchOf } from '../lib/formats/step-id.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { type Owners, openOwners } from './ask-owner.ts'
import { attributes } from './attributes.ts'
import { runDetails } from './details.ts'
import type { Judgement } from './judging.ts'
import type { Decision, RunInput, RunProgress } from './messages.ts'

type Model = NonNullable<RunRecord['model']>

/** What a run knows so far. */
export interface RunState {
  readonly owners: Owners
  readonly input: RunInput
  /** It carries out some branches of a run: what concerns the run as a whole is not its business. */
  readonly isPart: boolean
  /** Without steps until it was read. */
  plan: PlanOutline
  readonly startedAt: string
  readonly outcomes: Map<string, StepOutcome>
  readonly finished: StepReport[]
  /** How it ended, once it has. */
  ended: string | null
  /** By step that is under way, what it does: a step that takes over may judge anew. */
  readonly doing: Map<string, string>
  waitingFor: RunProgress['waitingFor']
  /** In words, by step: which rollout it waits for, and where that is seen. */
  readonly waits: Map<string, string>
  /** By package. */
  readonly judgements: Map<string, Judgement>
  /** By package, while it is looked up. */
  readonly judging: Map<string, Promise<Judgement>>
  /** By step. */
  readonly gates: Map<string, readonly GateResult[]>
  /** By package. */
  readonly models: Map<string, Model>
  /** Rollouts that are going on, by step; and how the last one ended. */
  readonly rollouts: Map<string, string>
  rollout: RunRecord['rollout']
  decision: (Decision & { readonly approved: boolean }) | undefined
  /** What workflows of their own carried out, and carry out at the moment. */
  readonly branches: BranchReport[]
  readonly elsewhere: Set<string>
  doneElsewhere: number
  /** Of steps that do several things at once: how many they may. */
  readonly slots: Map<string, Slots>
}

/** How many things a step may do at once, and what tells it that these are more now. */
export interface Slots {
  now: number
  tell?: ((slots: number) => void) | undefined
}

export const startState = (input: RunInput, isPart = false): RunState => ({
  owners: openOwners(),
  input,
  isPart,
  plan: { pipeline: input.pipeline, steps: [] },
  startedAt: new Date().toISOString(),
  outcomes: new Map(),
  finished: [],
  ended: null,
  doing: new Map(),
  waitingFor: null,
  waits: new Map(),
  judgements: new Map(),
  judging: new Map(),
  gates: new Map(),
  models: new Map(),
  rollouts: new Map(),
  rollout: null,
  decision: undefined,
  branches: [],
  elsewhere: new Set(),
  doneElsewhere: 0,
  slots: new Map(),
})

/** Begins a step, or what a step does besides. */
export function enter(state: RunState, step: string, doing = step): void {
  state.doing.set(step, doing)
  if (!state.isPart) upsertSearchAttributes([{ key: attributes.stage, value: stageOf(state) }])
  show(state)
}

/** Where a run stands, in words: how it ended, or what is under way. */
export function stageOf({ ended, plan, doing }: RunState): string {
  if (ended !== null) return ended
  const inOrder = byPlan(plan, doing).map(([, words]) => words)
  return inOrder.length === 0 ? 'starting' : firstOf(inOrder, { most: 3 })
}

/** What is known by step, in the order of the plan. */
function byPlan<Known>({ steps }: PlanOutline, known: ReadonlyMap<string, Known>): [string, Known][] {
  return steps.flatMap(({ id }) => (known.has(id) ? [[id, known.get(id) as Known]] : []))
}

/** Shows where the run stands in Temporal's web UI. */
export function show(state: RunState): void {
  setCurrentDetails(runDetails(state.plan.pipeline, progressOf(state), gatesOf(state), modelOf(state)))
}

/** The outcomes of all gates, of the last judgement each. Those of branches say which. */
export const gatesOf = ({ plan, gates }: RunState): GateResult[] =>
  byPlan(plan, gates).flatMap(([step, results]) => {
    const branch = branchOf(step)
    return branch === '' ? results : results.map((result) => ({ ...result, name: `${branch}: ${result.name}` }))
  })

/** What the run registered last, in the order of its plan; branches have models of their own. */
export function modelOf({ plan, models }: RunState): Model | null {
  const packages = plan.steps.flatMap((step) =>
    step.kind === 'register' && branchOf(step.package) === '' ? step.package : [],
  )
  return packages.flatMap((id) => models.get(id) ?? []).at(-1) ?? null
}

/** The answer to the progress query. */
export function progressOf(state: RunState): RunProgress {
  const { plan, finished, waitingFor, waits, rollouts, doing, elsewhere, doneElsewhere } = state
  const { steps, others = [], groups = [] } = plan
  const all = groups.reduce((sum, { size }) => sum + size, steps.length - others.length)
  return {
    stage: stageOf(state),
    finished,
    waitingFor,
    waits: [...waits.values()][0] ?? null,
    rollout: [...rollouts.values()][0] ?? null,
    running: Object.fromEntries(byPlan(plan, doing)),
    steps: { all, doneElsewhere },
    elsewhere: [...elsewhere],
  }
}

/** What a package's last evaluation and its last gates made. */
export function judgedBy({ plan, outcomes }: RunState, packageId: string) {
  const find = (kind: 'evaluate' | 'gate') =>
    plan.steps.filter((each) => each.kind === kind && each.package === packageId).at(-1)?.id ?? ''
  return { evaluation: outcomes.get(find('evaluate')), gates: outcomes.get(find('gate')) }
}
