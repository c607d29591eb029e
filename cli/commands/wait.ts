import { WorkflowNotFoundError } from '@temporalio/common'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { readWholeRun } from '../../lib/store/runs.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { type CliContext, openContext, workflowLink } from '../context.ts'
import { listenForInterrupt } from '../follow.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { runJson, summaryLines } from '../report.ts'
import { followAndShow } from './run.ts'

export interface WaitOptions extends JsonOption {
  readonly timeout?: string
}

/**
 * Follows a run that was started before, by whomever, to its end: `run --wait` in two commands, for schedulers whose
 * own processes come and go.
 * @returns the exit code of the run
 * @throws SlipwayError NOT_FOUND, and what following a run throws
 */
export async function wait(runId: string, options: WaitOptions): Promise<number> {
  const context = openContext()
  const ended = await readWholeRun(context.store, runId)
  if (ended === undefined) {
    await requireRun(context, runId)
    const begun = { runId, workflowId: runWorkflowId(runId) }
    return (await followAndShow(context, begun, pipelineIn(runId), { ...options, wait: true }, listenForInterrupt()))
      .code
  }
  if (options.json === true) printJson(runJson(ended))
  else for (const line of summaryLines(ended, workflowLink(context.settings, ended.workflowId))) print(line)
  return ended.exitCode
}

/** `flights-20261122-034512-k3x9` → `flights`. */
const pipelineIn = (runId: string): string => runId.replace(/-\d{8}-\d{6}-\w+$/, '')

async function requireRun(context: CliContext, runId: string): Promise<void> {
  const { client } = await context.temporal()
  try {
    await client.workflow.getHandle(runWorkflowId(runId)).describe()
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
    throw new SlipwayError('NOT_FOUND', `there is no run ${runId}`, { next: 'see `slipway runs`' })
  }
}
