import { kolmogorovSmirnov, sum, wassersteinDistance } from '../formats/drift-measures/distances.ts'
import { measureNumbers, measureTexts, type OwnDistances } from '../formats/drift-measures/index.ts'
import type { ColumnDrift } from '../formats/monitor-report.ts'
import { type FeatureCounts, missingText, otherText, placedText } from '../formats/telemetry.ts'
import { grouped, numericBins } from './drift-bins.ts'
import type { ColumnProfile } from './profile.ts'
import { numericCounts } from './profile-counter.ts'
import { seededRandom } from './random.ts'

/** A value that was estimated from a sample, with the ends of its 90 % interval: 95 % confidence on either side. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
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
 * The drift of a column from counts in the bins of its baseline, as telemetry windows have them. PSI, Jensen–Shannon,
 * Cramér's V, missing and unseen shares are what they would be on the rows themselves; the Kolmogorov–Smirnov statistic
 * can be too small by at most the largest bin (a twentieth where values are many), and the Wasserstein distance, which
 * takes the mass of a bin to lie in its middle, is within a fifth of the rows' where tails are not long and little lies
 * outside the range of the baseline: of that it only knows the side. Intervals: a parametric bootstrap of the window's
 * counts (Efron & Tibshirani, 1993, ch. 6), the baseline taken as known.
 */
export function driftOfCounts(
  name: string,
  profile: ColumnProfile,
  counts: FeatureCounts,
  importance: number | null,
  own: OwnDistances = {},
): ColumnDrift {
  if (profile.kind === 'numeric') {
    const { edges, std } = profile
    const { now, missing } = numericCounts(counts as readonly number[], edges)
    const { baseline, groups, labels } = numericBins(edges, profile.counts, now)
    const middle = middles(profile)
    const values: Measured = (current) =>
      measureNumbers(
        {
          baseline: grouped(baseline, groups),
          now: grouped(current, groups),
          ofValues: {
            ks: () => kolmogorovSmirnov(baseline, current),
            wasserstein: () =>
              std === null || std === 0 ? undefined : wassersteinDistance(middle, baseline, current) / std,
          },
        },
        own,
      )
    return columnDrift({ name, kind: 'numeric', profile, now, missing, importance }, values, {
      baseline: grouped(baseline, groups),
      now: grouped(now, groups),
      labels,
    })
  }
  const named = counts as Readonly<Record<string, number>>
  const missing = named[missingText] ?? 0
  const labels = [...profile.top.map(([value]) => value), 'others']
  const baseline = [...profile.top.map(([, count]) => count), profile.other]
  // Gateways of 0.15 and before say the values of masked columns, too.
  const now = [
    ...profile.top.map(([value], place) => (named[value] ?? 0) + (named[placedText(place)] ?? 0)),
    named[otherText] ?? 0,
  ]
  const values: Measured = (current) =>
    measureTexts({ baseline, now: current, unseen: profile.other > 0 ? 0 : (current.at(-1) as number) }, own)
  return columnDrift({ name, kind: 'categorical', profile, now, missing, importance }, values, {
    baseline,
    now,
    labels,
  })
}

type Values = Readonly<Record<string, number>>
type Measured = (now: readonly number[]) => Values

/** Draws of the bootstrap. */
const draws = 100

/** A column and what was counted of it. */
interface CountedColumn extends Pick<ColumnDrift, 'name' | 'kind' | 'importance'> {
  readonly profile: ColumnProfile
  readonly now: readonly number[]
  readonly missing: number
}

function columnDrift(
  { name, kind, profile, now, missing, importance }: CountedColumn,
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
  const estimates: Record<string, Estimate> = Object.fromEntries(
    Object.entries(values).map(([measure, value]) => [measure, { value, low: value, high: value }]),
  )
  if (present > 0) {
    const normal = normals(present)
    const resampled: Values[] = []
    for (let draw = 0; draw < draws; draw++)
      resampled.push(measured(now.map((count) => Math.max(0, count + Math.sqrt(count) * normal()))))
    for (const [measure, value] of Object.entries(values)) {
      // Resampling adds noise once more, so its spread counts and its centre does not.
      const sorted = resampled.map((each) => each[measure] as number).sort((a, b) => a - b)
      const centre = sorted[draws / 2] as number
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
        label: profile.masked === true ? maskedLabel(kind, i) : label,
        baseline: (shown.baseline[i] as number) / total,
        now: (shown.now[i] as number) / Math.max(1, present),
      }))
      .filter(({ baseline, now: share }) => kind === 'numeric' || baseline > 0 || share > 0)
      .slice(0, kind === 'numeric' ? undefined : 24),
  }
}

/** A bin of a masked column, by its place. */
export const maskedLabel = (kind: ColumnDrift['kind'], place: number): string =>
  `${kind === 'numeric' ? 'bin' : 'value'} ${place + 1}`

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
