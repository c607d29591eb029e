import { sum } from '../formats/drift-measures/distances.ts'

/** The bins of a baseline, ascending, and which of them are looked at together. */
export interface Bins {
  /** Rows of the baseline: none in the first and the last bin, which are for what lies outside its range. */
  readonly baseline: readonly number[]
  /** Bins looked at as one. */
  readonly groups: readonly (readonly number[])[]
  /** Of each group, in words. */
  readonly labels: readonly string[]
}

/**
 * Joins neighbouring bins until each holds a tenth of the baseline's rows: ten bins where values are many, fewer where
 * one value holds more than a tenth. Bins of one twentieth become deciles. Bins without a row of the baseline belong to
 * no group.
 */
export function joinToTenths(baseline: readonly number[]): number[][] {
  const tenth = sum(baseline) / 10
  const groups: number[][] = []
  let group: number[] = []
  let held = 0
  for (let i = 0; i < baseline.length; i++) {
    if (baseline[i] === 0) continue
    group.push(i)
    held += baseline[i] as number
    // Rounding must not cost a bin: quantiles of a sample cut a row before or after.
    if (held >= tenth * 0.999) {
      groups.push(group)
      group = []
      held = 0
    }
  }
  if (group.length > 0) {
    const last = groups.at(-1)
    if (last === undefined || held >= tenth / 2) groups.push(group)
    else last.push(...group)
  }
  return groups
}

/** Counts of groups of bins. */
export const grouped = (counts: readonly number[], groups: readonly (readonly number[])[]): number[] =>
  groups.map((group) => group.reduce((total, i) => total + (counts[i] as number), 0))

/**
 * The bins a column of numbers is compared in: about ten of equal weight, and one each for what the baseline had no row
 * of, below its values, between them and above them. Such a bin is there only where rows are in it: an empty one is no
 * news, and would add noise.
 * @param edges between the bins of the baseline, right-closed
 * @param counts of the baseline [edges + 1]
 * @param now rows by bin: below, [edges + 1], above
 */
export function numericBins(edges: readonly number[], counts: readonly number[], now: readonly number[]): Bins {
  const baseline = [0, ...counts, 0]
  if (sum(baseline) === 0) return { baseline, groups: [now.map((_, i) => i)], labels: ['all'] }
  const first = baseline.findIndex((count) => count > 0)
  const last = baseline.findLastIndex((count) => count > 0)
  const empty = baseline.flatMap((count, i) => (count === 0 && (now[i] ?? 0) > 0 ? [i] : []))
  const known = joinToTenths(baseline).map((group) => ({ group, label: rangeLabel(edges, group) }))
  const news = [
    { group: empty.filter((i) => i < first), label: 'below training minimum' },
    { group: empty.filter((i) => i > first && i < last), label: 'between training values' },
    { group: empty.filter((i) => i > last), label: 'above training maximum' },
  ].filter(({ group }) => group.length > 0)
  const all = [...known, ...news].sort((a, b) => (a.group[0] as number) - (b.group[0] as number))
  return { baseline, groups: all.map(({ group }) => group), labels: all.map(({ label }) => label) }
}

/**
 * A group of bins in words: `3 – 7.5`, `3` where it is one value. The first bin is below all edges' bins, which begin
 * at 1.
 */
function rangeLabel(edges: readonly number[], group: readonly number[]): string {
  const [from, to] = [edges[(group[0] as number) - 2], edges[(group.at(-1) as number) - 1]]
  if (from === undefined) return to === undefined ? 'all' : `≤ ${rounded(to, 4)}`
  if (to === undefined) return `> ${rounded(from, 4)}`
  // Digits enough to tell the ends apart; what six do not tell apart is an edge just below a value.
  const digits = [4, 5, 6].find((count) => rounded(from, count) !== rounded(to, count))
  return digits === undefined ? rounded(to, 4) : `${rounded(from, digits)} – ${rounded(to, digits)}`
}

const rounded = (value: number, digits: number): string =>
  String(Number((Math.abs(value) === Number.MIN_VALUE ? 0 : value).toPrecision(digits)))
