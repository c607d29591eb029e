import type { DriftMeasure } from '../formats/monitor-policy.ts'
import type { ColumnDrift } from '../formats/monitor-report.ts'
import { type FeatureCounts, missingText, otherText } from '../formats/telemetry.ts'
import { grouped, numericBins, pooled, sum } from './drift-bins.ts'
import type { ColumnProfile } from './profile.ts'
import { numericCounts } from './profile-counter.ts'
import { seededRandom } from './random.ts'

/** A value that was estimated from a sample, with the ends of its 90 % interval: 95 % confidence on either side. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/**
 * Population stability index of two histograms over the same k bins: Σ (q − p) ln(q / p), with Jeffreys' half a row added to every
 * bin (no bin is empty) and the expectation of sampling noise, (k − 1)(1/n + 1/m), taken off; never below 0.
 * (Yurdakul, Statistical Properties of Population Stability Index, 2018, for the noise.)
 */
export function stabilityIndex(baseline: readonly number[], now: readonly number[]): number {
  return Math.max(0, rawStabilityIndex(baseline, now) - (baseline.length - 1) * (1 / sum(baseline) + 1 / sum(now)))
}

function rawStabilityIndex(baseline: readonly number[], now: readonly number[]): number {
  const k = baseline.length
  const [n, m] = [sum(baseline), sum(now)]
  let index = 0
  for (let i = 0; i < k; i++) {
    const p = ((baseline[i] as number) + 0.5) / (n + 0.5 * k)
    const q = ((now[i] as number) + 0.5) / (m + 0.5 * k)
    index += (q - p) * Math.log(q / p)
  }
  return index
}

/** Jensen–Shannon distance: the square root of the divergence in bits (Endres & Schindelin, 2003); 0 to 1. */
export function jensenShannonDistance(baseline: readonly number[], now: readonly number[]): number {
  const [n, m] = [sum(baseline), sum(now)]
  let divergence = 0
  for (let i = 0; i < baseline.length; i++) {
    const [p, q] = [(baseline[i] as number) / n, (now[i] as number) / m]
    const middle = (p + q) / 2
    if (p > 0) divergence += (p / 2) * Math.log2(p / middle)
    if (q > 0) divergence += (q / 2) * Math.log2(q / middle)
  }
  return Math.sqrt(Math.max(0, divergence))
}

/** Kolmogorov–Smirnov statistic of two histograms over ascending values: the largest difference of their distribution functions. */
export function kolmogorovSmirnov(baseline: readonly number[], now: readonly number[]): number {
  const [n, m] = [sum(baseline), sum(now)]
  let [a, b, largest] = [0, 0, 0]
  for (let i = 0; i < baseline.length; i++) {
    a += (baseline[i] as number) / n
    b += (now[i] as number) / m
    largest = Math.max(largest, Math.abs(a - b))
  }
  return largest
}

/** Wasserstein-1 distance of two histograms over ascending values: the area between their distribution functions. */
export function wassersteinDistance(
  values: readonly number[],
  baseline: readonly number[],
  now: readonly number[],
): number {
  const [n, m] = [sum(baseline), sum(now)]
  let [a, b, area] = [0, 0, 0]
  for (let i = 0; i + 1 < values.length; i++) {
    a += (baseline[i] as number) / n
    b += (now[i] as number) / m
    area += Math.abs(a - b) * ((values[i + 1] as number) - (values[i] as number))
  }
  return area
}

/**
 * Pearson's chi-square of a two-row contingency table. Cells in which fewer than five rows are expected are pooled into one first
 * (Cochran, 1954), so that a rare category cannot make it large.
 */
export function chiSquare(
  baseline: readonly number[],
  now: readonly number[],
): { statistic: number; degrees: number; rows: number } {
  const [n, m] = [sum(baseline), sum(now)]
  const total = n + m
  const cells: [number, number][] = []
  let rest: [number, number] = [0, 0]
  for (let i = 0; i < baseline.length; i++) {
    const [a, b] = [baseline[i] as number, now[i] as number]
    const expected = ((a + b) * Math.min(n, m)) / total
    if (expected < 5) rest = [rest[0] + a, rest[1] + b]
    else cells.push([a, b])
  }
  if (rest[0] + rest[1] > 0) cells.push(rest)
  let statistic = 0
  for (const [a, b] of cells) {
    const [ea, eb] = [((a + b) * n) / total, ((a + b) * m) / total]
    statistic += (a - ea) ** 2 / ea + (b - eb) ** 2 / eb
  }
  return { statistic, degrees: Math.max(0, cells.length - 1), rows: total }
}

/** Cramér's V of a two-row table, bias-corrected (Bergsma, J. Korean Statist. Soc. 42, 2013). */
export function cramersV(baseline: readonly number[], now: readonly number[]): number {
  const { statistic, degrees, rows } = chiSquare(baseline, now)
  if (degrees === 0) return 0
  const columns = degrees + 1
  const phi = Math.max(0, statistic / rows - degrees / (rows - 1))
  const size = Math.min(2 - 1 / (rows - 1), columns - (columns - 1) ** 2 / (rows - 1)) - 1
  return size <= 0 ? 0 : Math.sqrt(phi / size)
}

/** A column's histogram over the baseline's bins. */
interface Binned {
  readonly baseline: readonly number[]
  readonly now: readonly number[]
  readonly labels: readonly string[]
}

/** Where the mass of a bin is taken to lie: in its middle, and what lies outside the range at its end. */
function middles({ edges, min, max }: { edges: readonly number[]; min: number | null; max: number | null }): number[] {
  const [low, high] = [min ?? edges[0] ?? 0, max ?? edges.at(-1) ?? 0]
  const within = [...edges, Math.max(high, edges.at(-1) ?? high)].map((edge, i) => {
    const from = i === 0 ? low : (edges[i - 1] as number)
    return (from + edge) / 2
  })
  return [low, ...within, high]
}

/**
 * The drift of a column from counts in the bins of its baseline, as telemetry windows have them. PSI, Jensen–Shannon, Cramér's V,
 * missing and unseen shares are what they would be on the rows themselves; the Kolmogorov–Smirnov statistic can be too small by at
 * most the largest bin (a twentieth where values are many), and the Wasserstein distance, which takes the mass of a bin to
 * lie in its middle, is within a fifth of the rows' where tails are not long and little lies outside the range of the baseline: of
 * that it only knows the side.
 * Intervals: a parametric bootstrap of the window's counts (Efron & Tibshirani, 1993, ch. 6), the baseline taken as known.
 */
export function driftOfCounts(
  name: string,
  profile: ColumnProfile,
  counts: FeatureCounts,
  importance: number | null,
): ColumnDrift {
  if (profile.kind === 'numeric') {
    const { edges, std } = profile
    const { now, missing } = numericCounts(counts as readonly number[], edges)
    const { baseline, groups, labels } = numericBins(edges, profile.counts, now)
    const middle = middles(profile)
    const values: Measured = (current) => ({
      ...onBins(grouped(baseline, groups), grouped(current, groups)),
      ks: kolmogorovSmirnov(baseline, current),
      ...(std === null || std === 0 ? {} : { wasserstein: wassersteinDistance(middle, baseline, current) / std }),
    })
    return columnDrift(name, 'numeric', profile, now, missing, importance, values, {
      baseline: grouped(baseline, groups),
      now: grouped(now, groups),
      labels,
    })
  }
  const named = counts as Readonly<Record<string, number>>
  const missing = named[missingText] ?? 0
  const labels = [...profile.top.map(([value]) => value), 'others']
  const baseline = [...profile.top.map(([, count]) => count), profile.other]
  const now = [...profile.top.map(([value]) => named[value] ?? 0), named[otherText] ?? 0]
  const values: Measured = (current) => ({
    psi: stabilityIndex(...pooled(baseline, current)),
    jensenShannon: jensenShannonDistance(baseline, current),
    cramersV: cramersV(baseline, current),
    unseen: profile.other > 0 ? 0 : (current.at(-1) as number) / Math.max(1, sum(current)),
  })
  return columnDrift(name, 'categorical', profile, now, missing, importance, values, { baseline, now, labels })
}

type Values = Partial<Record<DriftMeasure, number>>
type Measured = (now: readonly number[]) => Values

const onBins = (baseline: readonly number[], now: readonly number[]): Values => ({
  psi: stabilityIndex(baseline, now),
  jensenShannon: jensenShannonDistance(baseline, now),
})

/** Draws of the bootstrap. */
const draws = 100

function columnDrift(
  name: string,
  kind: ColumnDrift['kind'],
  profile: ColumnProfile,
  now: readonly number[],
  missing: number,
  importance: number | null,
  measured: Measured,
  shown: Binned,
): ColumnDrift {
  const present = sum(now)
  const rows = present + missing
  const before = profile.rows === 0 ? 0 : profile.missing / profile.rows
  const share = rows === 0 ? 0 : missing / rows
  const noise = Math.sqrt((share * (1 - share) + 1 / Math.max(1, rows)) / Math.max(1, rows))
  const missingRise: Estimate = {
    value: share - before,
    low: share - before - 1.645 * noise,
    high: share - before + 1.645 * noise,
  }
  const values: Values = present === 0 || profile.rows === profile.missing ? {} : measured(now)
  const estimates = Object.fromEntries(
    Object.entries(values).map(([measure, value]) => [measure, { value, low: value, high: value }]),
  ) as Record<DriftMeasure, Estimate>
  if (present > 0) {
    const normal = normals(present)
    const resampled: Values[] = []
    for (let draw = 0; draw < draws; draw++)
      resampled.push(measured(now.map((count) => Math.max(0, count + Math.sqrt(count) * normal()))))
    for (const measure of Object.keys(estimates) as DriftMeasure[]) {
      // Resampling adds noise once more, so its spread counts and its centre does not.
      const sorted = resampled.map((each) => each[measure] as number).sort((a, b) => a - b)
      const centre = sorted[draws / 2] as number
      const { value } = estimates[measure]
      estimates[measure] = {
        value,
        low: Math.max(0, value - (centre - (sorted[Math.floor(draws * 0.05)] as number))),
        high: value + ((sorted[Math.ceil(draws * 0.95) - 1] as number) - centre),
      }
    }
  }
  const total = Math.max(1, sum(shown.baseline))
  return {
    name,
    kind,
    rows,
    importance,
    measures: { ...estimates, missing: missingRise },
    ...noteOf(profile.rows - profile.missing, present, rows),
    bins: shown.labels
      .map((label, i) => ({
        label,
        baseline: (shown.baseline[i] as number) / total,
        now: (shown.now[i] as number) / Math.max(1, present),
      }))
      .filter(({ baseline, now: share }) => kind === 'numeric' || baseline > 0 || share > 0)
      .slice(0, kind === 'numeric' ? undefined : 24),
  }
}

/** What is to be said of a column that has values on one side only. */
export function noteOf(before: number, now: number, rows: number): Pick<ColumnDrift, 'note'> {
  if (before > 0 && now === 0 && rows > 0) return { note: 'no values any more' }
  if (before === 0 && now > 0) return { note: 'values, where training had none' }
  return {}
}

/** Standard normal numbers, the same for the same seed (Box & Muller, 1958). */
function normals(seed: number): () => number {
  const random = seededRandom(seed)
  return () => {
    const [a, b] = [(random() + 1) / (2 ** 32 + 1), random() / 2 ** 32]
    return Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b)
  }
}
