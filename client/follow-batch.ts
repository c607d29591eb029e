import { SlipwayError } from '../lib/formats/errors.ts'
import { type BatchProgress, type BatchResult, batchProgressQuery } from '../workflows/messages.ts'
import type { ClientContext } from './context.ts'
import { lookUntil } from './follow.ts'
import type { ProgressView } from './progress.ts'
import { type BegunBatch, batchEnd } from './start-batch.ts'

/** Without an answer from a worker for this long, the user is told that there may be none. Milliseconds. */
const silence = 15_000

/**
 * Follows a batch to its end. It goes on without us.
 * @throws SlipwayError INTERRUPTED, and what the batch failed with
 */
export async function followBatch(
  context: ClientContext,
  begun: BegunBatch,
  view: ProgressView,
  interrupt: { readonly happened: boolean },
): Promise<BatchResult> {
  const { batch, workflowId } = begun
  const { client } = await context.temporal()
  const handle = client.workflow.getHandle(workflowId)
  const end = batchEnd(context, begun)
  let lastAnswer = Date.now()
  const look = async (): Promise<void> => {
    const { planned, done, scored } = (await handle.query(batchProgressQuery)) as BatchProgress
    lastAnswer = Date.now()
    if (planned === null || isOver) return
    const share = done / Math.max(1, planned.shards)
    view.working('score', `${done} of ${planned.shards} shards, ${scored.toLocaleString('en')} rows`, share)
  }
  let isOver = false
  try {
    await lookUntil(end, look, () => {
      if (interrupt.happened)
        throw new SlipwayError('INTERRUPTED', `stopped waiting; batch ${batch} goes on`, {
          next: 'the same command again finds it',
        })
      if (Date.now() - lastAnswer < silence) return
      lastAnswer = Date.now()
      view.note('  no worker answers: the batch waits for one (`slipway up` starts one)')
    })
  } finally {
    isOver = true
    view.end()
  }
  return end
}
