import { type Calibration, calibrated } from './calibration.ts'

/** What others of a row have together is at least this, so that its logarithm is finite. */
export const leastOthers = 1e-300

/**
 * The log odds of each class against all others, of scores whose softmax are the probabilities: [classes][rows],
 * float64.
 * @param scores [classes][rows]
 */
export function logOddsOf(scores: readonly (Float32Array | Float64Array)[]): Float64Array[] {
  const [classes, rows] = [scores.length, scores[0]?.length ?? 0]
  const odds = scores.map(() => new Float64Array(rows))
  const powers = new Float64Array(classes)
  for (let row = 0; row < rows; row++) {
    const largest = scores.reduce((most, own) => Math.max(most, own[row] as number), Number.NEGATIVE_INFINITY)
    for (let i = 0; i < classes; i++) powers[i] = Math.exp((scores[i]?.[row] as number) - largest)
    for (let own = 0; own < classes; own++) {
      // Those of others one by one: a difference would lose them beside a class that is all but certain.
      let others = 0
      for (let i = 0; i < classes; i++) if (i !== own) others += powers[i] as number
      ;(odds[own] as Float64Array)[row] =
        (scores[own]?.[row] as number) - largest - Math.log(Math.max(others, leastOthers))
    }
  }
  return odds
}

/**
 * Probabilities of several classes, each calibrated against all others by its log odds and then divided by their sum,
 * as scikit-learn's CalibratedClassifierCV; all alike where they are all 0. Rounded to float32: [rows · classes].
 * @param scores [classes][rows], whose softmax are the probabilities that are calibrated
 */
export function calibratedClasses(
  calibrations: readonly Calibration[],
  scores: readonly (Float32Array | Float64Array)[],
): Float32Array {
  const odds = logOddsOf(scores)
  const [classes, rows] = [scores.length, scores[0]?.length ?? 0]
  const probabilities = new Float32Array(rows * classes)
  const own = new Float64Array(classes)
  for (let row = 0; row < rows; row++) {
    let total = 0
    for (let i = 0; i < classes; i++)
      total += own[i] = calibrated(calibrations[i] as Calibration, odds[i]?.[row] as number)
    for (let i = 0; i < classes; i++)
      probabilities[row * classes + i] = total === 0 ? 1 / classes : (own[i] as number) / total
  }
  return probabilities
}
