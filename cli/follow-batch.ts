import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { type ClientContext, inConsole, workflowLink } from '../client/context.ts'
import { lookUntil, resultOf } from '../client/follow.ts'
import { batchId } from '../lib/formats/batch-policy.ts'
import type { BatchRequest } from '../lib/formats/batch-request.ts'
import { isErrorCode, SlipwayError } from '../lib/formats/errors.ts'
import { consolePage } from '../workers/settings.ts'
import {
  type BatchProgress,
  type BatchResult,
  batchProgressQuery,
  batchWorkflowId,
  taskQueue,
} from '../workflows/messages.ts'
import { listenForInterrupt } from './interrupt.ts'
import { say } from './output.ts'
import { progressView } from './progress.ts'

/** Without an answer from a worker for this long, the user is told that there may be none. Milliseconds. */
const silence = 15_000

/**
 * Starts a batch, or finds the one of the same partition that is under way, and follows it to its end. It goes on
 * without us.
 * @throws SlipwayError INTERRUPTED, and what the batch failed with
 */
export async function followBatch(
  context: ClientContext,
  request: BatchRequest,
  partition: string,
): Promise<BatchResult> {
  const { client } = await context.temporal()
  const { owner, name } = request
  const workflowId = batchWorkflowId(owner, name, partition)
  const handle = await client.workflow.start('scoreBatch', {
    workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
    args: [request],
    staticSummary: `batch ${batchId(owner, name, partition)}`,
    ...inConsole(consolePage(context.settings.root, `/batches/${owner}/${name}/${partition}`)),
  })
  say(`batch ${batchId(owner, name, partition)}\n  look  ${workflowLink(context.settings, workflowId)}`)
  const view = progressView()
  const interrupt = listenForInterrupt()
  const end = resultOf(handle, `batch ${batchId(owner, name, partition)}`) as Promise<BatchResult>
  let lastAnswer = Date.now()
  let said = 0
  const look = async (): Promise<void> => {
    const { planned, done, scored } = (await handle.query(batchProgressQuery)) as BatchProgress
    lastAnswer = Date.now()
    if (planned === null || isOver) return
    const share = done / Math.max(1, planned.shards)
    view.working('score', `${done} of ${planned.shards} shards, ${scored.toLocaleString('en')} rows`, share)
    // Where nothing is drawn over, a line now and then.
    if (process.stderr.isTTY !== true && share < 1 && Math.floor(share * 4) > said) {
      said = Math.floor(share * 4)
      say(`  scored ${done} of ${planned.shards} shards, ${scored.toLocaleString('en')} rows`)
    }
  }
  let isOver = false
  try {
    await lookUntil(end, look, () => {
      if (interrupt.happened)
        throw new SlipwayError('INTERRUPTED', `stopped waiting; batch ${batchId(owner, name, partition)} goes on`, {
          next: 'the same command again finds it',
        })
      if (Date.now() - lastAnswer < silence) return
      lastAnswer = Date.now()
      view.note('  no worker answers: the batch waits for one (`slipway up` starts one)')
    })
  } finally {
    isOver = true
    interrupt.stopListening()
    view.end()
  }
  return end.catch((error) => {
    throw errorOf(error)
  })
}

/** What a batch failed with, as it was thrown in the worker. */
function errorOf(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ApplicationFailure) || !isErrorCode(cause.type)) continue
    const { next } = (cause.details?.[0] ?? {}) as { next?: string | null }
    return new SlipwayError(cause.type, cause.message, { next: next ?? undefined })
  }
  return new SlipwayError('CANCELLED', `the batch ended: ${error.cause?.message ?? error.message}`, {
    next: 'look at it in the Temporal web UI; what was scored is kept',
  })
}
