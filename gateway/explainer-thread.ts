import { SlipwayError } from '../lib/formats/errors.ts'
import type { Packed } from './bodies/packed.ts'
import type { Explained } from './explain.ts'
import type { ScorerThread } from './scorer-host.ts'
import type { InputColumns, InputKind } from './scoring.ts'

/** Requests that may wait to be explained, of one version. */
const mostWaiting = 16

/** Explains in a thread that is begun when it is first asked, so that predictions never wait for explanations. */
export function explainerThread(start: () => Promise<ScorerThread>) {
  let thread: Promise<ScorerThread> | undefined
  let waiting = 0
  return {
    /** @throws SlipwayError OVERLOADED, DIGEST_MISMATCH; ScoringFailure */
    async explain(kind: InputKind, columns: InputColumns | Packed<InputColumns>): Promise<Explained> {
      if (waiting >= mostWaiting)
        throw new SlipwayError('OVERLOADED', `${waiting} requests wait to be explained`, {
          next: 'try again in a second, or add gateways',
        })
      waiting++
      try {
        thread ??= start()
        // What does not start now may start for the next request.
        thread.catch(() => {
          thread = undefined
        })
        return await (await thread).explain(kind, columns)
      } finally {
        waiting--
      }
    },
    close: async (): Promise<void> => (await thread?.catch(() => undefined))?.close(),
  }
}
