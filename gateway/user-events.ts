/** What users did under a rollout, over all of its revisions: who was seen, and had which events. */
export type UserEvents = Map<string, number>
const hadError = 1
const wasSlow = 2
/** Users remembered; further ones are not counted (16 MB or so). */
const mostUsers = 200_000

/** Users of a window. */
export interface UserCounts {
  /** Those seen for the first time; and of their first requests, those that failed and those that were slow. */
  new: number
  errors: number
  slow: number
  /** Users who had their first failure, and their first slow answer. */
  errorOnsets: number
  slowOnsets: number
}

/** @param users those seen before; it is brought up to date @returns whether the user was not among them */
export function countUser(
  counts: UserCounts,
  users: UserEvents,
  user: string,
  isError: boolean,
  isSlow: boolean,
): boolean {
  const before = users.get(user)
  if (before === undefined) {
    if (users.size >= mostUsers) return false
    counts.new++
    if (isError) counts.errors++
    if (isSlow) counts.slow++
  }
  const events = before ?? 0
  if (isError && (events & hadError) === 0) counts.errorOnsets++
  if (isSlow && (events & wasSlow) === 0) counts.slowOnsets++
  const after = events | (isError ? hadError : 0) | (isSlow ? wasSlow : 0)
  if (before !== after) users.set(user, after)
  return before === undefined
}
