import { z } from 'zod'
import { digestOfJson, hexOf } from './digest.ts'
import { publishOnce } from './documents.ts'
import type { Store } from './store.ts'

/** The run that was begun for what somebody asked for. */
const AskedRun = z.object({
  slipway: z.literal('asked-run/1'),
  runId: z.string(),
  /** ISO time of the question. */
  at: z.string(),
})
export type AskedRun = z.infer<typeof AskedRun>

/**
 * The one run of those who ask for the very same at once: whoever comes second gets the first one's.
 * @param what is asked for, all that makes it the same
 * @param hasEnded whether a run that was asked for before is no answer any more
 */
export async function runAskedFor(
  store: Store,
  what: object,
  runId: string,
  hasEnded: (asked: AskedRun) => Promise<boolean>,
): Promise<string> {
  const key = `asked/${hexOf(digestOfJson(what))}.json`
  const own: AskedRun = { slipway: 'asked-run/1', runId, at: new Date().toISOString() }
  return (await publishOnce(store, key, AskedRun, own, hasEnded)).value.runId
}
