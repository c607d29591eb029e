import { fillIn } from '../formats/batch-policy.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import { sideBySide } from './side-by-side.ts'
import type { FoundFile, Window } from './source.ts'

const dayMs = 24 * 3_600_000
/** Days that are looked for at once. */
const daysAtOnce = 8

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** The days of a window, ISO dates, the oldest first. */
export function daysOf({ first, last }: Window): string[] {
  const [from, to] = [Date.parse(first), Date.parse(last)]
  return Array.from({ length: (to - from) / dayMs + 1 }, (_, i) => isoDay(from + i * dayMs))
}

/** The days a snapshot is read for; undefined where its source is not read by days. */
export function windowOf({ last }: Pick<StepOf<'snapshot'>, 'last'>, now: number): Window | undefined {
  if (last === undefined) return undefined
  const until = last.until ?? isoDay(now)
  return { first: isoDay(Date.parse(until) - (last.days - 1) * dayMs), last: until }
}

/** Files sorted by name, whatever order they were found in. */
export const byName = (files: readonly FoundFile[]): FoundFile[] =>
  [...files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))

/**
 * Makes a `find` that knows windows of one that knows addresses: `{date}` is each of the days in turn. A day may have
 * no files; all of them may not.
 * @throws SlipwayError SOURCE_MISSING
 */
export function byDay(
  find: (uri: string) => Promise<FoundFile[]>,
): (uri: string, window: Window | undefined) => Promise<FoundFile[]> {
  return async (uri, window) => {
    if (window === undefined) return byName(await find(uri))
    const found = await sideBySide(daysOf(window), daysAtOnce, (day) =>
      find(fillIn(uri, day)).catch((error) => {
        if (error instanceof SlipwayError && error.code === 'SOURCE_MISSING') return []
        throw error
      }),
    )
    if (found.every((files) => files.length === 0))
      throw new SlipwayError(
        'SOURCE_MISSING',
        `"${uri}" has no file of any day from ${window.first} to ${window.last}`,
        { next: 'correct `from` or `last`, or fetch the data' },
      )
    return byName(found.flat())
  }
}
