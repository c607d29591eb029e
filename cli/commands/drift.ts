import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { withDuckDb } from '../../data/duckdb.ts'
import { inspect } from '../../data/table.ts'
import { modelFiles } from '../../models/model.ts'
import { localModel } from '../../models/package.ts'
import { countRows } from '../../models/score-rows.ts'
import type { ArtifactRef } from '../../pipelines/artifact.ts'
import { exitCodes, SlipwayError } from '../../pipelines/errors.ts'
import { type MonitorPolicy, monitorPolicyOf, psi } from '../../pipelines/monitor.ts'
import type { MonitorReport } from '../../pipelines/monitor-report.ts'
import { Variant } from '../../pipelines/route.ts'
import { TrainingReport } from '../../pipelines/training-report.ts'
import { monitorPage } from '../../reports/monitor-page.ts'
import { driftOfCounts } from '../../stats/drift.ts'
import { show } from '../../stats/gates.ts'
import { conclude } from '../../stats/interval.ts'
import { nameOf } from '../../stats/monitor.ts'
import type { Profile } from '../../stats/profile.ts'
import { readLastReport, readMonitor, readReport } from '../../store/monitors.ts'
import { getJson, localBundle, localFile } from '../../store/objects.ts'
import { championOf, readModel } from '../../store/registry.ts'
import { readRoute } from '../../store/routes.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'
import { formatOf } from '../traffic.ts'

type Shown = Omit<MonitorReport, 'page'>

export interface DriftOptions extends JsonOption {
  readonly html?: string
}

/**
 * `drift check flights`: the rules of the monitor, now. Without `--from` on the last check of the endpoint; with it, on the rows of
 * a file against the training rows of a version. @returns 17 on an alarm
 */
export async function check(
  name: string,
  options: DriftOptions & { from?: string; against?: string },
): Promise<number> {
  const context = openContext()
  if (options.from !== undefined) {
    const { report, policy } = await checkFile(context, name, resolve(options.from), options.against ?? 'champion')
    tell(report, policy, options)
    // One file is one look: a rule that asks for several in a row is judged by this one.
    return report.rules.some(({ state }) => state === 'breached') ? exitCodes.drift : exitCodes.done
  }
  const { report, policy } = await lastReport(context, name)
  tell(report, policy, options)
  return report.rules.some(({ firing }) => firing) ? exitCodes.drift : exitCodes.done
}

/** `drift show flights`: the last check of an endpoint, or an earlier one. */
export async function showCheck(endpoint: string, options: DriftOptions & { seq?: string }): Promise<number> {
  const { report, policy } = await lastReport(openContext(), endpoint, options.seq)
  tell(report, policy, options)
  return 0
}

async function lastReport(
  { store }: CliContext,
  endpoint: string,
  seq?: string,
): Promise<{ report: MonitorReport; policy: MonitorPolicy }> {
  const monitor = await readMonitor(store, endpoint)
  if (monitor === undefined)
    throw new SlipwayError('NOT_MONITORED', `endpoint "${endpoint}" is not watched`, {
      next: 'add p.monitor(live, { … }) to its pipeline and run it',
    })
  const report =
    seq === undefined ? await readLastReport(store, endpoint) : await readReport(store, endpoint, Number(seq))
  if (report !== undefined) return { report, policy: monitor.step.policy }
  throw new SlipwayError('NOT_FOUND', `endpoint "${endpoint}" has no check ${seq ?? 'yet'}`, {
    next: `npx slipway schedule trigger ${endpoint} monitor`,
  })
}

/** Counts the rows of a file as a gateway would, and judges them as the monitor does. */
async function checkFile(
  { store, settings }: CliContext,
  name: string,
  file: string,
  against: string,
): Promise<{ report: Shown; policy: MonitorPolicy }> {
  const variant = await variantOf(store, name, against)
  const bundle = await localBundle(store, variant.digest, 'model')
  const fileOf = async (part: string): Promise<string> => localFile(store, (bundle.files[part] as ArtifactRef).digest)
  const baseline = JSON.parse(readFileSync(await fileOf(modelFiles.baseline), 'utf8')) as Profile
  const { features } = TrainingReport.parse(
    await getJson(store, (bundle.files[modelFiles.training] as ArtifactRef).digest),
  )
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, variant.digest)
  const source = { files: [file], format: formatOf(file), schema: local.facts.inputs } as const
  const rows = await withDuckDb(2, (connection) => inspect(connection, source, file))
  const counts = await countRows(local, baseline, { ...source, rows })
  const columns = Object.entries(baseline).map(([column, profile]) =>
    driftOfCounts(
      column,
      profile,
      counts[column] as NonNullable<(typeof counts)[string]>,
      column === 'score:' ? null : (features.find((feature) => feature.name === column)?.importance ?? 0),
    ),
  )
  const monitor = await readMonitor(store, name)
  const policy = monitor?.step.policy ?? monitorPolicyOf({ every: '1h', drift: psi.over(0.2) })
  const now = Date.now()
  const report = conclude({
    endpoint: name,
    champion: variant,
    policy,
    last: undefined,
    at: new Date(now).toISOString(),
    interval: { from: now, to: now, requests: 0, errors: 0, rows, columns, windows: 1 },
    quality: null,
    estimated: {},
    labels: { received: 0, matched: 0, waiting: 0, dropped: 0 },
    next: { cursors: {}, served: [], labelled: [], waiting: null, newest: null },
    timelinePoints: 0,
  })
  return { report, policy }
}

/** `champion` or a number: a version of the model that an endpoint serves, or that has the name. */
async function variantOf(store: CliContext['store'], name: string, against: string): Promise<Variant> {
  const route = await readRoute(store, name)
  if (route !== undefined && against === 'champion') return route.champion
  const model = route?.champion.model ?? name
  const state = await readModel(store, model)
  const digest = against === 'champion' ? championOf(state) : state?.versions[Number(against) - 1]
  if (state !== undefined && digest !== undefined)
    return Variant.parse({ model, version: state.versions.indexOf(digest) + 1, digest })
  throw new SlipwayError(
    'NOT_FOUND',
    `there is no ${against === 'champion' ? 'champion' : `version ${against}`} of "${name}"`,
    {
      next: 'see `npx slipway models`',
    },
  )
}

function tell(report: Shown, policy: MonitorPolicy, options: DriftOptions): void {
  if (options.html !== undefined) {
    writeFileSync(options.html, monitorPage(report, policy))
    say(`page written to ${options.html}`)
  }
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
          nameOf(name),
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
  const { quality } = report
  if (quality !== null)
    print(
      `live  ${Object.entries(quality.metrics)
        .map(([name, { value, low, high }]) => `${name} ${show(value)} (${show(low)} to ${show(high)})`)
        .join(', ')}, ${quality.labels} labels; predicted ${show(quality.prediction)}, observed ${show(quality.label)}`,
    )
}
