import { type ClientContext, workflowLink } from '../../client/context.ts'
import type { RunDocument } from '../../client/run-document.ts'
import { readTablesOf } from '../../client/run-reports.ts'
import { readRunning } from '../../client/running.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { backtestLines } from '../backtests.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds, table } from '../output.ts'
import { summaryLines } from '../report.ts'
import { readTable } from '../source-read.ts'
import { trialLines } from '../trials.ts'
import { valueOfError } from '../value-of-error.ts'

/** Columns of what was read that are shown with a run; `--json` shows all. */
const columnsOfRun = 20

/** A run that ended: its steps, what it read, and how it ended. */
export async function showRun(context: ClientContext, run: RunDocument, options: JsonOption): Promise<number> {
  if (options.json === true) {
    printJson(run)
    return 0
  }
  print(`${colors.bold(run.runId)}  ${run.status}, ${run.startedAt}`)
  print(
    Object.entries(run.origin)
      .map(([name, value]) => `${name} ${value.startsWith('sha256:') ? shortDigest(value) : value}`)
      .join('  '),
  )
  print('')
  print(
    table(
      ['step', 'time', 'made', 'outputs'],
      run.steps.map(({ name, cached, seconds: took, summary, outputs }) => [
        name,
        cached ? 'reused' : seconds(took),
        summary,
        outputs.map((output) => `${output.name} ${shortDigest(output.digest)}`).join('  '),
      ]),
    ),
  )
  for (const { step, table: made, read } of await readTablesOf(context, run)) {
    print(`\n${colors.bold(step)}  ${read.rows} rows were read`)
    print(readTable(read, columnsOfRun, `slipway show ${shortDigest(made)}`))
  }
  for (const line of await backtestLines(context, run)) print(line)
  for (const line of await trialLines(context, run)) print(line)
  const link = workflowLink(context.settings, run.workflowId)
  for (const line of summaryLines(run, link, await valueOfError(context, run))) print(line)
  return 0
}

/** A run that goes on, by what Temporal knows of it. @throws SlipwayError NOT_FOUND */
export async function showRunning(context: ClientContext, runId: string, options: JsonOption): Promise<number> {
  const document = await readRunning(context, runId)
  if (options.json === true) printJson(document)
  else print(`${runId} is ${document.status}\n  look  ${workflowLink(context.settings, document.workflowId)}`)
  return 0
}
