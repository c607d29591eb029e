import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withDuckDb } from '../data/duckdb.ts'
import { labelKindOf, latestLabels } from '../data/served.ts'
import { type Digest, mediaTypes } from '../formats/artifact.ts'
import { cutRowsOfModel } from '../formats/backtest-report.ts'
import type { MonitorReport } from '../formats/monitor-report.ts'
import type { Plan } from '../formats/plan.ts'
import { isOfBacktest } from '../formats/split-rule.ts'
import { modelFactsOf } from '../models/model.ts'
import { spentAlpha } from '../stats/never-worse.ts'
import { type Monitor, readLastReport, readMonitor } from '../store/monitors.ts'
import { getBundle, localFile, putBundle, putFile } from '../store/objects.ts'
import { getPlan } from '../store/plans.ts'
import { readModel } from '../store/registry.ts'
import { readRoute } from '../store/routes.ts'
import type { Store } from '../store/store.ts'
import { runOfVersion } from '../store/version-origins.ts'
import { labelColumn, labelColumnOf, requestColumn } from './never-worse.ts'

/** What the never-worse gate compares a candidate with. */
export interface Compared {
  readonly champion: Digest
  /** The last approved version. */
  readonly anchor: Digest
  readonly labelled: Digest | null
  readonly championTest: Digest | null
  readonly alpha: number
}

/** For which candidate something to compare with is looked for. */
export interface ComparedOrder {
  readonly endpoint: string
  readonly candidate: string
  /** Its digest; workflows of 0.6 and before send the plan itself. */
  readonly plan: string | Plan
  readonly alpha: number
  readonly isRetraining: boolean
  /** The split that the candidate was trained on: the champion's of the same name is looked for. */
  readonly split?: string
}

/** Fewer labelled rows than this decide nothing. */
const leastLabelled = 200

/**
 * What a candidate is compared with: the champion of the endpoint, the last approved version, rows to compare on, and
 * what this run may spend of the chance of error. Null while nothing else is served.
 */
export async function findCompared(
  store: Store,
  { endpoint, candidate, plan, alpha, isRetraining, split }: ComparedOrder,
  scratch: string,
): Promise<Compared | null> {
  const whole = typeof plan === 'string' ? await getPlan(store, plan) : plan
  const [route, monitor] = await Promise.all([readRoute(store, endpoint), readMonitor(store, endpoint)])
  if (route === undefined || route.champion.digest === candidate) return null
  const { champion } = route
  const made = await runOfVersion(store, champion.model, champion.digest)
  const splits = made?.steps.filter(cutRowsOfModel) ?? []
  const parts = (splits.find(({ name }) => name === split) ?? splits[0])?.outputs
  return {
    champion: champion.digest,
    anchor: await lastApproved(store, champion.model, champion.digest),
    labelled:
      monitor === undefined
        ? null
        : await labelledTable(store, monitor, { champion: champion.digest, plan: whole, scratch }),
    championTest: parts?.find(({ name }) => name === 'test')?.digest ?? null,
    // People answer for what they run; what runs by itself shares one chance of error.
    alpha: isRetraining ? spentAlpha(alpha, Math.max(1, monitor?.retrainings ?? 1)) : alpha,
  }
}

/** The last champion that people put in: walks back over those that supervisors did. */
async function lastApproved(store: Store, model: string, champion: Digest): Promise<Digest> {
  const state = await readModel(store, model)
  for (const number of [...(state?.champions ?? [])].reverse()) {
    const digest = state?.versions[number - 1]
    if (digest !== undefined && (await runOfVersion(store, model, digest))?.origin.retraining === undefined)
      return digest
  }
  return champion
}

/**
 * Rows that were served and labelled lately, as a table; null where there are too few, or where a masked column is
 * missing.
 */
async function labelledTable(
  store: Store,
  { step }: Monitor,
  { champion, plan, scratch }: { readonly champion: string; readonly plan: Plan; readonly scratch: string },
): Promise<Digest | null> {
  const report = await readLastReport(store, step.endpoint)
  const tables = report?.next.labelled ?? []
  const facts = modelFactsOf(await getBundle(store, champion, 'model'))
  if (tables.length === 0 || facts.inputs.some(({ masked }) => masked === true)) return null
  const targets =
    labelKindOf(facts) === 'numbers'
      ? (facts.outputs ?? []).map((output, place) => ({ column: labelColumnOf(output), place }))
      : []
  const files = await Promise.all(tables.map(({ table }) => localFile(store, table.digest)))
  const folder = await mkdtemp(join(scratch, 'labelled-'))
  try {
    const file = join(folder, 'labelled.parquet')
    const rows = await withDuckDb(1, (connection) =>
      latestLabels(connection, files, file, testPeriod(plan, report), targets),
    )
    if (rows < leastLabelled) return null
    const labelType = facts.task === 'multiclass' ? ('string' as const) : ('number' as const)
    const labels = targets.length === 0 ? [labelColumn] : targets.map(({ column }) => column)
    const schema = [
      ...facts.inputs,
      ...labels.map((column) => ({ name: column, type: labelType, nullable: false })),
      ...(facts.task === 'ranking' ? [{ name: requestColumn, type: 'string' as const, nullable: false }] : []),
    ]
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
