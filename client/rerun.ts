import type { PlannedPipeline } from '../lib/code/plan.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { outlineOf } from '../lib/formats/plan-outline.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { nameOfStep } from '../lib/formats/step-names.ts'
import { recordedInputs } from '../lib/jobs/verify/recorded-inputs.ts'
import { putJson } from '../lib/store/objects.ts'
import { getPlan } from '../lib/store/plans.ts'
import { planned } from '../workers/planned.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import { type BegunRun, beginRun, type RunInputs } from './begin-run.ts'
import { checkPlan } from './check-plan.ts'
import type { ClientContext } from './context.ts'
import { requireEndedRun } from './ended-run.ts'
import { storedPlan } from './exported-plan.ts'
import { requireSameInputs } from './input-version.ts'
import { seenViews, viewsOf } from './plan-views.ts'
import { asItWasAsked, parametersIn } from './recorded-commit.ts'

/**
 * Starts what a run was asked for once more, on the bytes that it read, as `slipway rerun` does.
 * @param plan the plan of that run, or what the definition here makes of the same parameters
 * @param interrupt whether somebody has asked meanwhile that it is not begun
 * @throws SlipwayError NOT_FOUND, INTERRUPTED, what is wrong with the definition
 */
export async function rerun(
  context: ClientContext,
  runId: string,
  plan: 'same' | 'new',
  interrupt: { readonly happened: boolean } = { happened: false },
): Promise<BegunRun & { readonly pipeline: string }> {
  const { store, settings } = context
  const run = await requireEndedRun(store, runId)
  const recorded = await getPlan(store, run.plan.digest)
  const again = await (plan === 'same'
    ? storedPlan({ store, trusted: trustedKeysOf(settings) }, recorded)
    : newPlan(context, recorded, run))
  const { pipeline } = again.plan
  const read = await whatItRead(context, again.plan, run)
  await requireSameInputs(store, again)
  const views = seenViews(pipeline, await viewsOf(store, again.plan), [])
  const begun = await beginRun(context, again, { ...read, ...toldOf(run, plan), views }, interrupt)
  return { ...begun, pipeline }
}

/** What the definition here makes of the same parameters, as of the same moment. */
async function newPlan({ store, settings }: ClientContext, recorded: Plan, run: RunRecord): Promise<PlannedPipeline> {
  const { root } = settings
  const whole = await planned(root, store, run.pipeline, parametersIn(run.origin))
  const anew = { ...whole, plan: asItWasAsked(whole.plan, recorded, run.origin) }
  await checkPlan(root, anew, async () => undefined, {})
  return anew
}

/** What a run read, by step of the plan. @throws SlipwayError USAGE where that lacks a source of the plan */
async function whatItRead({ store }: ClientContext, plan: Plan, run: RunRecord) {
  const { steps } = outlineOf(plan)
  const { contents, snapshots } = await recordedInputs(
    store,
    steps,
    new Map(run.steps.map((step) => [step.name, step])),
  )
  const sources: Record<string, string> = {}
  for (const [id, files] of Object.entries(contents)) sources[id] = (await putJson(store, files)).digest
  const missing = plan.steps.find(({ id, kind }) => kind === 'snapshot' && !(id in sources) && !(id in snapshots))
  if (missing === undefined) return { sources, snapshots }
  throw new SlipwayError('USAGE', `run ${run.runId} read no source "${nameOfStep(missing)}"`, {
    next: `slipway run ${plan.pipeline} reads the sources as they are now`,
  })
}

/** What is told of the new run: whose parameters it has, and, with the same plan, where its code is from. */
function toldOf({ runId, origin }: RunRecord, plan: 'same' | 'new'): Pick<RunInputs, 'told' | 'code'> {
  const some = (...names: string[]): Record<string, string> =>
    Object.fromEntries(names.flatMap((name) => (origin[name] === undefined ? [] : [[name, origin[name]]])))
  const told = { ...some('set', 'from'), rerun: runId }
  return plan === 'new' ? { told } : { told, code: some('commit', 'tree', 'lockFile') }
}
