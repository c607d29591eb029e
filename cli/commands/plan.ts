import { type CheckOptions, checkPlan } from '../../client/check-plan.ts'
import { firstFiles } from '../../client/first-files.ts'
import { forecast } from '../../client/forecast.ts'
import { requireSameInputs } from '../../client/input-version.ts'
import { viewsOf } from '../../client/plan-views.ts'
import type { LookAt } from '../../client/rehearsal.ts'
import { hostVersions } from '../../lib/code/host.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { outlineOf, usualParallel } from '../../lib/formats/plan-outline.ts'
import { topBranchOf } from '../../lib/formats/step-id.ts'
import { findSource } from '../../lib/sources/take.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { planned as plannedHere } from '../../workers/planned.ts'
import { findingOf } from '../ci/finding.ts'
import { appendToJobSummary, hasJobSummary } from '../ci/tell.ts'
import { writeCodeQuality } from '../ci/write-report.ts'
import { openContext } from '../context.ts'
import { type JsonOption, pairs, writeTo } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { championsFor, releasesOf } from '../plan-against.ts'
import { gateLines, knownSplits, plannedGates } from '../plan-gates.ts'
import { planMarkdown, wouldChange } from '../plan-markdown.ts'
import { changeLines, comesAfter, comparedInWords, foldedBranches, planRows } from '../plan-table.ts'
import { plannedViews, viewLines } from '../views.ts'

interface PlanOptions extends JsonOption, CheckOptions {
  readonly set?: readonly string[]
  /** Compares with the run that made it, instead of with the newest run. */
  readonly against?: 'champion'
  /** Says by the exit code whether a run would do something. */
  readonly detailedExitcode?: boolean
  /** A file for a page of Markdown. */
  readonly markdown?: string
  /** A file for a report of GitLab's Code Quality. */
  readonly codeQuality?: string
}

/**
 * What a run would do now, without doing it.
 * @returns the exit code: 3 where that is asked for and there is something to do
 */
export async function plan(pipeline: string, options: PlanOptions): Promise<number> {
  try {
    const exitCode = await planAndShow(pipeline, options)
    writeCodeQuality(options, [], pipeline)
    return exitCode
  } catch (error) {
    writeCodeQuality(options, [findingOf(error)], pipeline)
    throw error
  }
}

async function planAndShow(pipeline: string, options: PlanOptions): Promise<number> {
  const { settings, store } = openContext()
  const host = hostVersions()
  const whole = await plannedHere(settings.root, store, pipeline, pairs('--set', options.set))
  const { plan: planned, readable: sources } = whole
  const lookAt: LookAt = async (step) => firstFiles(store, await findSource(sources, step))
  const checking = checkPlan(settings.root, whole, lookAt, options)
  // What is wrong is said first, whatever the store says meanwhile.
  const looking = requireSameInputs(store, whole).then(async () => {
    const champions = options.against === undefined ? undefined : await championsFor(store, planned)
    const steps = await forecast(store, planned, host, sources, champions?.runOf)
    return { steps, champions: champions?.compared, releases: await releasesOf(store, planned, champions) }
  })
  looking.catch(() => {})
  const checks = await checking
  const { steps, champions, releases } = await looking
  const outline = outlineOf(planned)
  const { parallel = usualParallel } = planned
  const gates = plannedGates(planned, await knownSplits(store, steps))
  const views = plannedViews(planned, await viewsOf(store, planned), steps)
  const folded = foldedBranches(outline)
  const found = { pipeline, digest: digestOfPlan(planned), steps, gates, releases, champions }
  if (options.markdown !== undefined) writeTo('--markdown', options.markdown, planMarkdown(found, folded))
  if (hasJobSummary()) appendToJobSummary(planMarkdown(found, folded))
  const isChange = wouldChange(found)
  const exitCode = isChange && options.detailedExitcode === true ? exitCodes.wouldRun : exitCodes.done
  if (options.json === true) {
    const after = comesAfter(outline)
    const known = steps.map((each) => ({ ...each, after: after.get(each.step) ?? [] }))
    const compared = champions === undefined ? {} : { champions }
    printJson({
      plan: { digest: found.digest, parallel },
      ...compared,
      wouldChange: isChange,
      steps: known,
      gates,
      releases,
      views,
      checks,
    })
    return exitCode
  }
  for (const each of champions ?? []) print(comparedInWords(each))
  print(table(['step', 'after', 'would', 'because'], planRows(outline, steps)))
  for (const line of gateLines(gates.filter(({ step }) => !folded.has(topBranchOf(step))))) print(line)
  for (const line of viewLines(pipeline, views)) print(line)
  for (const line of changeLines(found)) print(line)
  print(
    `\nplan ${shortDigest(digestOfPlan(planned))}: ${steps.filter(({ state }) => state === 'reused').length} of ${steps.length} steps are reused, up to ${parallel} run at once`,
  )
  for (const check of checks) print(`  ${check}`)
  return exitCode
}
