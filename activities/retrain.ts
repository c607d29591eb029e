import { hostname } from 'node:os'
import { planAsOf } from '../lib/definition/plan-as-of.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { RetrainPolicy } from '../lib/formats/monitor-policy.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { findSource, takeSource } from '../lib/sources/take.ts'
import { countRetraining, type Monitor, monitorsOf } from '../lib/store/monitors.ts'
import { getPlan, putPlan } from '../lib/store/plans.ts'
import { runOfVersion } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { RunInput } from '../workflows/messages.ts'
import { type ActivityDeps, runActivity } from './step.ts'

/** What supervisors and the runs they start need done. */
export function createRetrainActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /** The retraining policy of a pipeline; null where its definition has none. */
    async readSupervision({ pipeline }: { pipeline: string }): Promise<RetrainPolicy | null> {
      return runActivity('supervisor', async () => (await supervised(pipeline))?.step.policy.retrain ?? null)
    },

    /** Makes the input of a retraining: the plan as of the newest known outcome, and what its sources hold now. */
    async prepareRetraining(order: {
      pipeline: string
      run: string
      cause: string
      asOf: string | null
    }): Promise<RunInput> {
      return runActivity('retraining', async (_context, progress) => {
        const { pipeline, run, cause, asOf } = order
        const monitor = await supervised(pipeline)
        const policy = monitor?.step.policy.retrain
        if (monitor === undefined || policy === null || policy === undefined)
          throw new SlipwayError('NOT_MONITORED', `pipeline ${pipeline} has no p.monitor with retrain`)
        const { step } = monitor
        const base = await getPlan(store, monitor.plan)
        const plan = asOf === null ? base : planAsOf(base, asOf, policy.windowMs)
        progress('reading the sources', 0.1)
        const sources = await freshSources(plan)
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
      })
    },
  }

  async function supervised(pipeline: string): Promise<Monitor | undefined> {
    return (await monitorsOf(store, pipeline)).find(({ step }) => step.policy.retrain !== null)
  }

  /** What the sources of a plan hold now. Workers open no path that somebody names, but below the folder they were given. */
  async function freshSources(plan: Plan): Promise<Record<string, string>> {
    const from = openSources(store, { root: deps.sources, confined: true }, deps.adapters.sources)
    const sources: Record<string, string> = {}
    for (const step of plan.steps)
      if (step.kind === 'snapshot')
        sources[step.id] = await takeSource(store, await findSource(from, step), step.format)
    return sources
  }
}
