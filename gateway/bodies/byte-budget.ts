import { SlipwayError } from '../../lib/formats/errors.ts'

/** A request, and how many bytes of large bodies are kept for it. */
export interface Holder {
  held: number
}

/** Bytes that large bodies may take together while they come in, wait and are read. */
export interface ByteBudget {
  /** Whether there is room for more of a request's. */
  take(holder: Holder, bytes: number): boolean
  /** Some of them, or all, are no longer kept. */
  giveBack(holder: Holder, bytes?: number): void
}

export function createByteBudget(limit: number): ByteBudget {
  let taken = 0
  return {
    take(holder, bytes) {
      if (taken + bytes > limit) return false
      taken += bytes
      holder.held += bytes
      return true
    },
    giveBack(holder, bytes = holder.held) {
      taken -= bytes
      holder.held -= bytes
    },
  }
}

/** What is said to those for whom there is no room. */
export const noRoom = (): SlipwayError =>
  new SlipwayError('OVERLOADED', 'more large bodies are being read than there is room for', {
    next: 'try again in a second, or send fewer rows at once',
  })
