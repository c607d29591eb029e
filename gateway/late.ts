import { SlipwayError } from '../lib/formats/errors.ts'
import type { Until } from './batcher.ts'

/** Somebody who waits, and since when. */
export interface Waiter extends Until {
  /** `performance.now()` at arrival. */
  readonly arrivedAt: number
}

/** What is said to a client whose time is up. */
export function lateFor({ arrivedAt, deadline }: Waiter): SlipwayError {
  const given =
    deadline < arrivedAt ? 'before its client gave up' : `within the ${Math.round(deadline - arrivedAt)} ms given`
  return new SlipwayError('DEADLINE_EXCEEDED', `no answer ${given}`)
}
