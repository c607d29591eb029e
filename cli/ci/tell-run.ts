import { type ClientContext, workflowLink } from '../../client/context.ts'
import { reportOnRun } from '../../client/model-report.ts'
import type { RunDocument } from '../../client/run-document.ts'
import type { ModelReport } from '../../lib/reports/model-report.ts'
import { passOver } from '../../lib/store/broken.ts'
import { monitorsOf, readLastJudgement } from '../../lib/store/monitors.ts'
import { readWholeRun } from '../../lib/store/runs.ts'
import type { Store } from '../../lib/store/store.ts'
import { consoleAddress } from '../../workers/settings.ts'
import { type Definition, findingsOf } from './findings.ts'
import { type Drift, runSummary } from './run-summary.ts'
import { annotate, appendToJobSummary, hasJobSummary } from './tell.ts'

/**
 * Tells GitHub Actions how a run ended: annotations on the lines of the definition, and a page on the job's own.
 * Elsewhere it does nothing, and nothing is read.
 */
export async function tellRun(
  { settings, store }: Pick<ClientContext, 'settings' | 'store'>,
  record: RunDocument,
  definition: Definition | undefined,
): Promise<void> {
  annotate(findingsOf(record, definition))
  if (!hasJobSummary()) return
  const [report, drift] = await Promise.all([
    // Of no model, or of several, there is none; and a page must not be the end of a run.
    reportOf(store, record.runId).catch(() => undefined),
    driftOf(store, record.pipeline).catch(() => []),
  ])
  const link = workflowLink(settings, record.workflowId)
  const console = consoleAddress(settings.root)
  const page = console === undefined ? undefined : `${console}/runs/${record.runId}`
  appendToJobSummary(runSummary({ record, link, page, report, drift }))
}

async function reportOf(store: Store, runId: string): Promise<ModelReport | undefined> {
  const record = await readWholeRun(store, runId)
  return record && reportOnRun(store, record)
}

/** The last check of every endpoint that a pipeline has watched. */
async function driftOf(store: Store, pipeline: string): Promise<Drift[]> {
  const monitors = await monitorsOf(store, pipeline)
  const last = await Promise.all(monitors.map(({ step }) => passOver(readLastJudgement(store, step.endpoint))))
  return last.flatMap((report) => report ?? [])
}
