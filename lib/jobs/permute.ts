import { type Features, isNumbers } from '../code/run-features.ts'
import { widthOf } from '../formats/answers.ts'
import type { Numbers } from '../formats/columns.ts'
import type { FeatureImportance } from '../formats/evaluation.ts'
import { logLossOf } from '../formats/metrics/binary.ts'
import { gainMetrics } from '../formats/metrics/gain.ts'
import { measureAll, measureRows } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { areaUnderRoc } from '../formats/metrics/ranking.ts'
import type { LoadedModel } from '../models/model.ts'
import { regressionMetricsOf } from '../stats/metrics.ts'
import { seededRandom } from '../stats/random.ts'

/** Rows looked at, at most, and values of them; how many features are shuffled, at most, and how often each. */
const mostRows = 20_000
const mostValues = 4_000_000
const mostFeatures = 100
const repeats = 5

/** Rows of a table, evenly spread, as they come by. */
export interface Sample {
  readonly features: Features
  readonly labels: Float64Array
  /** Of a ranking. */
  readonly groups?: Uint32Array
  /**
   * @param labels of the whole table
   * @param at the table's row that the features begin with
   * @param groups of the whole table, of a ranking
   */
  take(features: Features, labels: Float64Array, at: number, groups?: Uint32Array): void
}

/** Takes every so many of the groups, whole, of about as many rows. */
export function groupSampler(rows: number, features: number): Sample {
  const every = Math.max(1, Math.ceil(rows / Math.min(mostRows, mostValues / features)))
  const kept: Record<string, (number | string | null)[]> = {}
  const made: Record<string, Float32ArrayConstructor | Float64ArrayConstructor | undefined> = {}
  const [labels, groups]: [number[], number[]] = [[], []]
  return {
    get features() {
      return Object.fromEntries(
        Object.entries(kept).map(([name, values]) => [name, made[name]?.from(values as number[]) ?? values]),
      ) as Features
    },
    get labels() {
      return Float64Array.from(labels)
    },
    get groups() {
      return Uint32Array.from(groups)
    },
    take(features, all, at, numbers = new Uint32Array()) {
      const rows = Object.values(features)[0]?.length ?? 0
      const taken = Array.from({ length: rows }, (_, i) => i).filter((i) => (numbers[at + i] as number) % every === 0)
      for (const i of taken) {
        labels.push(all[at + i] as number)
        groups.push(numbers[at + i] as number)
      }
      for (const [name, values] of Object.entries(features)) {
        kept[name] ??= []
        if (isNumbers(values)) made[name] = values.constructor as Float64ArrayConstructor
        for (const i of taken) kept[name].push(values[i] as number | string | null)
      }
    },
  }
}

/** Takes every so many of `rows` rows, fewer where there are many features. @param targets labels a row */
export function sampler(rows: number, features: number, targets = 1): Sample {
  const step = Math.max(1, Math.ceil(rows / Math.min(mostRows, mostValues / features)))
  const count = Math.ceil(rows / step)
  const kept: Record<string, Numbers | (string | null)[]> = {}
  const labels = new Float64Array(count * targets)
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
        for (let target = 0; target < targets; target++)
          labels[row * targets + target] = all[row * step * targets + target] as number
    },
  }
}

/**
 * Permutation importance (Breiman, Machine Learning 45, 2001, section 10): how much worse the model is when a feature
 * is cut off from everything else, its values being those of other rows. Largest first. Features that say the same
 * stand in for each other, and each then looks worth little. Empty where the measure is not defined on the rows. Of
 * many features only those are shuffled that the trees use most: each costs a few scorings of all of them.
 * @param gains share of the trees' gain, by feature
 */
export async function importanceOf(
  model: Pick<LoadedModel, 'facts' | 'scoreFeatures'>,
  features: Features,
  labels: Float64Array,
  gains: Readonly<Record<string, number>>,
  groups?: Uint32Array,
): Promise<FeatureImportance[]> {
  const badness = (predictions: Numbers): number => badnessOf(model.facts, { predictions, labels, groups })
  const usual = badness(await model.scoreFeatures(features))
  if (!Number.isFinite(usual)) return []
  const importance: FeatureImportance[] = []
  for (const { number, name, values } of mostUsed(features, gains)) {
    const losses: number[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      const other = shuffled(values.length, number * repeats + repeat)
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

/** What grows when a model gets worse: of several classes the log loss, of quantiles the pinball loss. */
function badnessOf(facts: LoadedModel['facts'], scored: Scored): number {
  const { predictions, labels } = scored
  if (facts.task === 'ranking') return -measureRows(gainMetrics.ndcg, scored)
  if (facts.task === 'binary') return -areaUnderRoc({ predictions, labels })
  const { outputs } = facts
  if (facts.task === 'regression') return regressionMetricsOf({ predictions, labels, outputs }).rmse
  if (facts.task === 'quantiles') return measureAll('quantiles', { predictions, labels, outputs }).pinball
  const width = widthOf(facts)
  let sum = 0
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number
    // A class that it does not know has no chance.
    sum += logLossOf(label < width ? (predictions[row * width + label] as number) : 0, 1)
  }
  return sum / labels.length
}

/** Features with their numbers, those that gain most where there are too many. */
function mostUsed(
  features: Features,
  gains: Readonly<Record<string, number>>,
): { readonly number: number; readonly name: string; readonly values: Features[string] }[] {
  const all = Object.entries(features).map(([name, values], number) => ({ number, name, values }))
  if (all.length <= mostFeatures) return all
  return all.sort((a, b) => (gains[b.name] ?? 0) - (gains[a.name] ?? 0)).slice(0, mostFeatures)
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
