import { cramersV, jensenShannonDistance, pooled, stabilityIndex, sum } from './distances.ts'

/**
 * A column of numbers, before and now: counts of rows by bin, about ten of equal weight, and bins of what was not there
 * before.
 */
export interface NumberBins {
  readonly baseline: readonly number[]
  readonly now: readonly number[]
  /**
   * Distances of the distribution functions, from the values or from finer bins; Wasserstein's in standard deviations,
   * undefined without any.
   */
  readonly ofValues: { ks(): number; wasserstein(): number | undefined }
}

/**
 * A column of text, before and now: counts of rows by value, rare ones together, and rows with a value that was not
 * there before.
 */
export interface TextBins {
  readonly baseline: readonly number[]
  readonly now: readonly number[]
  readonly unseen: number
}

/** A measure of drift: all there is to know of it besides the name that a definition imports. */
interface DriftMeasureEntry {
  /** What people see over its numbers. */
  readonly title: string
  /** Of numbers; not there where it has no meaning for them. Undefined where it is not defined on a column. */
  numbers?(bins: NumberBins): number | undefined
  /** Of text. */
  texts?(bins: TextBins): number
}

/**
 * Every measure of drift there is: names in plans, monitors and displays are taken from here. Another one is an entry,
 * and a name that definitions import.
 */
export const driftMeasures = {
  psi: {
    title: 'PSI',
    numbers: ({ baseline, now }) => stabilityIndex(baseline, now),
    texts: ({ baseline, now }) => stabilityIndex(...pooled(baseline, now)),
  },
  jensenShannon: {
    title: 'Jensen–Shannon',
    numbers: ({ baseline, now }) => jensenShannonDistance(baseline, now),
    texts: ({ baseline, now }) => jensenShannonDistance(baseline, now),
  },
  ks: { title: 'KS', numbers: ({ ofValues }) => ofValues.ks() },
  wasserstein: { title: 'Wasserstein (sd)', numbers: ({ ofValues }) => ofValues.wasserstein() },
  cramersV: { title: 'Cramér’s V', texts: ({ baseline, now }) => cramersV(baseline, now) },
  unseen: { title: 'unseen', texts: ({ unseen, now }) => unseen / Math.max(1, sum(now)) },
  /** Of the rows without a value, not of the bins: see `lib/stats/drift.ts`. */
  missing: { title: 'missing (rise)' },
} as const satisfies Record<string, DriftMeasureEntry>

export type DriftMeasure = keyof typeof driftMeasures
export const isDriftMeasure = (name: string): name is DriftMeasure => Object.hasOwn(driftMeasures, name)

/** Measures of the user's, by name: a number for the shares of rows by bin, before and now. */
export type OwnDistances = Readonly<Record<string, (baseline: readonly number[], now: readonly number[]) => number>>

/**
 * What each measure says of a column, in the order of the table, then the user's. Those that are not defined on it are
 * left out.
 */
export function measureNumbers(bins: NumberBins, own: OwnDistances): Record<string, number> {
  return measured((entry) => entry.numbers?.(bins), own, [bins.baseline, bins.now])
}

/** The same of a column of text. Measures of the user's get it as PSI does: rare values together, new ones apart. */
export function measureTexts(bins: TextBins, own: OwnDistances): Record<string, number> {
  const isAsked = Object.keys(own).length > 0
  return measured((entry) => entry.texts?.(bins), own, isAsked ? pooled(bins.baseline, bins.now) : [[], []])
}

function measured(
  of: (entry: DriftMeasureEntry) => number | undefined,
  own: OwnDistances,
  [baseline, now]: readonly [readonly number[], readonly number[]],
): Record<string, number> {
  const values: Record<string, number> = {}
  for (const [name, entry] of Object.entries(driftMeasures)) {
    const value = of(entry)
    if (value !== undefined) values[name] = value
  }
  for (const [name, distance] of Object.entries(own)) values[name] = distance(shares(baseline), shares(now))
  return values
}

const shares = (counts: readonly number[]): number[] => {
  const total = sum(counts)
  return counts.map((count) => (total === 0 ? 0 : count / total))
}
