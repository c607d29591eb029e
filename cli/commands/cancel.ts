import { cancelRun } from '../../client/cancel.ts'
import { workflowLink } from '../../client/context.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Asks a run to stop: it stops whatever it does or waits for, gives back what it holds, and ends with a record. */
export async function cancel(runId: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const asked = await cancelRun(context, runId)
  if (options.json === true) printJson(asked)
  else
    print(
      `asked ${runId} to stop; finished steps are kept, and the champion stays\n  look  ${workflowLink(context.settings, asked.workflowId)}`,
    )
  return 0
}
