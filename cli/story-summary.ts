import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientContext } from '../client/context.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { labelledOf } from '../lib/data/served.ts'
import { readLabelled } from '../lib/data/served-scores.ts'
import type { Numbers } from '../lib/formats/columns.ts'
import type { Scored } from '../lib/formats/metrics/metric.ts'
import { show } from '../lib/formats/show-number.ts'
import { scoreRows } from '../lib/jobs/score-rows.ts'
import { localModel } from '../lib/models/package.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../lib/stats/metrics.ts'
import { readLastReport } from '../lib/store/monitors.ts'
import { localFile } from '../lib/store/objects.ts'
import { readModel } from '../lib/store/registry.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import { colors } from './colors.ts'
import { print } from './output.ts'

/** What happened, for the summary. */
export interface Chapter {
  readonly at: string
  readonly what: string
}

function metricsOfScored(scored: Scored): string {
  const isBinary = scored.labels.every((label) => label === 0 || label === 1)
  const metrics: Record<string, number> = isBinary ? binaryMetricsOf(scored) : regressionMetricsOf(scored)
  const shown = isBinary ? ['auc', 'logLoss', 'calibrationError'] : ['rmse', 'mae', 'r2']
  return shown.map((name) => `${name} ${show(metrics[name] as number)}`).join(', ')
}

/**
 * What one version predicts for the rows that another one answered and that were labelled, in the order of
 * `readLabelled`.
 */
async function asPredictedBy(
  { store, settings }: ClientContext,
  model: string,
  files: readonly string[],
  version: number,
  answeredBy: number,
): Promise<Numbers> {
  const digest = (await readModel(store, model))?.versions[version - 1] as string
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, digest)
  const folder = await mkdtemp(join(tmpdir(), 'slipway-rows-'))
  try {
    const file = join(folder, 'rows.parquet')
    const rows = await withDuckDb(2, (connection) => labelledOf(connection, files, answeredBy, file))
    return await scoreRows(local, { files: [file], format: 'parquet', schema: local.facts.inputs, rows })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Tells the story once more, with what it came to: live metrics before and after, and what they would have been
 * without.
 */
export async function summarize(
  context: ClientContext,
  endpoint: string,
  chapters: readonly Chapter[],
  traffic: { sent(): number; failed(): number },
  before: number,
): Promise<void> {
  const { store } = context
  const report = await readLastReport(store, endpoint)
  if (report === undefined) return
  print('')
  print(colors.bold('What happened'))
  for (const { at, what } of chapters) print(`  ${at}  ${what}`)
  const files = await Promise.all(report.next.labelled.map(({ table }) => localFile(store, table.digest)))
  const after = report.champion.version
  const live = (words: string, scored: Scored): void => {
    if (scored.labels.length > 0)
      print(`  ${words.padEnd(34)} ${metricsOfScored(scored)}, ${scored.labels.length} labelled rows`)
  }
  const served = (version: number): Promise<Scored> =>
    withDuckDb(2, (connection) => readLabelled(connection, files, version))
  live(`live, version ${before}, before`, await served(before))
  if (after !== before) {
    const now = await served(after)
    live(`live, version ${after}, after`, now)
    live(`the same rows, had version ${before} stayed`, {
      ...now,
      predictions: await asPredictedBy(context, report.champion.model, files, before, after),
    })
  }
  print(`  ${traffic.sent()} requests served, requests failed: ${traffic.failed()}`)
}
