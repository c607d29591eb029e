import type { BegunRun } from '../../client/begin-run.ts'
import type { CheckOptions } from '../../client/check-plan.ts'
import { type ClientContext, workflowLink } from '../../client/context.ts'
import { readExported } from '../../client/exported-plan.ts'
import { followRun } from '../../client/follow.ts'
import { noProgress } from '../../client/progress.ts'
import { runDocument } from '../../client/run-document.ts'
import { type RunWanted, startRun } from '../../client/start-run.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { backtestLines } from '../backtests.ts'
import { findingOf } from '../ci/finding.ts'
import { type Definition, findingsOf } from '../ci/findings.ts'
import { tellRun } from '../ci/tell-run.ts'
import { writeCodeQuality, writeReport } from '../ci/write-report.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { endedBy, type Interrupt, listenForInterrupt } from '../interrupt.ts'
import { isoTime, pairs } from '../options.ts'
import { print, printJson, say } from '../output.ts'
import { progressView } from '../progress.ts'
import { junit, junitOfError, summaryLines, verdict } from '../report.ts'
import { valueOfError } from '../value-of-error.ts'
import { type WallClock, withinTime } from '../wall-clock.ts'
import type { LocalOptions } from './local.ts'

export interface RunOptions extends LocalOptions, CheckOptions {
  readonly wait?: boolean
  readonly json?: boolean
  readonly junit?: string
  /** A file for a report of GitLab's Code Quality. */
  readonly codeQuality?: string
  readonly set?: readonly string[]
  readonly snapshot?: readonly string[]
  readonly timeout?: string
  readonly from?: string
  readonly asOf?: string
  /** Views that are to change, whoever uses them. */
  readonly changeView?: readonly string[]
  /** A file with the plan to run, instead of the definition. */
  readonly plan?: string
  /** The run's id, for who asks for a run that may have been begun already. */
  readonly runId?: string
  /** Show the verdict only. */
  readonly brief?: boolean
  /** Show nothing while it goes on. */
  readonly quiet?: boolean
}

/**
 * Plans a pipeline, stores plan and code, and starts a run; with `wait` follows it to its end.
 * @returns the exit code
 */
export async function run(named: string | undefined, options: RunOptions): Promise<number> {
  const pipeline = await pipelineOf(named, options)
  if (options.local === true || options.inspect !== undefined)
    return (await import('./local.ts')).runHere(pipeline, options)
  try {
    const interrupt = listenForInterrupt()
    const { code, record, definition } = await withinTime(options.timeout, (clock) =>
      runAndShow(openContext(), pipeline, options, endedBy(interrupt, clock), clock),
    )
    if (options.junit !== undefined && record !== undefined)
      writeReport('the JUnit report', options.junit, junit(record))
    if (record !== undefined) writeCodeQuality(options, findingsOf(runDocument(record), definition), pipeline)
    return code
  } catch (error) {
    const { code, message } = findingOf(error)
    if (options.junit !== undefined)
      writeReport('the JUnit report', options.junit, junitOfError(pipeline, code, message))
    writeCodeQuality(options, [findingOf(error)], pipeline)
    throw error
  }
}

/** The pipeline that is run. @throws SlipwayError USAGE */
async function pipelineOf(named: string | undefined, options: RunOptions): Promise<string> {
  const { plan, set, local } = options
  if (plan === undefined && named === undefined)
    throw new SlipwayError('USAGE', 'run needs a pipeline, or --plan with a file', { next: 'slipway run --help' })
  if (plan === undefined) return named as string
  if (set !== undefined || local === true)
    throw new SlipwayError('USAGE', `--plan ${plan} is run as it is: --set and --local are for definitions`, {
      next: 'leave them out',
    })
  return (await readExported(plan, named)).pipeline
}

/**
 * The same without a report: the exit code, and the record of the run if it was followed.
 * @param interrupt what ends the waiting, Ctrl-C unless it is said
 */
export async function runAndShow(
  context: ClientContext,
  pipeline: string,
  options: RunOptions,
  interrupt: Interrupt = listenForInterrupt(),
  clock?: WallClock,
): Promise<{ code: number; record?: RunRecord; definition?: Definition }> {
  const begun = await startRun(context, pipeline, wantedBy(options), interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  const definition = { root: context.settings.root, planned: begun.planned }
  clock?.began(begun.runId)
  return { ...(await followAndShow(context, { ...begun, definition }, pipeline, options, interrupt)), definition }
}

/** A run that was begun, with the definition it was planned by, where that is here. */
interface StartedRun extends BegunRun {
  readonly definition?: Definition
}

/** Follows a run where that was asked for, and shows how it ends. */
export async function followAndShow(
  context: ClientContext,
  { runId, workflowId, isAttached, definition }: StartedRun,
  pipeline: string,
  options: RunOptions,
  interrupt: Interrupt,
): Promise<{ code: number; record?: RunRecord }> {
  const link = workflowLink(context.settings, workflowId)
  if (options.wait !== true && options.junit === undefined && options.codeQuality === undefined) {
    interrupt.stopListening()
    const status = isAttached ? 'attached' : 'started'
    if (options.json === true) printJson({ runId, workflowId, status, exitCode: 0 })
    else
      print(
        `${isAttached ? 'the same goes on already:' : 'started'} ${runId}\n  look  ${link}\n  wait  slipway wait ${runId}`,
      )
    return { code: 0 }
  }
  const isQuiet = options.quiet === true
  const isTold = !isQuiet && options.brief !== true
  const attached = isAttached ? ': the same goes on already, from the same commit; attached to it' : ''
  if (!isQuiet) say(`${colors.bold(pipeline)} run ${runId}${attached}\n  look  ${link}`)
  const record = await followRun(
    context,
    { runId, workflowId, pipeline },
    isQuiet ? noProgress : progressView(),
    interrupt,
  ).finally(() => interrupt.stopListening())
  const ended = runDocument(record)
  if (isTold) await tellRun(context, ended, definition)
  if (options.json === true) printJson(ended)
  else if (isQuiet) return { code: record.exitCode, record }
  else if (options.brief === true) say(`  ${verdict(ended)}`)
  else {
    const value = await valueOfError(context, ended)
    for (const line of [...(await backtestLines(context, ended)), ...summaryLines(ended, link, value)]) print(line)
  }
  return { code: record.exitCode, record }
}

/** What is asked for, without how it is shown. @throws SlipwayError USAGE */
function wantedBy({ set, snapshot, from, asOf, changeView, plan, types, runId }: RunOptions): RunWanted {
  return {
    ...(set !== undefined && { set: pairs('--set', set) }),
    ...(snapshot !== undefined && { snapshots: snapshotsIn(snapshot) }),
    ...{ from, asOf: asOf === undefined ? undefined : isoTime('--as-of', asOf) },
    ...{ changeViews: changeView, plan, types, runId },
  }
}

/** A bare digest, or digests by source. @throws SlipwayError USAGE */
function snapshotsIn(given: readonly string[]): string | Record<string, string> {
  const [first = '', ...others] = given
  return others.length === 0 && !first.includes('=') ? first : pairs('--snapshot', given)
}
