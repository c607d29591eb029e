import type { VersionName } from '../lib/formats/in-force.ts'
import type { Plan, Step, StepOf } from '../lib/formats/plan.ts'
import { changesOfStep } from '../lib/formats/plan-difference.ts'
import { graphOf } from '../lib/formats/plan-graph.ts'
import { endpointOf, outlineOf } from '../lib/formats/plan-outline.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { kindOf } from '../lib/formats/step-kinds/index.ts'
import { inForceFor } from '../lib/stats/registration.ts'
import { getPlan } from '../lib/store/plans.ts'
import { readModel } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { runOfVersion } from '../lib/store/version-origins.ts'

/** What a model of a plan would replace. */
export interface ComparedChampion {
  readonly model: string
  /** Where it is deployed to; null for nowhere. */
  readonly endpoint: string | null
  /** In force there, or else in the registry; null while there is none. */
  readonly champion: VersionName | null
  /** The run that made it; null where nothing of it is on record. */
  readonly run: string | null
}

/** The champions that a plan is compared with, by the runs that made them. */
export interface Champions {
  readonly compared: readonly ComparedChampion[]
  /** Of the model that a step leads to, or that it releases. */
  runOf(step: string): RunRecord | undefined
}

/** A step that takes effect on the world outside of the run: what it does, and what of it is new. */
export interface PlannedRelease {
  readonly step: string
  readonly kind: Step['kind']
  readonly does: string
  /**
   * Of a comparison: how it differs from the same step of the champion's run, `new` where that had none, `gone` where
   * only that has it.
   */
  readonly changes?: readonly string[]
}

/** Looks up the champion of every model that a plan registers, and the run that made it. */
export async function championsFor(store: Store, plan: Plan): Promise<Champions> {
  const outline = outlineOf(plan)
  const reached = reachedBy(plan)
  const found = await Promise.all(
    registered(plan).map(async (step) => {
      const endpoint = endpointOf(outline, step.package)
      const [state, route] = await Promise.all([
        readModel(store, step.model),
        endpoint === null ? undefined : readRoute(store, endpoint),
      ])
      const { champion } = inForceFor('', step.model, state, route)
      const run = champion === null ? undefined : await runOfVersion(store, step.model, champion.digest)
      return { step, run, endpoint, champion }
    }),
  )
  return {
    compared: found.map(({ step: { model }, run, endpoint, champion }) => ({
      model,
      endpoint,
      champion,
      run: run?.runId ?? null,
    })),
    runOf: (id) =>
      found.find(
        ({ step }) =>
          step.id === id || reached.get(step.id)?.has(id) === true || reached.get(id)?.has(step.package) === true,
      )?.run,
  }
}

const registered = ({ steps }: Plan): StepOf<'register'>[] =>
  steps.filter((step): step is StepOf<'register'> => step.kind === 'register')

/** By step, all steps it waits for, near and far. */
function reachedBy(plan: Plan): Map<string, ReadonlySet<string>> {
  const reached = new Map<string, ReadonlySet<string>>()
  // Steps stand in an order in which they can run: what a step needs is known before it.
  for (const { id, needs } of graphOf(outlineOf(plan)))
    reached.set(id, new Set(needs.flatMap((need) => [need, ...(reached.get(need) ?? [])])))
  return reached
}

/** What a run would do outside of itself: registers, deploys, watches. @param champions what it is compared with */
export async function releasesOf(store: Store, plan: Plan, champions?: Champions): Promise<PlannedRelease[]> {
  const releases = plan.steps.flatMap((step) => {
    const does = kindOf(step).always?.(step)
    return does === undefined ? [] : [{ step, does }]
  })
  if (champions === undefined) return releases.map(({ step: { id, kind }, does }) => ({ step: id, kind, does }))
  const plans = new Map<string, Plan>()
  for (const digest of new Set(releases.flatMap(({ step }) => champions.runOf(step.id)?.plan.digest ?? [])))
    plans.set(digest, await getPlan(store, digest))
  const planned = releases.map(({ step, does }): PlannedRelease => {
    const before = plans.get(champions.runOf(step.id)?.plan.digest ?? '')?.steps.find(({ id }) => id === step.id)
    return {
      step: step.id,
      kind: step.kind,
      does,
      changes: before === undefined ? ['new'] : changesOfStep(before, step),
    }
  })
  const ids = new Set(plan.steps.map(({ id }) => id))
  const gone = [...plans.values()].flatMap(({ steps }) =>
    steps.flatMap((step): PlannedRelease[] => {
      const does = ids.has(step.id) ? undefined : kindOf(step).always?.(step)
      return does === undefined ? [] : [{ step: step.id, kind: step.kind, does, changes: ['gone'] }]
    }),
  )
  return [...planned, ...gone]
}
