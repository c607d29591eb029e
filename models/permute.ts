import { type Features, isNumbers } from '../code/run-features.ts'
import type { Numbers } from '../pipelines/columns.ts'
import type { FeatureImportance } from '../pipelines/evaluation.ts'
import { areaUnderRoc, regressionMetricsOf } from '../stats/metrics.ts'
import { seededRandom } from '../stats/random.ts'
import type { LoadedModel } from './model.ts'

/** Rows looked at, at most, and how often each feature is shuffled. */
const mostRows = 20_000
const repeats = 5

/** Rows of a table, evenly spread, as they come by. */
export interface Sample {
  readonly features: Features
  readonly labels: Float64Array
  /** @param labels of the whole table @param at the table's row that the features begin with */
  take(features: Features, labels: Float64Array, at: number): void
}

/** Takes every so many of `rows` rows. */
export function sampler(rows: number): Sample {
  const step = Math.max(1, Math.ceil(rows / mostRows))
  const count = Math.ceil(rows / step)
  const kept: Record<string, Numbers | (string | null)[]> = {}
  const labels = new Float64Array(count)
  return {
    features: kept as Features,
    labels,
    take(features, all, at) {
      for (const [name, values] of Object.entries(features)) {
        kept[name] ??= isNumbers(values)
          ? new (values.constructor as Float64ArrayConstructor)(count)
          : new Array<string | null>(count)
        const into = kept[name]
        for (let row = Math.ceil(at / step); row * step < at + values.length; row++)
          into[row] = values[row * step - at] as never
      }
      const [first] = Object.values(features)
      for (let row = Math.ceil(at / step); row * step < at + (first?.length ?? 0); row++)
        labels[row] = all[row * step] as number
    },
  }
}

/**
 * Permutation importance (Breiman, Machine Learning 45, 2001, section 10): how much worse the model is when a feature is cut off from
 * everything else, its values being those of other rows. Largest first. Features that say the same stand in for each other, and
 * each then looks worth little. Empty where the measure is not defined on the rows.
 */
export async function importanceOf(
  model: Pick<LoadedModel, 'facts' | 'scoreFeatures'>,
  features: Features,
  labels: Float64Array,
): Promise<FeatureImportance[]> {
  const badness = (predictions: Numbers): number =>
    model.facts.task === 'binary'
      ? -areaUnderRoc({ predictions, labels })
      : regressionMetricsOf({ predictions, labels }).rmse
  const usual = badness(await model.scoreFeatures(features))
  if (!Number.isFinite(usual)) return []
  const importance: FeatureImportance[] = []
  for (const [number, [name, values]] of Object.entries(features).entries()) {
    const losses: number[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      const other = shuffled(labels.length, number * repeats + repeat)
      const mixed = isNumbers(values)
        ? values.map((_, row) => values[other[row] as number] as number)
        : Array.from(other, (row) => values[row] as string | null)
      losses.push(badness(await model.scoreFeatures({ ...features, [name]: mixed })) - usual)
    }
    const loss = losses.reduce((sum, each) => sum + each, 0) / repeats
    const variance = losses.reduce((sum, each) => sum + (each - loss) ** 2, 0) / (repeats - 1)
    importance.push({ feature: name, loss, spread: Math.sqrt(variance) })
  }
  return importance.sort((a, b) => b.loss - a.loss || (a.feature < b.feature ? -1 : 1))
}

/** Numbers below n in a random order (Fisher–Yates). */
function shuffled(n: number, seed: number): Uint32Array {
  const next = seededRandom(seed)
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const other = next() % (i + 1)
    const value = order[i] as number
    order[i] = order[other] as number
    order[other] = value
  }
  return order
}
