import type { Numbers } from '../formats/columns.ts'
import { seededRandom } from '../stats/random.ts'
import type { LearnerRows } from './learner.ts'

/** Rows that are looked at, at most, and values of them. */
const mostRows = 2_000
const mostValues = 2_000_000

/**
 * How much a model uses each input, whatever it is: the mean change of its predictions when an input has the values of other rows, as
 * shares of 1; all 0 where nothing changes (the permutation of Breiman, Machine Learning 45, 2001, section 10, measured on predictions).
 * @param score predictions for rows
 */
export async function permutedImportance(
  { features }: Pick<LearnerRows, 'features'>,
  seed: number,
  score: (rows: LearnerRows) => Promise<Numbers>,
): Promise<number[]> {
  const rows = features[0]?.length ?? 0
  const step = Math.max(1, Math.ceil(rows / Math.min(mostRows, mostValues / Math.max(1, features.length))))
  const count = Math.ceil(rows / step)
  const sample = features.map((values) => Float32Array.from({ length: count }, (_, i) => values[i * step] as number))
  const labels = new Float64Array(count)
  const usual = await score({ features: sample, labels })
  const other = shuffledRows(count, seed)
  const changes: number[] = []
  for (const [i, values] of sample.entries()) {
    const mixed = [...sample]
    mixed[i] = Float32Array.from(other, (row) => values[row] as number)
    const predictions = await score({ features: mixed, labels })
    let change = 0
    for (let row = 0; row < count; row++) change += Math.abs((predictions[row] as number) - (usual[row] as number))
    changes.push(change)
  }
  const whole = changes.reduce((sum, change) => sum + change, 0)
  return whole > 0 ? changes.map((change) => change / whole) : changes.map(() => 0)
}

/** Rows in another order (Fisher and Yates). */
function shuffledRows(count: number, seed: number): Uint32Array {
  const random = seededRandom(seed)
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = random() % (i + 1)
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  return order
}
