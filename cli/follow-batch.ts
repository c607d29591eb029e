import { type ClientContext, workflowLink } from '../client/context.ts'
import { followBatch } from '../client/follow-batch.ts'
import type { ProgressView } from '../client/progress.ts'
import type { BegunBatch } from '../client/start-batch.ts'
import type { BatchResult } from '../workflows/messages.ts'
import { listenForInterrupt } from './interrupt.ts'
import { say } from './output.ts'
import { progressView } from './progress.ts'

/** Follows a batch to its end, and shows how far it is. */
export async function followAndShowBatch(context: ClientContext, begun: BegunBatch): Promise<BatchResult> {
  say(`batch ${begun.batch}\n  look  ${workflowLink(context.settings, begun.workflowId)}`)
  const interrupt = listenForInterrupt()
  return followBatch(context, begun, batchView(), interrupt).finally(() => interrupt.stopListening())
}

/** Where nothing is drawn over, a line now and then. */
function batchView(): ProgressView {
  const view = progressView()
  if (process.stderr.isTTY === true) return view
  let said = 0
  return {
    ...view,
    working(_, what, done) {
      if (done === 1 || Math.floor(done * 4) <= said) return
      said = Math.floor(done * 4)
      say(`  scored ${what}`)
    },
  }
}
