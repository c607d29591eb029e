import type { PairedComparison } from '../formats/gate-rules.ts'
import { groupCount, groupRows } from '../formats/metrics/groups.ts'
import { measureRows } from '../formats/metrics/index.ts'
import type { Measure, Scored } from '../formats/metrics/metric.ts'
import { rowsOf } from '../formats/metrics/several.ts'
import { selectRows } from './metrics.ts'
import { seededRandom } from './random.ts'

/**
 * Compares two models on the same rows by a paired bootstrap: rows, of a ranking whole groups, are drawn with
 * replacement, both models are measured on each draw, and the bound is a percentile of the differences (Efron &
 * Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13). The same seed gives the same numbers. Labels of both
 * must be the same. Draws: 1,000, or 200 from 50,000 rows on, where the bound hardly moves any more.
 */
export function comparePaired(
  measure: Measure,
  candidate: Scored,
  baseline: Scored,
  confidence: number,
  seed: number,
): PairedComparison {
  const values = { candidate: measureRows(measure, candidate), baseline: measureRows(measure, baseline) }
  const sign = measure.better === 'larger' ? -1 : 1
  const [own, other] = [resampled(measure, candidate), resampled(measure, baseline)]
  const { values: deficits, resamples } = draw(candidate, seed, (counts) => sign * (own(counts) - other(counts)))
  const upperBound = deficits[Math.min(deficits.length - 1, Math.ceil(confidence * deficits.length) - 1)] ?? Number.NaN
  return { ...values, deficit: sign * (values.candidate - values.baseline), upperBound, resamples }
}

const resampled = (measure: Measure, scored: Scored): ((counts: Uint16Array) => number) =>
  measure.resampled?.(scored) ?? ((counts) => measureRows(measure, drawn(scored, counts)))

/**
 * The 90 % interval of a metric by a bootstrap of the rows: the percentiles of what the draws are measured at, as many
 * draws as `comparePaired` makes.
 * @returns undefined of a metric that cannot be drawn again quickly, or that is not defined on any draw
 */
export function intervalOf(measure: Measure, scored: Scored, seed: number): { low: number; high: number } | undefined {
  const of = measure.resampled?.(scored)
  if (of === undefined) return undefined
  const { values } = draw(scored, seed, of)
  const at = (share: number): number | undefined => values[Math.round(share * (values.length - 1))]
  const [low, high] = [at(0.05), at(0.95)]
  return low === undefined || high === undefined ? undefined : { low, high }
}

/**
 * Draws rows with replacement, of a ranking whole groups, and measures every draw: the values in ascending order,
 * without those that are not defined.
 */
function draw(
  scored: Scored,
  seed: number,
  measured: (counts: Uint16Array) => number,
): { readonly values: number[]; readonly resamples: number } {
  const rows = rowsOf(scored)
  const resamples = rows >= 50_000 ? 200 : 1_000
  const random = seededRandom(seed)
  const values: number[] = []
  const grouped = scored.groups === undefined ? undefined : groupRows(scored.groups)
  const drawn = new Uint16Array(grouped === undefined ? rows : groupCount(grouped))
  const counts = grouped === undefined ? drawn : new Uint16Array(rows)
  for (let resample = 0; resample < resamples; resample++) {
    drawn.fill(0)
    for (let i = 0; i < drawn.length; i++) {
      const unit = Math.floor((random() / 2 ** 32) * drawn.length)
      drawn[unit] = (drawn[unit] as number) + 1
    }
    grouped?.placeOf.forEach((place, row) => {
      counts[row] = drawn[place] as number
    })
    const value = measured(counts)
    if (!Number.isNaN(value)) values.push(value)
  }
  return { values: values.sort((a, b) => a - b), resamples }
}

/** Rows as often as each was drawn; groups that were drawn more than once are as many groups. */
export function drawn(scored: Scored, counts: Uint16Array): Scored {
  const rows = new Uint32Array(counts.reduce((sum, count) => sum + count, 0))
  const copies = new Uint32Array(rows.length)
  let at = 0
  for (let i = 0; i < counts.length; i++)
    for (let k = counts[i] as number; k > 0; k--) {
      copies[at] = k - 1
      rows[at++] = i
    }
  const selected = selectRows(scored, rows)
  if (selected.groups === undefined) return selected
  const most = scored.groups?.reduce((largest, group) => Math.max(largest, group), 0) ?? 0
  return { ...selected, groups: selected.groups.map((group, i) => group + (copies[i] as number) * (most + 1)) }
}
