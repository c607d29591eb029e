import { planRun } from '../../client/plan-run.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { topBranchOf } from '../../lib/formats/step-id.ts'
import { findingOf } from '../ci/finding.ts'
import { appendToJobSummary, hasJobSummary } from '../ci/tell.ts'
import { writeCodeQuality } from '../ci/write-report.ts'
import { openContext } from '../context.ts'
import { type JsonOption, pairs, writeTo } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { gateLines } from '../plan-gates.ts'
import { planMarkdown } from '../plan-markdown.ts'
import { changeLines, comparedInWords, foldedBranches, planRows } from '../plan-table.ts'
import { viewLines } from '../views.ts'

interface PlanOptions extends JsonOption {
  readonly set?: readonly string[]
  /** Compares with the run that made it, instead of with the newest run. */
  readonly against?: 'champion'
  /** False leaves the types to the editor. */
  readonly types?: boolean
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
  const { set, against, types } = options
  const document = await planRun(openContext(), pipeline, {
    set: pairs('--set', set),
    ...(against !== undefined && { against }),
    ...(types !== undefined && { types }),
  })
  const { plan: found, champions = [], steps, gates, views, checks } = document
  if (options.markdown !== undefined) writeTo('--markdown', options.markdown, planMarkdown(pipeline, document))
  if (hasJobSummary()) appendToJobSummary(planMarkdown(pipeline, document))
  const exitCode = document.wouldChange && options.detailedExitcode === true ? exitCodes.wouldRun : exitCodes.done
  if (options.json === true) {
    printJson(document)
    return exitCode
  }
  const folded = foldedBranches(steps)
  for (const each of champions) print(comparedInWords(each))
  print(table(['step', 'after', 'would', 'because'], planRows(steps)))
  for (const line of gateLines(gates.filter(({ step }) => !folded.has(topBranchOf(step))))) print(line)
  for (const line of viewLines(pipeline, views)) print(line)
  for (const line of changeLines(document)) print(line)
  const reused = steps.filter(({ state }) => state === 'reused').length
  print(
    `\nplan ${shortDigest(found.digest)}: ${reused} of ${steps.length} steps are reused, up to ${found.parallel} run at once`,
  )
  for (const check of checks) print(`  ${check}`)
  return exitCode
}
