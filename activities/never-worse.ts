import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localCode } from '../lib/code/local-code.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { localTable } from '../lib/data/local-table.ts'
import { latestLabels } from '../lib/data/served.ts'
import { type Digest, mediaTypes } from '../lib/formats/artifact.ts'
import { cutRowsOfModel } from '../lib/formats/backtest-report.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import type { MonitorReport } from '../lib/formats/monitor-report.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { isOfBacktest } from '../lib/formats/split-rule.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { labelColumn } from '../lib/jobs/never-worse.ts'
import { ModelFacts } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { spentAlpha } from '../lib/stats/never-worse.ts'
import { type Monitor, readLastReport, readMonitor } from '../lib/store/monitors.ts'
import { getBundle, localFile, putBundle, putFile } from '../lib/store/objects.ts'
import { getPlan } from '../lib/store/plans.ts'
import { readModel, runOfVersion } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
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

/** What keeps chains of retrainings from ending with a worse model. */
export function createNeverWorseActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    /**
     * What a candidate is compared with: the champion of the endpoint, the last approved version, rows to compare on, and what this run may
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
        const made = await runOfVersion(store, champion.model, champion.digest)
        const splits = made?.steps.filter(cutRowsOfModel) ?? []
        const parts = (splits.find(({ name }) => name === split) ?? splits[0])?.outputs
        return {
          champion: champion.digest,
          anchor: await anchorOf(store, champion.model, champion.digest),
          labelled: monitor === undefined ? null : await labelledTable(deps, monitor, champion.digest, whole),
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
}

/** The last champion that people put in: walks back over those that supervisors did. */
async function anchorOf(store: Store, model: string, champion: Digest): Promise<Digest> {
  const state = await readModel(store, model)
  for (const number of [...(state?.champions ?? [])].reverse()) {
    const digest = state?.versions[number - 1]
    if (digest !== undefined && (await runOfVersion(store, model, digest))?.origin.retraining === undefined)
      return digest
  }
  return champion
}

/** Rows that were served and labelled lately, as a table; null where there are too few, or where a masked column is missing. */
async function labelledTable(
  { store, scratch }: ActivityDeps,
  { step }: Monitor,
  champion: string,
  plan: Plan,
): Promise<Digest | null> {
  const report = await readLastReport(store, step.endpoint)
  const tables = report?.next.labelled ?? []
  const facts = ModelFacts.parse((await getBundle(store, champion, 'model')).facts)
  if (tables.length === 0 || facts.inputs.some(({ masked }) => masked === true)) return null
  const files = await Promise.all(tables.map(({ table }) => localFile(store, table.digest)))
  const folder = await mkdtemp(join(scratch, 'labelled-'))
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

/** The period a candidate is tested on: rows it is trained on would flatter it. */
function testPeriod(
  plan: Plan,
  report: MonitorReport | undefined,
): { readonly time: string; readonly from: string } | undefined {
  const split = plan.steps.find((step) => step.kind === 'split' && !isOfBacktest(step.rule))
  if (split?.kind !== 'split' || split.rule.by !== 'age') return undefined
  const until = split.rule.until ?? report?.next.newest
  if (until === null || until === undefined) return undefined
  return { time: split.rule.column, from: new Date(Date.parse(until) - split.rule.testMs).toISOString() }
}
