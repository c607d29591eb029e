/*
 * A candidate is served only while somebody watches it. Whoever watches leaves a word at every look, which is good for
 * a while: the lease. A gateway that finds no newer word for that long gives the candidate no requests.
 */

/**
 * How long a rollout waits between two looks at its evidence, ms, by its age: quick while harm is new, sparing with
 * history where traffic is slow.
 */
export function lookEvery(ageMs: number): number {
  if (ageMs < 10 * 60_000) return 2_000
  if (ageMs < 60 * 60_000) return 5_000
  return ageMs < 6 * 60 * 60_000 ? 15_000 : 60_000
}

/** What a look may be late by, ms: a worker that is killed or started anew, a store that is asked again. */
const patienceMs = 30_000

/** How long a look is good for, ms: the next one may be missed once. */
export const leaseMs = (ageMs: number): number => patienceMs + 2 * lookEvery(ageMs)

/**
 * For how long nobody watched before a look, ms: what went by since the look before, beyond its lease.
 * @param before when the look before was, or the beginning
 * @param startedAt when the rollout began
 */
export const unwatchedMs = (startedAt: number, before: number, now: number): number =>
  Math.max(0, now - before - leaseMs(before - startedAt))
