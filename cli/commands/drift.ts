import type { ClientContext } from '../../client/context.ts'
import { servedVersion } from '../../client/model-version.ts'
import { readCheck } from '../../client/monitors.ts'
import { localCodes } from '../../lib/code/local-code.ts'
import { withStoredPlace } from '../../lib/code/source-map.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { exactDrift } from '../../lib/data/exact-drift.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { localTable } from '../../lib/data/local-table.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { monitorPolicyOf, psi } from '../../lib/definition/monitor.ts'
import type { OwnDistances } from '../../lib/formats/drift-measures/index.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { codeOfDrift, type MonitorPolicy } from '../../lib/formats/monitor-policy.ts'
import type { ColumnDrift, MonitorReport } from '../../lib/formats/monitor-report.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { show } from '../../lib/formats/show-number.ts'
import { loadDistances } from '../../lib/jobs/own-measures.ts'
import { countRows } from '../../lib/jobs/score-rows.ts'
import { readBaseline } from '../../lib/models/baseline.ts'
import { modelFactsOf } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { monitorPage } from '../../lib/reports/monitor-page.ts'
import { nameOfColumn } from '../../lib/stats/answer-profile.ts'
import { labelsInWords } from '../../lib/stats/label-counts.ts'
import { conclude, driftOfAll, noLabels, nothingBefore } from '../../lib/stats/monitor-check.ts'
import { readMonitor } from '../../lib/store/monitors.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { driftSection } from '../ci/run-summary.ts'
import { appendToJobSummary } from '../ci/tell.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'
import { tableFrom } from '../table-from.ts'

type Shown = Omit<MonitorReport, 'page'>

export interface DriftOptions extends JsonOption {
  readonly html?: string
}

/**
 * `drift check flights`: the rules of the monitor, now. Without `--from` on the last check of the endpoint; with it, on
 * the rows of a file against the training rows of a version.
 * @returns 17 on an alarm
 */
export async function check(
  name: string,
  options: DriftOptions & { from?: string; against?: string; exact?: boolean },
): Promise<number> {
  const context = openContext()
  if (options.from !== undefined) {
    const { report, policy } = await checkFile(context, name, options.from, options)
    tell(report, policy, options)
    // One file is one look: a rule that asks for several in a row is judged by this one.
    return report.rules.some(({ state }) => state === 'breached') ? exitCodes.drift : exitCodes.done
  }
  const { report, policy } = await readCheck(context, name)
  tell(report, policy, options)
  return report.rules.some(({ firing }) => firing) ? exitCodes.drift : exitCodes.done
}

/** `drift show flights`: the last check of an endpoint, or an earlier one. */
export async function showCheck(endpoint: string, options: DriftOptions & { seq?: string }): Promise<number> {
  const { report, policy } = await readCheck(
    openContext(),
    endpoint,
    options.seq === undefined ? undefined : Number(options.seq),
  )
  tell(report, policy, options)
  return 0
}

/** Counts the rows of a file as a gateway would, and judges them as the monitor does. */
async function checkFile(
  { store, settings }: ClientContext,
  name: string,
  from: string,
  { against = 'champion', exact = false }: { against?: string; exact?: boolean },
): Promise<{ report: Shown; policy: MonitorPolicy }> {
  const variant = await servedVersion(store, `${name}@${against}`)
  const packages = { store, trusted: trustedKeysOf(settings) }
  const local = await localModel(packages, variant.digest)
  const source = { ...(await tableFrom(store, from)), schema: local.facts.inputs }
  const rows = await withDuckDb(2, (connection) => inspect(connection, source, from))
  const table = { ...source, rows }
  const { profile, importances } = await readBaseline(packages, variant.digest)
  const monitor = await readMonitor(store, name)
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
    endpoint: name,
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
  store: ClientContext['store'],
  variant: ModelVersion,
  table: LocalTable,
  own: OwnDistances,
): Promise<ColumnDrift[]> {
  const { snapshot } = modelFactsOf(await getBundle(store, variant.digest, 'model'))
  const baseline = await localTable(store, snapshot)
  const columns = table.schema.filter(({ type }) => type !== 'timestamp')
  return withDuckDb(2, (connection) => exactDrift(connection, baseline, table, columns, own))
}

function tell(report: Shown, policy: MonitorPolicy, options: DriftOptions): void {
  if (options.html !== undefined) {
    writeTo('--html', options.html, monitorPage(report, policy))
    say(`page written to ${options.html}`)
  }
  appendToJobSummary(driftSection(report))
  if (options.json === true) {
    printJson(report)
    return
  }
  const isAlarm = report.rules.some(({ state, firing }) => firing || state === 'breached')
  print(`${isAlarm ? colors.red('✗') : colors.green('✓')} ${report.verdict}`)
  const sorted = [...report.columns].sort((a, b) => (b.measures.psi?.value ?? 0) - (a.measures.psi?.value ?? 0))
  if (sorted.length > 0) {
    const cell = (value: number | undefined): string => (value === undefined ? '' : show(value))
    print(
      table(
        ['column', 'importance', 'PSI', 'at least', 'JS', 'KS', 'unseen', 'missing'],
        sorted.map(({ name, importance, measures }) => [
          nameOfColumn(name),
          importance === null ? '' : `${(importance * 100).toFixed(1)} %`,
          cell(measures.psi?.value),
          cell(measures.psi?.low),
          cell(measures.jensenShannon?.value),
          cell(measures.ks?.value),
          cell(measures.unseen?.value),
          cell(measures.missing?.value),
        ]),
      ),
    )
  }
  const { quality, labels } = report
  if (labels.received + labels.waiting + labels.dropped > 0) print(`labels  ${labelsInWords(labels)}`)
  if (labels.warning !== null) print(colors.yellow(`warning: ${labels.warning}`))
  if (quality !== null)
    print(
      `live  ${Object.entries(quality.metrics)
        .map(([name, { value, low, high }]) => `${name} ${show(value)} (${show(low)} to ${show(high)})`)
        .join(', ')}, ${quality.labels} labels; predicted ${show(quality.prediction)}, observed ${show(quality.label)}`,
    )
}
