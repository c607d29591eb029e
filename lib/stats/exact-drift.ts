import type { ColumnDrift } from '../formats/monitor-report.ts'
import { cramersV, jensenShannonDistance, stabilityIndex } from './drift.ts'
import { grouped, numericBins, pooled, sum } from './drift-bins.ts'

interface ExactDrift {
  readonly measures: Readonly<Record<string, number>>
  readonly bins: ColumnDrift['bins']
  /** Rows with a value. */
  readonly present: { readonly baseline: number; readonly now: number }
}

/** Drift of numbers, from counts in twentieths of the baseline and what was computed over all values. */
export function numericDrift(counted: {
  readonly edges: readonly number[]
  /** By bin: [edges + 1]. */
  readonly baseline: readonly number[]
  /** By bin, between those below and those above all of the baseline: [edges + 3]. */
  readonly now: readonly number[]
  readonly ks: number
  readonly wasserstein: number
  readonly std: number
}): ExactDrift {
  const { edges, ks, wasserstein, std } = counted
  const { groups, labels, ...bins } = numericBins(edges, counted.baseline, counted.now)
  const [baseline, now] = [grouped(bins.baseline, groups), grouped(counted.now, groups)]
  const present = { baseline: sum(baseline), now: sum(counted.now) }
  if (present.baseline === 0 || present.now === 0) return { measures: {}, bins: [], present }
  return {
    measures: {
      psi: stabilityIndex(baseline, now),
      jensenShannon: jensenShannonDistance(baseline, now),
      ks,
      // Infinitely far away is no number of standard deviations.
      ...(std > 0 && Number.isFinite(wasserstein) ? { wasserstein: wasserstein / std } : {}),
    },
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
): ExactDrift {
  const baseline = [...counts.map((each) => each.baseline), others.baseline]
  const now = [...counts.map((each) => each.now), others.now]
  const present = { baseline: sum(baseline), now: sum(now) }
  if (present.baseline === 0 || present.now === 0) return { measures: {}, bins: [], present }
  const unseen = counts.reduce((total, each) => total + (each.baseline === 0 ? each.now : 0), others.unseen)
  return {
    measures: {
      psi: stabilityIndex(...pooled(baseline, now)),
      jensenShannon: jensenShannonDistance(baseline, now),
      cramersV: cramersV(baseline, now),
      unseen: unseen / present.now,
    },
    bins: counts.slice(0, 24).map((each) => ({
      label: each.value,
      baseline: each.baseline / present.baseline,
      now: each.now / present.now,
    })),
    present,
  }
}
