import type { EvidenceEntry, RolloutStart, RolloutState } from '../../lib/formats/evidence.ts'
import { takeLook } from '../../lib/stats/replay.ts'
import { type Decision, decide } from '../../lib/stats/rollout-decision.ts'
import { readEvidence, readRolloutStart } from '../../lib/store/rollouts.ts'
import type { Store } from '../../lib/store/store.ts'

/** Evidence that is read at once. */
const together = 16

/** What is known of a rollout, made of its stored evidence as its workflow makes it. */
export interface Followed {
  readonly start: RolloutStart
  readonly decision: Decision
  /** When the evidence that came last was collected, ms since 1970. */
  readonly at: number
}

/** Follows a rollout: every look of it is read once, however often it is asked about. */
export function followRollout(store: Store, id: string): () => Promise<Followed | undefined> {
  let start: RolloutStart | undefined
  let state: RolloutState | undefined
  let seq = 0
  let turn: Promise<unknown> = Promise.resolve()
  const catchUp = async (): Promise<Followed | undefined> => {
    start ??= await readRolloutStart(store, id)
    if (start === undefined) return undefined
    const { policy } = start
    for (let isMore = true; isMore; ) {
      const numbers = Array.from({ length: together }, (_, i) => seq + i)
      const entries = await Promise.all(numbers.map((number) => readEvidence(store, id, number)))
      const last = entries.indexOf(undefined)
      isMore = last < 0
      for (const entry of entries.slice(0, isMore ? together : last) as EvidenceEntry[]) {
        state = takeLook(policy, state ?? start.state, entry, seq === 0)
        seq++
      }
    }
    const known = state ?? start.state
    return { start, decision: decide(policy, known), at: known.now }
  }
  // One after the other: what is read is counted once.
  return () => {
    const next = turn.then(catchUp, catchUp)
    turn = next.catch(() => {})
    return next
  }
}
