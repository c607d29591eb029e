import { workflowLink } from '../../client/context.ts'
import { readRunning } from '../../client/running.ts'
import { findEndedRun } from '../../client/runs.ts'
import { pipelineOfRun } from '../../lib/formats/run-name.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { tellRun } from '../ci/tell-run.ts'
import { openContext } from '../context.ts'
import { endedBy, listenForInterrupt } from '../interrupt.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { summaryLines } from '../report.ts'
import { valueOfError } from '../value-of-error.ts'
import { type WallClock, withinTime } from '../wall-clock.ts'
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
export function wait(runId: string, options: WaitOptions): Promise<number> {
  return withinTime(options.timeout, (clock) => waitFor(runId, options, clock), runId)
}

async function waitFor(runId: string, options: WaitOptions, clock: WallClock): Promise<number> {
  const context = openContext()
  const ended = await findEndedRun(context, runId)
  if (ended === undefined) {
    await readRunning(context, runId)
    const begun = { runId, workflowId: runWorkflowId(runId), isAttached: false }
    const interrupt = endedBy(listenForInterrupt(), clock)
    return (await followAndShow(context, begun, pipelineOfRun(runId), { ...options, wait: true }, interrupt)).code
  }
  await tellRun(context, ended, undefined)
  if (options.json === true) printJson(ended)
  else {
    const link = workflowLink(context.settings, ended.workflowId)
    for (const line of summaryLines(ended, link, await valueOfError(context, ended))) print(line)
  }
  return ended.exitCode
}
