import type { Numbers } from '../formats/columns.ts'

/** What makes a probability of a score: a logistic curve, or straight lines between points. */
export type Calibration =
  | { readonly method: 'platt'; readonly slope: number; readonly intercept: number }
  | {
      readonly method: 'isotonic'
      /** Ascending scores and the probabilities there, the first and the last for all beyond. */
      readonly scores: Float64Array
      readonly probabilities: Float64Array
    }

/** Rows to calibrate by: the scores of a model, labels 0 and 1, and how much each row counts. */
export interface CalibrationRows {
  readonly scores: Numbers
  readonly labels: Numbers
  readonly weights?: ArrayLike<number> | undefined
}

/** The probability of class 1 that a score stands for. */
export function calibrated(calibration: Calibration, score: number): number {
  if (calibration.method === 'platt') return 1 / (1 + Math.exp(-(score * calibration.slope + calibration.intercept)))
  const { starts, values, slopes, last } = segmentsOf(calibration)
  const within = Math.min(last, Math.max(starts[0] as number, score))
  let at = 0
  let end = starts.length
  while (end - at > 1) {
    const middle = (at + end) >>> 1
    if ((starts[middle] as number) <= within) at = middle
    else end = middle
  }
  return (within - (starts[at] as number)) * (slopes[at] as number) + (values[at] as number)
}

/** The straight lines of an isotonic calibration: where each begins, the probability there, and how steep it is. */
export function segmentsOf({ scores, probabilities }: Extract<Calibration, { method: 'isotonic' }>) {
  const lines = Math.max(1, scores.length - 1)
  const slopes = new Float64Array(lines)
  for (let i = 0; i + 1 < scores.length; i++)
    slopes[i] =
      ((probabilities[i + 1] as number) - (probabilities[i] as number)) /
      ((scores[i + 1] as number) - (scores[i] as number))
  return {
    starts: scores.subarray(0, lines),
    values: probabilities.subarray(0, lines),
    slopes,
    last: scores.at(-1) as number,
  }
}

/** Newton's steps at most. */
const mostSteps = 200

/**
 * Platt's scaling: the logistic curve of largest likelihood, for labels a little inside 0 and 1 so that there always is
 * one (Platt 1999, 2.2; Lin, Lin & Weng 2007). By Newton's method with steps halved where they are too long; the curve
 * of scikit-learn's `method='sigmoid'`, which stops earlier.
 */
export function fitPlatt({ scores, labels, weights }: CalibrationRows): Extract<Calibration, { method: 'platt' }> {
  const weightOf = (row: number): number => weights?.[row] ?? 1
  let [negatives, positives, largest] = [0, 0, 0]
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] === 1) positives += weightOf(row)
    else negatives += weightOf(row)
    largest = Math.max(largest, Math.abs(scores[row] as number))
  }
  const scale = largest > 0 ? largest : 1
  const [low, high] = [1 / (negatives + 2), (positives + 1) / (positives + 2)]
  const at = (slope: number, intercept: number) => {
    const place = { loss: 0, bySlope: 0, byIntercept: 0, slopes: 0, both: 0, intercepts: 0 }
    for (let row = 0; row < labels.length; row++) {
      const weight = weightOf(row)
      const x = (scores[row] as number) / scale
      const z = slope * x + intercept
      const target = labels[row] === 1 ? high : low
      const p = 1 / (1 + Math.exp(-z))
      place.loss += weight * (Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - z * target)
      place.bySlope += weight * (p - target) * x
      place.byIntercept += weight * (p - target)
      place.slopes += weight * p * (1 - p) * x * x
      place.both += weight * p * (1 - p) * x
      place.intercepts += weight * p * (1 - p)
    }
    return place
  }
  let [slope, intercept] = [0, Math.log((positives + 1) / (negatives + 1))]
  let place = at(slope, intercept)
  for (let step = 0; step < mostSteps; step++) {
    // A little on the diagonal: scores that are all alike have no slope.
    const [a, c, b] = [place.slopes + 1e-12, place.intercepts + 1e-12, place.both]
    const determinant = a * c - b * b
    const [bySlope, byIntercept] = [
      (c * place.bySlope - b * place.byIntercept) / determinant,
      (a * place.byIntercept - b * place.bySlope) / determinant,
    ]
    let share = 1
    let next = at(slope - bySlope, intercept - byIntercept)
    while (next.loss > place.loss && share > 1e-10) {
      share /= 2
      next = at(slope - share * bySlope, intercept - share * byIntercept)
    }
    if (!(next.loss <= place.loss)) break
    slope -= share * bySlope
    intercept -= share * byIntercept
    place = next
    if (Math.abs(bySlope) < 1e-13 * (1 + Math.abs(slope)) && Math.abs(byIntercept) < 1e-13 * (1 + Math.abs(intercept)))
      break
  }
  return { method: 'platt', slope: slope / scale, intercept }
}

/**
 * The rising steps nearest to the labels in squares, by pooling neighbours that fall (Ayer et al. 1955), and straight
 * lines between them: scikit-learn's IsotonicRegression with `out_of_bounds='clip'`. Points in the middle of a step are
 * left out.
 * @param apart scores nearer than this to the first of a group are that one; by default as in scikit-learn
 */
export function fitIsotonic(
  { scores, labels, weights }: CalibrationRows,
  apart = 1e-15,
): Extract<Calibration, { method: 'isotonic' }> {
  const weightOf = (row: number): number => weights?.[row] ?? 1
  const order = Array.from(scores.keys())
    .filter((row) => weightOf(row) > 0)
    .sort((a, b) => (scores[a] as number) - (scores[b] as number) || (labels[a] as number) - (labels[b] as number))
  const blocks: Block[] = []
  for (const row of order) {
    const [score, weight] = [scores[row] as number, weightOf(row)]
    const sum = weight * (labels[row] as number)
    const last = blocks.at(-1)
    if (last !== undefined && score - last.first < apart) {
      last.sum += sum
      last.weight += weight
    } else blocks.push({ first: score, last: score, sum, weight })
  }
  const pooled: Block[] = []
  for (let block of blocks) {
    for (let before = pooled.at(-1); before !== undefined && meanOf(before) >= meanOf(block); before = pooled.at(-1)) {
      block = {
        first: before.first,
        last: block.last,
        sum: before.sum + block.sum,
        weight: before.weight + block.weight,
      }
      pooled.pop()
    }
    pooled.push(block)
  }
  const points = pooled.flatMap((block) => {
    const probability = meanOf(block)
    const first = { score: block.first, probability }
    return block.last > block.first ? [first, { score: block.last, probability }] : [first]
  })
  return {
    method: 'isotonic',
    scores: Float64Array.from(points, ({ score }) => score),
    probabilities: Float64Array.from(points, ({ probability }) => probability),
  }
}

/** Rows whose scores lie side by side. */
interface Block {
  readonly first: number
  readonly last: number
  sum: number
  weight: number
}
const meanOf = ({ sum, weight }: Block): number => sum / weight
