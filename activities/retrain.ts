import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { localCode } from '../lib/code/local-code.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { localTable } from '../lib/data/local-table.ts'
import { latestLabels } from '../lib/data/served.ts'
import { planAsOf } from '../lib/definition/plan-as-of.ts'
import { type Digest, mediaTypes } from '../lib/formats/artifact.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { RetrainPolicy } from '../lib/formats/monitor-policy.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import type { Plan } from '../lib/formats/plan.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { labelColumn } from '../lib/jobs/never-worse.ts'
import { ModelFacts } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { findSource, takeSource } from '../lib/sources/take.ts'
import { spentAlpha } from '../lib/stats/never-worse.ts'
import { countRetraining, type Monitor, monitorsOf, readLastReport, readMonitor } from '../lib/store/monitors.ts'
import { getBundle, localFile, putBundle, putFile } from '../lib/store/objects.ts'
import { getPlan, putPlan } from '../lib/store/plans.ts'
import { readModel, readVersion } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { RunInput } from '../workflows/messages.ts'
import { gateFacts } from './gate-facts.ts'
import { type ActivityDeps, required, runActivity, runStep, type StepOrder } from './step.ts'

/** What a candidate is compared with. */
export interface Guarded {
  readonly champion: Digest
  readonly anchor: Digest
  readonly labelled: Digest | null
  readonly championTest: Digest | null
  readonly alpha: number
}

/** Fewer labelled rows than this decide nothing. */
const leastLabelled = 200

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
        const made = await runOf(champion.model, champion.digest)
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

    /**
     * What a candidate is runActivity against: the champion of the endpoint, the anchor, rows to compare on, and what this run may
     * spend of the chance of error. Null while nothing else is served.
     */
    async findGuarded({
      endpoint,
      candidate,
      plan,
      alpha,
      isRetraining,
      split,
    }: {
      endpoint: string
      candidate: string
      /** Its digest; workflows of 0.6 and before send the plan itself. */
      plan: string | Plan
      alpha: number
      isRetraining: boolean
      /** The split that the candidate was trained on: the champion's of the same name is looked for. */
      split?: string
    }): Promise<Guarded | null> {
      return runActivity('never-worse', async () => {
        const whole = typeof plan === 'string' ? await getPlan(store, plan) : plan
        const [route, monitor] = await Promise.all([readRoute(store, endpoint), readMonitor(store, endpoint)])
        if (route === undefined || route.champion.digest === candidate) return null
        const { champion } = route
        const made = await runOf(champion.model, champion.digest)
        const splits = made?.steps.filter(({ kind }) => kind === 'split') ?? []
        const parts = (splits.find(({ name }) => name === split) ?? splits[0])?.outputs
        return {
          champion: champion.digest,
          anchor: await anchorOf(champion.model, champion.digest),
          labelled: monitor === undefined ? null : await labelledTable(monitor, champion.digest, whole),
          championTest: parts?.find(({ name }) => name === 'test')?.digest ?? null,
          // People answer for what they run; what runs by itself shares one chance of error.
          alpha: isRetraining ? spentAlpha(alpha, Math.max(1, monitor?.retrainings ?? 1)) : alpha,
        }
      })
    },

    /** Compares a candidate with champion and anchor, so that no chain of retrainings ends with a worse model. */
    async guardCandidate(order: StepOrder<'guard'> & { readonly alpha: number }): Promise<StepOutcome> {
      const { inputs, alpha } = order
      return runStep(
        deps,
        order,
        async ({ step, folder, job, output, progress }) => {
          progress('fetching models and rows', 0)
          const table = async (name: string) =>
            inputs[name] === undefined ? undefined : localTable(deps.store, inputs[name].digest)
          const [champion, anchor] = [required(inputs, 'champion').digest, required(inputs, 'anchor').digest]
          const gates = await job('guardModel', {
            step,
            alpha,
            candidate: await localModel(deps, required(inputs, 'package').digest),
            champion: await localModel(deps, champion),
            anchor: anchor === champion ? undefined : await localModel(deps, anchor),
            tables: {
              labelled: await table('labelled'),
              test: await localTable(deps.store, required(inputs, 'test').digest),
              championTest: await table('championTest'),
            },
            target: step.target.code === undefined ? undefined : await localCode(deps, step.target.code),
          })
          await writeFile(join(folder, 'guard.json'), canonicalJson(gates))
          return {
            outputs: [await output('gates', 'guard.json', mediaTypes.json)],
            facts: gateFacts(gates),
          }
        },
        { alpha: String(alpha) },
      )
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

  async function runOf(model: string, digest: string): Promise<RunRecord | undefined> {
    const version = await readVersion(store, model, digest)
    return version === undefined ? undefined : readWholeRun(store, version.run)
  }

  /** The last champion that people put in: walks back over those that supervisors did. */
  async function anchorOf(model: string, champion: Digest): Promise<Digest> {
    const state = await readModel(store, model)
    for (const number of [...(state?.champions ?? [])].reverse()) {
      const digest = state?.versions[number - 1]
      if (digest !== undefined && (await runOf(model, digest))?.origin.retraining === undefined) return digest
    }
    return champion
  }

  /** Rows that were served and labelled lately, as a table; null where there are too few, or where a masked column is missing. */
  async function labelledTable({ step }: Monitor, champion: string, plan: Plan): Promise<Digest | null> {
    const report = await readLastReport(store, step.endpoint)
    const tables = report?.next.labelled ?? []
    const facts = ModelFacts.parse((await getBundle(store, champion, 'model')).facts)
    if (tables.length === 0 || facts.inputs.some(({ masked }) => masked === true)) return null
    const files = await Promise.all(tables.map(({ table }) => localFile(store, table.digest)))
    const folder = await mkdtemp(join(deps.scratch, 'labelled-'))
    try {
      const file = join(folder, 'labelled.parquet')
      const rows = await withDuckDb(1, (connection) => latestLabels(connection, files, file, testPeriod(plan, report)))
      if (rows < leastLabelled) return null
      const schema = [...facts.inputs, { name: labelColumn, type: 'number' as const, nullable: false }]
      const bundle = await putBundle(store, {
        slipway: 'bundle/1',
        kind: 'table',
        files: { 'data/00000': await putFile(store, file, mediaTypes.parquet) },
        facts: { format: 'parquet', rows, schema: schema as never },
      })
      return bundle.digest
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** The period a candidate is tested on: rows it is trained on would flatter it. */
function testPeriod(
  plan: Plan,
  report: MonitorReport | undefined,
): { readonly time: string; readonly from: string } | undefined {
  const split = plan.steps.find((step) => step.kind === 'split')
  if (split?.kind !== 'split' || split.rule.by !== 'age') return undefined
  const until = split.rule.until ?? report?.next.newest
  if (until === null || until === undefined) return undefined
  return { time: split.rule.column, from: new Date(Date.parse(until) - split.rule.testMs).toISOString() }
}
