import { localCodes } from '../lib/code/local-code.ts'
import { withStoredPlace } from '../lib/code/source-map.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { exactDrift } from '../lib/data/exact-drift.ts'
import { inspect } from '../lib/data/inspect.ts'
import { localTable } from '../lib/data/local-table.ts'
import type { LocalTable } from '../lib/data/table.ts'
import { monitorPolicyOf, psi } from '../lib/definition/monitor.ts'
import type { OwnDistances } from '../lib/formats/drift-measures/index.ts'
import { codeOfDrift } from '../lib/formats/monitor-policy.ts'
import type { ColumnDrift } from '../lib/formats/monitor-report.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { loadDistances } from '../lib/jobs/own-measures.ts'
import { countRows } from '../lib/jobs/score-rows.ts'
import { readBaseline } from '../lib/models/baseline.ts'
import { modelFactsOf } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { conclude, driftOfAll, noLabels, nothingBefore } from '../lib/stats/monitor-check.ts'
import { readMonitor } from '../lib/store/monitors.ts'
import { getBundle } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { servedVersion } from './model-version.ts'
import type { CheckedRows } from './monitors.ts'
import { tableFrom } from './table-from.ts'

/** What the rows of a file are compared with, and how. */
export interface FileCheckWanted {
  /** The version whose training rows count: `champion`, the default, or a number. */
  readonly against?: string
  /** Compares all rows as they come with all rows of the snapshot, instead of their histograms. */
  readonly exact?: boolean
}

/**
 * Counts the rows of a file as a gateway would, and judges them as the monitor of an endpoint does, against the
 * training rows of a version: `slipway drift check --from --json` prints the report. One file is one look: a rule that
 * asks for several in a row is `breached` by this one, and not `firing`.
 * @param endpoint or a model that is served nowhere, which is judged by PSI over 0.2
 * @param from path or address of the rows
 * @throws SlipwayError NOT_FOUND; what is wrong with the file
 */
export async function checkFile(
  { store, settings }: StoreContext,
  endpoint: string,
  from: string,
  { against = 'champion', exact = false }: FileCheckWanted = {},
): Promise<CheckedRows> {
  const variant = await servedVersion(store, `${endpoint}@${against}`)
  const packages = { store, trusted: trustedKeysOf(settings) }
  const local = await localModel(packages, variant.digest)
  const source = { ...(await tableFrom(store, from)), schema: local.facts.inputs }
  const rows = await withDuckDb(2, (connection) => inspect(connection, source, from))
  const table = { ...source, rows }
  const { profile, importances } = await readBaseline(packages, variant.digest)
  const monitor = await readMonitor(store, endpoint)
  const policy = monitor?.step.policy ?? monitorPolicyOf({ every: '1h', drift: psi.over(0.2) })
  const code = await localCodes(
    packages,
    codeOfDrift(policy).map(([, ref]) => ref),
  )
  const own = await loadDistances(policy, code)
  const measure = async (): Promise<ColumnDrift[]> =>
    exact
      ? exactColumns(store, variant, table, own)
      : driftOfAll(await countRows(local, profile, table), profile, importances, own)
  const columns = await measure().catch(async (error) => {
    throw await withStoredPlace(store, error)
  })
  const now = Date.now()
  const report = conclude({
    endpoint,
    check: '',
    champion: variant,
    policy,
    last: undefined,
    at: new Date(now).toISOString(),
    judge: true,
    more: false,
    interval: { from: now, to: now, requests: 0, errors: 0, rows, columns, windows: 1 },
    quality: null,
    estimated: {},
    labels: noLabels,
    next: nothingBefore,
    timelinePoints: 0,
  })
  return { report, policy }
}

/**
 * Drift of the columns as they come, all rows of the snapshot a version was made from against all of the file; times
 * are left out.
 */
async function exactColumns(
  store: Store,
  variant: ModelVersion,
  table: LocalTable,
  own: OwnDistances,
): Promise<ColumnDrift[]> {
  const { snapshot } = modelFactsOf(await getBundle(store, variant.digest, 'model'))
  const baseline = await localTable(store, snapshot)
  const columns = table.schema.filter(({ type }) => type !== 'timestamp')
  return withDuckDb(2, (connection) => exactDrift(connection, baseline, table, columns, own))
}
