import { hostVersions } from '../lib/code/host.ts'
import { graphOf } from '../lib/formats/plan-graph.ts'
import { outlineOf, type PlanOutline, usualParallel } from '../lib/formats/plan-outline.ts'
import { findSource } from '../lib/sources/take.ts'
import { digestOfPlan } from '../lib/store/plans.ts'
import { planned as plannedHere } from '../workers/planned.ts'
import { checkPlan } from './check-plan.ts'
import type { ClientContext } from './context.ts'
import { firstFiles } from './first-files.ts'
import { type Forecast, forecast } from './forecast.ts'
import { requireSameInputs } from './input-version.ts'
import { type ComparedChampion, championsFor, type PlannedRelease, releasesOf } from './plan-against.ts'
import { knownSplits, type PlannedGate, plannedGates } from './plan-gates.ts'
import { viewsOf } from './plan-views.ts'
import { type PlannedView, plannedViews } from './planned-views.ts'
import type { LookAt } from './rehearsal.ts'

/** What is planned, and how it is looked at. */
export interface PlanWanted {
  /** Parameters, by name. */
  readonly set?: Readonly<Record<string, string>>
  /** Compares with the run that made the champion, instead of with the newest run. */
  readonly against?: 'champion'
  /** False leaves the types to the editor. */
  readonly types?: boolean
}

/** A step of a plan: what it would do, why, and the steps it comes right after. */
export interface PlannedStep extends Forecast {
  readonly after: readonly string[]
}

/** What a run would do now. */
export interface PlanDocument {
  /** With how many steps work at once. */
  readonly plan: { readonly digest: string; readonly parallel: number }
  /** What it was compared with, where that was asked for. */
  readonly champions?: readonly ComparedChampion[]
  /** Whether a run would do or make something that was not done before. */
  readonly wouldChange: boolean
  readonly steps: readonly PlannedStep[]
  readonly gates: readonly PlannedGate[]
  readonly releases: readonly PlannedRelease[]
  readonly views: readonly PlannedView[]
  /** What was checked, in sentences. */
  readonly checks: readonly string[]
}

/**
 * What a run of a pipeline would do now, without doing it, as `slipway plan --json` prints it.
 * @throws SlipwayError what is wrong with the definition, as the run would end with it
 */
export async function planRun(
  { settings, store }: ClientContext,
  pipeline: string,
  { set = {}, against, types }: PlanWanted = {},
): Promise<PlanDocument> {
  const whole = await plannedHere(settings.root, store, pipeline, set)
  const { plan, readable: sources } = whole
  const lookAt: LookAt = async (step) => firstFiles(store, await findSource(sources, step))
  const checking = checkPlan(settings.root, whole, lookAt, types === undefined ? {} : { types })
  // What is wrong is said first, whatever the store says meanwhile.
  const looking = requireSameInputs(store, whole).then(async () => {
    const champions = against === undefined ? undefined : await championsFor(store, plan)
    const forecasts = await forecast(store, plan, hostVersions(), sources, champions?.runOf)
    return { forecasts, champions: champions?.compared, releases: await releasesOf(store, plan, champions) }
  })
  looking.catch(() => {})
  const checks = await checking
  const { forecasts, champions, releases } = await looking
  const after = comesAfter(outlineOf(plan))
  return {
    plan: { digest: digestOfPlan(plan), parallel: plan.parallel ?? usualParallel },
    ...(champions !== undefined && { champions }),
    wouldChange: wouldChange({ steps: forecasts, releases }),
    steps: forecasts.map((each) => ({ ...each, after: after.get(each.step) ?? [] })),
    gates: plannedGates(plan, await knownSplits(store, forecasts)),
    releases,
    views: plannedViews(plan, await viewsOf(store, plan), forecasts),
    checks,
  }
}

/** Whether a run of a plan would do or make something that was not done before. */
export const wouldChange = ({
  steps,
  releases,
}: {
  readonly steps: readonly Forecast[]
  readonly releases: readonly PlannedRelease[]
}): boolean =>
  steps.some(({ state, differs }) => state === 'runs' || typeof differs === 'string') ||
  releases.some(({ changes = [] }) => changes.length > 0)

/** By step, the steps it comes right after: what it waits for, less what those wait for themselves. */
export function comesAfter(plan: PlanOutline): Map<string, readonly string[]> {
  const nodes = graphOf(plan)
  const waits = new Map(nodes.map(({ id, needs, after }) => [id, [...needs, ...after]]))
  const ancestors = new Map<string, Set<string>>()
  // Steps stand in an order in which they can run: what a step waits for is known before it.
  for (const { id } of nodes) {
    const known = waits.get(id) as string[]
    ancestors.set(id, new Set(known.flatMap((other) => [other, ...(ancestors.get(other) ?? [])])))
  }
  return new Map(
    [...waits].map(([id, known]) => [
      id,
      known.filter((each) => !known.some((other) => other !== each && ancestors.get(other)?.has(each) === true)),
    ]),
  )
}
