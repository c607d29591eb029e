import { statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { type BegunRun, beginRun } from '../../client/begin-run.ts'
import { type ClientContext, workflowLink } from '../../client/context.ts'
import { runDocument } from '../../client/run-document.ts'
import type { PlannedPipeline } from '../../lib/code/plan.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { isDated, planAsOf } from '../../lib/definition/plan-as-of.ts'
import { schemeOf } from '../../lib/formats/address.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { Plan, StepOf } from '../../lib/formats/plan.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { nameOfStep } from '../../lib/formats/step-names.ts'
import { formatOf } from '../../lib/formats/table-format.ts'
import type { Sources } from '../../lib/sources/source.ts'
import { type FoundSource, findSource, takeSource } from '../../lib/sources/take.ts'
import { planned as plannedHere, readableFrom } from '../../workers/planned.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { backtestLines } from '../backtests.ts'
import { type CheckOptions, checkPlan } from '../check-plan.ts'
import { type Definition, findingOf, findingsOf } from '../ci/findings.ts'
import { tellRun } from '../ci/tell-run.ts'
import { writeCodeQuality, writeReport } from '../ci/write-report.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { readExported, storedPlan } from '../exported-plan.ts'
import { firstFiles } from '../first-files.ts'
import { followRun, type Interrupt, listenForInterrupt } from '../follow.ts'
import { requireSameInputs } from '../input-version.ts'
import { isoTime, pairs } from '../options.ts'
import { print, printJson, say } from '../output.ts'
import { noProgress, progressView } from '../progress.ts'
import type { LookAt } from '../rehearsal.ts'
import { junit, junitOfError, summaryLines, verdict } from '../report.ts'
import { seenViews, viewsOf } from '../views.ts'
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
    const { code, record, definition } = await runAndShow(openContext(), pipeline, options)
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
  interrupt = listenForInterrupt(),
): Promise<{ code: number; record?: RunRecord; definition?: Definition }> {
  const begun = await startRun(context, pipeline, options, interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  const ended = await followAndShow(context, begun, pipeline, options, interrupt)
  return { ...ended, ...(begun.definition !== undefined && { definition: begun.definition }) }
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
    options.timeout === undefined ? undefined : durationMs(options.timeout),
  )
  const ended = runDocument(record)
  if (isTold) await tellRun(context, ended, definition)
  if (options.json === true) printJson(ended)
  else if (isQuiet) return { code: record.exitCode, record }
  else if (options.brief === true) say(`  ${verdict(ended)}`)
  else for (const line of [...(await backtestLines(context.store, ended)), ...summaryLines(ended, link)]) print(line)
  return { code: record.exitCode, record }
}

async function startRun(
  context: ClientContext,
  pipeline: string,
  options: RunOptions,
  interrupt: Interrupt,
): Promise<StartedRun> {
  const { settings, store } = context
  const { root } = settings
  const { readable, ...whole } = await plannedFor(context, pipeline, options)
  const planned = plannedAsOf(whole, options)
  const snapshotSteps = planned.plan.steps.filter((step) => step.kind === 'snapshot')
  const snapshots = snapshotsOf(planned.plan, options)
  const read = snapshotSteps.filter(({ id }) => snapshots[id] === undefined)
  const found = await Promise.all(read.map((step) => foundFor(readable, step, options.from)))
  const lookAt: LookAt = async ({ id }) => {
    const source = found[read.findIndex((step) => step.id === id)]
    return source && firstFiles(store, source)
  }
  if (options.plan === undefined) await checkPlan(root, planned, lookAt, options)
  await requireSameInputs(store, planned)
  const views = seenViews(pipeline, await viewsOf(store, planned.plan), options.changeView ?? [])
  const sources: Record<string, string> = {}
  for (const [i, { id, format }] of read.entries())
    sources[id] = await takeSource(store, found[i] as FoundSource, format)
  const told = {
    ...(options.from !== undefined && { from: nameOf(options.from, root) }),
    ...(options.set !== undefined && { set: canonicalJson(pairs('--set', options.set)) }),
  }
  // Nobody knows which commit an exported plan is from.
  const code = options.plan === undefined ? {} : { code: {} }
  const { runId } = options
  const inputs = { sources, snapshots, told, ...code, views, attach: true, ...(runId !== undefined && { runId }) }
  return { ...(await beginRun(context, planned, inputs, interrupt)), definition: { root, planned } }
}

/** The plan of the definition, or of the file that stands in its place, and the sources it may be given. */
async function plannedFor({ settings, store }: ClientContext, pipeline: string, { plan, set }: RunOptions) {
  const { root } = settings
  if (plan === undefined) return plannedHere(root, store, pipeline, pairs('--set', set))
  const stored = await storedPlan({ store, trusted: trustedKeysOf(settings) }, await readExported(plan, pipeline))
  return { ...stored, readable: await readableFrom(root, store) }
}

const isPath = (from: string): boolean => ['file', 'dvc'].includes(schemeOf(from))

/** What the run record calls what `--from` names. */
const nameOf = (from: string, root: string): string => (isPath(from) ? relative(root, resolve(from)) : from)

/** What `--from` names, as an address; of a folder all files. */
function addressOf(from: string): string {
  if (!isPath(from)) return from
  const isFolder = statSync(from, { throwIfNoEntry: false })?.isDirectory() === true
  return `${resolve(from)}${isFolder ? '/' : ''}`
}

/** The files of a source now: as the definition says, or in its place those that `--from` names. */
async function foundFor(sources: Sources, step: StepOf<'snapshot'>, from: string | undefined): Promise<FoundSource> {
  if (from === undefined) return findSource(sources, step)
  const format = formatOf(from)
  if (format !== undefined && format !== step.format)
    throw new SlipwayError('USAGE', `--from ${from}: that is ${format}, and the definition reads ${step.format}`, {
      next: `give ${step.format}, or change the source in the definition`,
    })
  return findSource(sources, step, addressOf(from)).catch((error: unknown) => {
    if (!(error instanceof SlipwayError && isPath(from) && /^SOURCE_(MISSING|EMPTY)$/.test(error.code))) throw error
    const why = error.code === 'SOURCE_EMPTY' ? 'it is empty (0 bytes)' : 'there is no such file'
    throw new SlipwayError(error.code, `--from ${from}: ${why}`, { next: 'correct the path, or fetch the data' })
  })
}

/** The snapshots to use instead of sources, by step: people name the source. @throws SlipwayError USAGE */
function snapshotsOf(plan: Plan, { snapshot }: RunOptions): Record<string, string> {
  const steps = plan.steps.filter(({ kind }) => kind === 'snapshot')
  const given = pairs('--snapshot', snapshot, steps[0] && nameOfStep(steps[0]))
  return Object.fromEntries(
    Object.entries(given).map(([name, digest]) => {
      const step = steps.find((each) => nameOfStep(each) === name)
      if (step === undefined)
        throw new SlipwayError('USAGE', `--snapshot ${name}: pipeline "${plan.pipeline}" has no source "${name}"`, {
          next: `its sources are ${steps.map(nameOfStep).join(', ')}`,
        })
      return [step.id, digest]
    }),
  )
}

/** The plan with the options that change what it reads. @throws SlipwayError USAGE */
function plannedAsOf(planned: PlannedPipeline, { asOf, from }: RunOptions): PlannedPipeline {
  const { plan } = planned
  if (from !== undefined && plan.steps.filter(({ kind }) => kind === 'snapshot').length !== 1)
    throw new SlipwayError('USAGE', `--from: pipeline "${plan.pipeline}" has more than one source`, {
      next: 'change the definition, or use --snapshot <name>=<digest>',
    })
  if (asOf === undefined) return planned
  if (!isDated(plan))
    throw new SlipwayError('USAGE', `--as-of: pipeline "${plan.pipeline}" does not split by age`, {
      next: "split with { by: '<date column>', test: '30d', validation: '30d' }, or read by days with `last`",
    })
  return { ...planned, plan: planAsOf(plan, isoTime('--as-of', asOf)) }
}
