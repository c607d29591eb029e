import { seededRandom } from '../../stats/random.ts'
import type { KnownFeature } from './feeds.ts'
import type { FeatureRows, FinishedModel } from './open.ts'

/** Rows on which it is measured what the model uses; of many features fewer. */
const shuffledRows = 2_000
const shuffledValues = 20_000_000

/** What the numbers are, on a model's card. */
export const importanceInWords = 'share of what its answers move by'

/**
 * How much the model uses each feature: by how much its answers move when the feature's values are those
 * of other rows; as shares of 1. Labels have no say in it. (After Breiman, Random Forests, Machine Learning 45, 2001,
 * section 10, which measures what it costs.)
 * @param all rows, of which as many as are enough are looked at
 */
export async function importanceOf(
  model: Pick<FinishedModel, 'predict'>,
  features: readonly Pick<KnownFeature, 'name'>[],
  all: FeatureRows,
): Promise<number[]> {
  const count = Object.values(all)[0]?.length ?? 0
  const most = Math.max(2, Math.min(shuffledRows, Math.floor(shuffledValues / features.length ** 2)))
  const every = Math.max(1, Math.ceil(count / most))
  const rows = Object.fromEntries(
    Object.entries(all).map(([name, values]) => [
      name,
      Array.from({ length: Math.ceil(count / every) }, (_, i) => values[i * every]),
    ]),
  ) as unknown as FeatureRows
  const usual = await model.predict(rows)
  const order = shuffled(Math.ceil(count / every))
  const moves: number[] = []
  for (const { name } of features) {
    const mixed = Array.from(order, (row) => (rows[name] as ArrayLike<unknown>)[row])
    const moved = await model.predict({ ...rows, [name]: mixed as string[] })
    let sum = 0
    for (let i = 0; i < usual.length; i++) sum += Math.abs((moved[i] as number) - (usual[i] as number))
    moves.push(sum)
  }
  const total = moves.reduce((sum, move) => sum + move, 0)
  return moves.map((move) => (total === 0 ? 0 : move / total))
}

/** Numbers below n in an order that is always the same (Fisher–Yates). */
function shuffled(n: number): Uint32Array {
  const next = seededRandom(1)
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const other = next() % (i + 1)
    const value = order[i] as number
    order[i] = order[other] as number
    order[other] = value
  }
  return order
}
