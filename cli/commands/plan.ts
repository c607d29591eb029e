import { forecast } from '../../client/forecast.ts'
import { hostVersions } from '../../lib/code/host.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { outlineOf, usualParallel } from '../../lib/formats/plan-outline.ts'
import { topBranchOf } from '../../lib/formats/step-id.ts'
import { findSource } from '../../lib/sources/take.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { planned as plannedHere } from '../../workers/planned.ts'
import { type CheckOptions, checkPlan } from '../check-plan.ts'
import { openContext } from '../context.ts'
import { firstFiles } from '../first-files.ts'
import { requireSameInputs } from '../input-version.ts'
import { type JsonOption, pairs } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { gateLines, knownSplits, plannedGates } from '../plan-gates.ts'
import { comesAfter, foldedBranches, planRows } from '../plan-table.ts'
import type { LookAt } from '../rehearsal.ts'
import { plannedViews, viewLines, viewsOf } from '../views.ts'

/** What a run would do now, without doing it. */
export async function plan(
  pipeline: string,
  options: JsonOption & CheckOptions & { set?: readonly string[] },
): Promise<number> {
  const { settings, store } = openContext()
  const host = hostVersions()
  const whole = await plannedHere(settings.root, store, pipeline, pairs('--set', options.set))
  const { plan: planned, readable: sources } = whole
  const lookAt: LookAt = async (step) => firstFiles(store, await findSource(sources, step))
  const checking = checkPlan(settings.root, whole, lookAt, options)
  // What is wrong is said first, whatever the store says meanwhile.
  const forecasting = requireSameInputs(store, whole).then(() => forecast(store, planned, host, sources))
  forecasting.catch(() => {})
  const checks = await checking
  const steps = await forecasting
  const outline = outlineOf(planned)
  const { parallel = usualParallel } = planned
  const gates = plannedGates(planned, await knownSplits(store, steps))
  const views = plannedViews(planned, await viewsOf(store, planned), steps)
  if (options.json === true) {
    const after = comesAfter(outline)
    const known = steps.map((each) => ({ ...each, after: after.get(each.step) ?? [] }))
    printJson({ plan: { digest: digestOfPlan(planned), parallel }, steps: known, gates, views, checks })
    return 0
  }
  print(table(['step', 'after', 'would', 'because'], planRows(outline, steps)))
  const folded = foldedBranches(outline)
  for (const line of gateLines(gates.filter(({ step }) => !folded.has(topBranchOf(step))))) print(line)
  for (const line of viewLines(pipeline, views)) print(line)
  print(
    `\nplan ${shortDigest(digestOfPlan(planned))}: ${steps.filter(({ state }) => state === 'reused').length} of ${steps.length} steps are reused, up to ${parallel} run at once`,
  )
  for (const check of checks) print(`  ${check}`)
  return 0
}
