import { type StoreContext, workflowLink } from '../../client/context.ts'
import { readModelReport } from '../../client/model.ts'
import { readLastChecks } from '../../client/monitors.ts'
import type { RunDocument } from '../../client/run-document.ts'
import { consoleAddress } from '../../workers/settings.ts'
import { type Definition, findingsOf } from './findings.ts'
import { runSummary } from './run-summary.ts'
import { annotate, appendToJobSummary, hasJobSummary } from './tell.ts'

/**
 * Tells GitHub Actions how a run ended: annotations on the lines of the definition, and a page on the job's own.
 * Elsewhere it does nothing, and nothing is read.
 */
export async function tellRun(
  context: StoreContext,
  record: RunDocument,
  definition: Definition | undefined,
): Promise<void> {
  annotate(findingsOf(record, definition))
  if (!hasJobSummary()) return
  const [report, drift] = await Promise.all([
    // Of no model, or of several, there is none; and a page must not be the end of a run.
    readModelReport(context, record.runId).catch(() => undefined),
    readLastChecks(context, record.pipeline).catch(() => []),
  ])
  const link = workflowLink(context.settings, record.workflowId)
  const console = consoleAddress(context.settings.root)
  const page = console === undefined ? undefined : `${console}/runs/${record.runId}`
  appendToJobSummary(runSummary({ record, link, page, report, drift }))
}
