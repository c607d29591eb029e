import { hostname } from 'node:os'
import { planAsOf } from '../definition/plan-as-of.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Plan } from '../formats/plan.ts'
import type { Sources } from '../sources/source.ts'
import { findSource, takeSource } from '../sources/take.ts'
import { countRetraining, type Monitor, monitorsOf } from '../store/monitors.ts'
import { getPlan, putPlan } from '../store/plans.ts'
import { readRoute } from '../store/routes.ts'
import type { Store } from '../store/store.ts'
import { runOfVersion } from '../store/version-origins.ts'
import type { Progress } from './step-work.ts'

/** Which pipeline is to be retrained, by which run, and why. */
export interface RetrainingOrder {
  readonly pipeline: string
  readonly run: string
  readonly cause: string
  /** ISO time of the newest known outcome; null takes the plan as it is. */
  readonly asOf: string | null
}

/** The monitor of a pipeline that asks for retrainings. */
export async function supervised(store: Store, pipeline: string): Promise<Monitor | undefined> {
  return (await monitorsOf(store, pipeline)).find(({ step }) => step.policy.retrain !== null)
}

/**
 * Makes the input of a retraining: the plan as of the newest known outcome, and what its sources hold now.
 * @throws SlipwayError NOT_MONITORED, NOT_FOUND, and those of sources
 */
export async function prepareRetraining(
  store: Store,
  from: Sources,
  { pipeline, run, cause, asOf }: RetrainingOrder,
  progress: Progress,
) {
  const monitor = await supervised(store, pipeline)
  const policy = monitor?.step.policy.retrain
  if (monitor === undefined || policy === null || policy === undefined)
    throw new SlipwayError('NOT_MONITORED', `pipeline ${pipeline} has no p.monitor with retrain`)
  const { step } = monitor
  const base = await getPlan(store, monitor.plan)
  const plan = asOf === null ? base : planAsOf(base, asOf, policy.windowMs)
  progress('reading the sources', 0.1)
  const sources = await freshSources(store, from, plan)
  const route = await readRoute(store, step.endpoint)
  if (route === undefined) throw new SlipwayError('NOT_FOUND', `endpoint ${step.endpoint} serves nothing`)
  const { champion } = route
  const made = await runOfVersion(store, champion.model, champion.digest)
  const k = await countRetraining(store, step.endpoint, run)
  const { commit, tree, lockFile } = made?.origin ?? {}
  return {
    runId: run,
    pipeline,
    planDigest: (await putPlan(store, plan)).digest,
    sources,
    snapshots: {},
    origin: {
      ...(commit === undefined ? {} : { commit }),
      ...(tree === undefined ? {} : { tree }),
      ...(lockFile === undefined ? {} : { lockFile }),
      node: process.version,
      user: 'supervisor',
      host: hostname(),
      cause,
      retraining: String(k),
      replaces: champion.digest,
    },
    basePlan: monitor.plan,
  }
}

/** What the sources of a plan hold now. */
async function freshSources(store: Store, from: Sources, plan: Plan): Promise<Record<string, string>> {
  const sources: Record<string, string> = {}
  for (const step of plan.steps)
    if (step.kind === 'snapshot') sources[step.id] = await takeSource(store, await findSource(from, step), step.format)
  return sources
}
