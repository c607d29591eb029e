import type { Numbers } from '../formats/columns.ts'
import { ascendingOrder } from '../formats/metrics/ascending-order.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import type { ReliabilityBin } from '../formats/metrics/ranking.ts'

/** A point of a curve in the unit square. */
export interface CurvePoint {
  readonly x: number
  readonly y: number
}

/** What is decided at every threshold, from the largest score down: rows at or above it, and positives among them. */
interface Decided {
  readonly threshold: number
  readonly rows: number
  readonly hits: number
}

function decisions({ predictions, labels }: Scored): Decided[] {
  const order = ascendingOrder(predictions)
  const decided: Decided[] = []
  let [rows, hits] = [0, 0]
  for (let i = order.length - 1; i >= 0; ) {
    const threshold = predictions[order[i] as number] as number
    for (; i >= 0 && predictions[order[i] as number] === threshold; i--) {
      rows++
      hits += labels[order[i] as number] as number
    }
    decided.push({ threshold, rows, hits })
  }
  return decided
}

/** Places along an axis that a drawing tells apart. */
const steps = 200

/** Both curves of a yes/no model. */
export interface RankingCurves {
  /** x: share of the negatives that are decided positive, y: share of the positives; from (0, 0) to (1, 1). */
  readonly roc: readonly CurvePoint[]
  /** x: recall, y: precision. */
  readonly precisionRecall: readonly CurvePoint[]
  /** The precision of deciding by chance. */
  readonly positiveShare: number
}

/**
 * The receiver operating characteristic and the precision-recall curve (Fawcett, An introduction to ROC analysis, 2006;
 * Davis & Goadrich, 2006), thinned evenly to what can be drawn. Undefined where a class is missing.
 */
export function rankingCurves(scored: Scored): RankingCurves | undefined {
  const decided = decisions(scored)
  const last = decided.at(-1)
  if (last === undefined || last.hits === 0 || last.hits === last.rows) return undefined
  const negatives = last.rows - last.hits
  const roc = decided.map(({ rows, hits }) => ({ x: (rows - hits) / negatives, y: hits / last.hits }))
  const precisionRecall = decided.map(({ rows, hits }) => ({ x: hits / last.hits, y: hits / rows }))
  return {
    roc: [{ x: 0, y: 0 }, ...thinned(roc)],
    precisionRecall: thinned(precisionRecall),
    positiveShare: last.hits / last.rows,
  }
}

/** Of points that a drawing would not tell apart the first, and the last one of all. */
function thinned(points: readonly CurvePoint[]): CurvePoint[] {
  let taken = -1
  return points.filter(({ x, y }, i) => {
    const place = Math.floor(x * steps) * (steps + 1) + Math.floor(y * steps)
    if (place === taken && i < points.length - 1) return false
    taken = place
    return true
  })
}

/** Decisions at a threshold against what was true: counts of rows. */
export interface Confusion {
  readonly threshold: number
  readonly truePositives: number
  readonly falsePositives: number
  readonly falseNegatives: number
  readonly trueNegatives: number
}

/** A row is decided positive where its score is at least the threshold. */
export function confusionAt({ predictions, labels }: Scored, threshold: number): Confusion {
  const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 }
  for (let i = 0; i < labels.length; i++) {
    const isPositive = (predictions[i] as number) >= threshold
    if (labels[i] === 1) counts[isPositive ? 'truePositives' : 'falseNegatives']++
    else counts[isPositive ? 'falsePositives' : 'trueNegatives']++
  }
  return { threshold, ...counts }
}

/** 1.645: the quantile of the normal distribution that leaves 5 % on either side. */
const z = 1.6448536269514722

/** The 90 % interval of a share (Wilson, Probable inference, 1927). */
export function shareInterval(share: number, rows: number): { readonly low: number; readonly high: number } {
  const scale = 1 + z ** 2 / rows
  const centre = (share + z ** 2 / (2 * rows)) / scale
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / rows + z ** 2 / (4 * rows ** 2))
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** A bin of a reliability diagram with the 90 % interval of what was true. */
export type CalibrationBin = ReliabilityBin & { readonly low: number; readonly high: number }

export const withIntervals = (bins: readonly ReliabilityBin[]): CalibrationBin[] =>
  bins.map((bin) => ({ ...bin, ...shareInterval(bin.positiveShare, bin.rows) }))

/** Equally wide bins from the smallest to the largest value, and how many values of each group are in them. */
export interface Histogram {
  /** Bounds of the bins, one more than there are bins. */
  readonly bounds: readonly number[]
  /** By group: counts of the bins. */
  readonly counts: readonly (readonly number[])[]
}

/** A histogram of groups of numbers over the same bins; without ends, from the smallest to the largest of them. */
export function histogramOf(
  groups: readonly Numbers[],
  { bins, from, to }: { readonly bins: number; readonly from?: number; readonly to?: number },
): Histogram {
  const ends = endsOf(groups)
  const [low, high] = [from ?? ends.low, to ?? ends.high]
  const width = (high - low || 1) / bins
  const counts = groups.map((group) => {
    const own = new Array<number>(bins).fill(0)
    for (const value of group) {
      const bin = Math.max(0, Math.min(bins - 1, Math.floor((value - low) / width)))
      own[bin] = (own[bin] as number) + 1
    }
    return own
  })
  return { bounds: Array.from({ length: bins + 1 }, (_, i) => low + i * width), counts }
}

function endsOf(groups: readonly Numbers[]): { readonly low: number; readonly high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const group of groups)
    for (const value of group) {
      if (value < low) low = value
      if (value > high) high = value
    }
  return low <= high ? { low, high } : { low: 0, high: 1 }
}

/** What was true of rows with like predictions. */
export interface PredictedBin {
  readonly rows: number
  readonly meanPrediction: number
  /** Mean, and the values that 10 % of the labels lie below and above. */
  readonly meanLabel: number
  readonly low: number
  readonly high: number
}

/** Predictions of a number in ten bins of as many rows, and the labels of those rows. */
export function predictedBins({ predictions, labels }: Scored): PredictedBin[] {
  const order = ascendingOrder(predictions)
  const n = order.length
  const bins = Math.min(10, n)
  return Array.from({ length: bins }, (_, bin) => {
    const rows = order.subarray(Math.floor((bin * n) / bins), Math.floor(((bin + 1) * n) / bins))
    const own = Float64Array.from(rows, (row) => labels[row] as number).sort()
    const mean = (values: ArrayLike<number>): number => {
      let sum = 0
      for (let i = 0; i < values.length; i++) sum += values[i] as number
      return sum / values.length
    }
    const at = (share: number): number => own[Math.round(share * (own.length - 1))] as number
    return {
      rows: rows.length,
      meanPrediction: mean(Float64Array.from(rows, (row) => predictions[row] as number)),
      meanLabel: mean(own),
      low: at(0.1),
      high: at(0.9),
    }
  })
}
