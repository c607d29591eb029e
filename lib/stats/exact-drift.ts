import { sum } from '../formats/drift-measures/distances.ts'
import { measureNumbers, measureTexts, type OwnDistances } from '../formats/drift-measures/index.ts'
import type { ColumnDrift } from '../formats/monitor-report.ts'
import { grouped, numericBins } from './drift-bins.ts'

interface ExactDrift {
  readonly measures: Readonly<Record<string, number>>
  readonly bins: ColumnDrift['bins']
  /** Rows with a value. */
  readonly present: { readonly baseline: number; readonly now: number }
}

/** A column of numbers, counted in twentieths of the baseline, and what was computed over all values. */
interface Counted {
  readonly edges: readonly number[]
  /** By bin: [edges + 1]. */
  readonly baseline: readonly number[]
  /** By bin, between those below and those above all of the baseline: [edges + 3]. */
  readonly now: readonly number[]
  readonly ks: number
  readonly wasserstein: number
  readonly std: number
}

export function numericDrift(counted: Counted, own: OwnDistances = {}): ExactDrift {
  const { edges, ks, wasserstein, std } = counted
  const { groups, labels, ...bins } = numericBins(edges, counted.baseline, counted.now)
  const [baseline, now] = [grouped(bins.baseline, groups), grouped(counted.now, groups)]
  const present = { baseline: sum(baseline), now: sum(counted.now) }
  if (present.baseline === 0 || present.now === 0) return { measures: {}, bins: [], present }
  return {
    measures: measureNumbers(
      {
        baseline,
        now,
        ofValues: {
          ks: () => ks,
          // Infinitely far away is no number of standard deviations.
          wasserstein: () => (std > 0 && Number.isFinite(wasserstein) ? wasserstein / std : undefined),
        },
      },
      own,
    ),
    bins: labels.map((label, i) => ({
      label,
      baseline: (baseline[i] as number) / present.baseline,
      now: (now[i] as number) / present.now,
    })),
    present,
  }
}

/** Drift of texts, from the counts of each, most frequent first, and of all others together. */
export function categoricalDrift(
  counts: readonly { readonly value: string; readonly baseline: number; readonly now: number }[],
  others: { readonly baseline: number; readonly now: number; readonly unseen: number },
  own: OwnDistances = {},
): ExactDrift {
  const baseline = [...counts.map((each) => each.baseline), others.baseline]
  const now = [...counts.map((each) => each.now), others.now]
  const present = { baseline: sum(baseline), now: sum(now) }
  if (present.baseline === 0 || present.now === 0) return { measures: {}, bins: [], present }
  const unseen = counts.reduce((total, each) => total + (each.baseline === 0 ? each.now : 0), others.unseen)
  return {
    measures: measureTexts({ baseline, now, unseen }, own),
    bins: counts.slice(0, 24).map((each) => ({
      label: each.value,
      baseline: each.baseline / present.baseline,
      now: each.now / present.now,
    })),
    present,
  }
}
