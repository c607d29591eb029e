import { statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { isDated, planAsOf } from '../lib/definition/plan-as-of.ts'
import { schemeOf } from '../lib/formats/address.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan, StepOf } from '../lib/formats/plan.ts'
import { nameOfStep } from '../lib/formats/step-names.ts'
import { formatOf } from '../lib/formats/table-format.ts'
import type { Sources } from '../lib/sources/source.ts'
import { type FoundSource, findSource, takeSource } from '../lib/sources/take.ts'
import { planned as plannedHere, readableFrom } from '../workers/planned.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import { type BegunRun, beginRun } from './begin-run.ts'
import { checkPlan } from './check-plan.ts'
import type { ClientContext } from './context.ts'
import { readExported, storedPlan } from './exported-plan.ts'
import { firstFiles } from './first-files.ts'
import { requireSameInputs } from './input-version.ts'
import { seenViews, viewsOf } from './plan-views.ts'
import type { LookAt } from './rehearsal.ts'

/** What a run is to do otherwise than its definition says. */
export interface RunWanted {
  /** Parameters, by name. */
  readonly set?: Readonly<Record<string, string>> | undefined
  /** The snapshot that is used in the place of the source, a digest; of several sources one each, by name. */
  readonly snapshots?: string | Readonly<Record<string, string>> | undefined
  /** What is read in the place of the only source: a path or an address. */
  readonly from?: string | undefined
  /** The ISO time that counts as now for splits by age. */
  readonly asOf?: string | undefined
  /** Views that are to change, whoever uses them. */
  readonly changeViews?: readonly string[] | undefined
  /** A file with the plan to run, instead of the definition. */
  readonly plan?: string | undefined
  /** False leaves the types to the editor. */
  readonly types?: boolean | undefined
  /** The run's id, for who asks for a run that may have been begun already. */
  readonly runId?: string | undefined
}

/**
 * Plans a pipeline, stores plan, code and sources, and starts a run of it, as `slipway run` does: one that goes on for
 * the very same, from the same commit, is as good.
 * @param interrupt whether somebody has asked meanwhile that it is not begun
 * @throws SlipwayError what is wrong with the definition, its sources or what is wanted; INTERRUPTED
 */
export async function startRun(
  context: ClientContext,
  pipeline: string,
  options: RunWanted = {},
  interrupt: { readonly happened: boolean } = { happened: false },
): Promise<BegunRun & { readonly planned: PlannedPipeline }> {
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
  if (options.plan === undefined)
    await checkPlan(root, planned, lookAt, options.types === undefined ? {} : { types: options.types })
  await requireSameInputs(store, planned)
  const views = seenViews(pipeline, await viewsOf(store, planned.plan), options.changeViews ?? [])
  const sources: Record<string, string> = {}
  for (const [i, { id, format }] of read.entries())
    sources[id] = await takeSource(store, found[i] as FoundSource, format)
  const told = {
    ...(options.from !== undefined && { from: nameOf(options.from, root) }),
    ...(options.set !== undefined && { set: canonicalJson(options.set) }),
  }
  // Nobody knows which commit an exported plan is from.
  const code = options.plan === undefined ? {} : { code: {} }
  const { runId } = options
  const inputs = { sources, snapshots, told, ...code, views, attach: true, ...(runId !== undefined && { runId }) }
  return { ...(await beginRun(context, planned, inputs, interrupt)), planned }
}

/** The plan of the definition, or of the file that stands in its place, and the sources it may be given. */
async function plannedFor({ settings, store }: ClientContext, pipeline: string, { plan, set = {} }: RunWanted) {
  const { root } = settings
  if (plan === undefined) return plannedHere(root, store, pipeline, set)
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
function snapshotsOf(plan: Plan, { snapshots = {} }: RunWanted): Record<string, string> {
  const steps = plan.steps.filter(({ kind }) => kind === 'snapshot')
  const [first] = steps
  const given = typeof snapshots === 'string' ? { [first ? nameOfStep(first) : '']: snapshots } : snapshots
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
function plannedAsOf(planned: PlannedPipeline, { asOf, from }: RunWanted): PlannedPipeline {
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
  return { ...planned, plan: planAsOf(plan, asOf) }
}
