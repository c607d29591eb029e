import { WorkflowNotFoundError } from '@temporalio/client'
import { type AskedRun, runAskedFor } from '../lib/store/asked-runs.ts'
import { readRun } from '../lib/store/runs.ts'
import { runWorkflowId } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'

/** A run that nobody began for so long after it was asked for was given up by who asked, ms. */
const givenUp = 10 * 60_000

/**
 * The run for what is asked: one that goes on for the very same, or a new one. Who asks between another's question and
 * the start of its run gets that run's id too, and whoever begins it first has begun it for both.
 * @param runId of the new one
 */
export function attachTo(
  { store, temporal }: Pick<ClientContext, 'store' | 'temporal'>,
  what: object,
  runId: string,
): Promise<string> {
  return runAskedFor(store, what, runId, async (asked) => !(await isAnswer(asked)))

  async function isAnswer({ runId, at }: AskedRun): Promise<boolean> {
    const { client } = await temporal()
    try {
      return (await client.workflow.getHandle(runWorkflowId(runId)).describe()).status.name === 'RUNNING'
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
      // Temporal forgets runs after a time; their records stay.
      return Date.now() - Date.parse(at) < givenUp && (await readRun(store, runId)) === undefined
    }
  }
}
