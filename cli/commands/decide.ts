import { decideRun } from '../../client/approval.ts'
import { versionInWords } from '../../lib/formats/in-force.ts'
import { claimant } from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import { print, printJson } from '../output.ts'

interface DecisionOptions {
  readonly reason?: string
  /** The role that is claimed: by default the one that is asked for. */
  readonly as?: string
  readonly json?: boolean
}

/** Approves or rejects a run that waits for it: what is decided on is the evidence that it shows now. */
export async function decide(verb: 'approve' | 'reject', runId: string, options: DecisionOptions): Promise<number> {
  const { document, asked } = await decideRun(openContext(), verb, runId, options)
  if (options.json === true) printJson(document)
  else {
    const done = verb === 'approve' ? 'approved' : 'rejected'
    const against = asked?.against == null ? '' : `, judged against ${versionInWords(asked.against)}`
    print(`${done} ${runId} as ${claimant(document, asked?.role ?? '').replace(`${document.by} as `, '')}${against}`)
    if (asked?.anew != null) print(`  it was ${asked.anew}`)
  }
  return 0
}
