import type { RetrainPolicy } from '../formats/monitor-policy.ts'

const day = 86_400_000

/** When retrainings began and ended, ms since 1970, oldest first. */
export interface PastRetraining {
  readonly startedAt: number
  readonly finishedAt: number
}

/**
 * From when on the next retraining may begin, and what holds it until then: the rest after the last one, the budget of
 * the day (any 24 hours), quiet hours.
 * @returns `at` ≤ now when nothing holds it
 */
export function earliestRetraining(
  policy: RetrainPolicy,
  past: readonly PastRetraining[],
  now: number,
): { at: number; why: string } {
  let at = now
  let why = ''
  const wait = (until: number, reason: string): void => {
    if (until <= at) return
    at = until
    why = reason
  }
  const last = past.at(-1)
  if (last !== undefined)
    wait(last.finishedAt + policy.cooldownMs, `the cooldown after the last one, ${inHours(policy.cooldownMs)}`)
  const today = past.filter(({ startedAt }) => startedAt > at - day)
  if (today.length >= policy.maxPerDay) {
    const first = today[today.length - policy.maxPerDay] as PastRetraining
    wait(first.startedAt + day, `the budget of ${policy.maxPerDay} a day`)
  }
  const quietUntil = endOfQuiet(policy, at)
  if (quietUntil !== undefined) wait(quietUntil, 'quiet hours')
  return { at, why }
}

/** The end of the quiet hours that a moment lies in; undefined when it lies in none. */
function endOfQuiet({ quietHours }: RetrainPolicy, at: number): number | undefined {
  if (quietHours === null || quietHours.from === quietHours.to) return undefined
  const { from, to } = quietHours
  const midnight = Math.floor(at / day) * day
  const hour = (at - midnight) / 3_600_000
  const isQuiet = from < to ? hour >= from && hour < to : hour >= from || hour < to
  if (!isQuiet) return undefined
  const end = midnight + to * 3_600_000
  return end > at ? end : end + day
}

const inHours = (ms: number): string =>
  ms >= 3_600_000 ? `${Number((ms / 3_600_000).toPrecision(3))} h` : `${Math.round(ms / 1000)} s`
