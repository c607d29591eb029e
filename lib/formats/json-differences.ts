import { canonicalJson } from './canonical.ts'

/** Longer ones are not shown. */
const longestShown = 40

/**
 * What changed between two JSON values, a phrase each: `learner.leaves 31→15`, `rows`. Values stand there where both
 * are short.
 */
export function jsonDifferences(before: unknown, after: unknown, path = ''): string[] {
  if (isRecord(before) && isRecord(after))
    return changedKeys(before, after).flatMap((key) =>
      jsonDifferences(before[key], after[key], path === '' ? key : `${path}.${key}`),
    )
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
    return before.flatMap((each, i) => jsonDifferences(each, after[i], `${path}[${i}]`))
  const [from, to] = [canonicalJson(before ?? null), canonicalJson(after ?? null)]
  if (from === to) return []
  return [from.length + to.length <= longestShown ? `${path} ${from}→${to}`.trim() : path || 'all of it']
}

/** The keys under which two records hold different values, sorted; what is missing counts as null. */
export function changedKeys(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return keys.filter((key) => canonicalJson(before[key] ?? null) !== canonicalJson(after[key] ?? null))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
