import { columnOf } from '../../formats/answers.ts'
import type { TreesLearner } from '../../formats/learner.ts'
import type { LearnerOrder } from '../learner.ts'
import { type Boosted, type BoostedRows, type BoostOptions, boost, type Dataset } from './boost.ts'
import type { Ensemble, Tree } from './ensemble.ts'

/**
 * Trees of several targets, or of several quantiles of one: an ensemble each, grown and stopped by itself as if it were
 * alone, and all of them one ensemble of as many sums. The predictions of quantiles are put in ascending order
 * afterwards: rearranged curves do not cross, and are never further from the true ones (Chernozhukov, Fernández-Val and
 * Galichon, Quantile and Probability Curves Without Crossing, Econometrica 78, 2010).
 * @param rows labels are [rows · targets], or of quantiles [rows]
 * @returns importance and loss are means over the outputs; of one that stopped earlier its last loss goes on
 */
export function boostSeveral(
  { parameters, outputs = [], levels }: Pick<LearnerOrder<TreesLearner>, 'parameters' | 'outputs' | 'levels'>,
  rows: BoostedRows,
  options: BoostOptions,
): Boosted {
  const boosted = outputs.map((_, i) => {
    const data = levels === undefined ? targetOf(rows, i, outputs.length) : rows
    const own = levels === undefined ? parameters : { ...parameters, quantile: levels[i] }
    const onRound = (round: number): void => options.onRound?.((i * parameters.trees + round) / outputs.length)
    return boost('regression', data, own, { ...options, onRound })
  })
  const ensemble = together(boosted.map((each) => each.ensemble))
  return {
    ensemble: levels === undefined ? ensemble : { ...ensemble, isSorted: true },
    importance: meansOf(boosted.map(({ importance }) => importance)),
    validationLoss: meansOf(boosted.map(({ validationLoss }) => validationLoss)),
  }
}

function targetOf({ train, validation }: BoostedRows, target: number, targets: number): BoostedRows {
  const own = (data: Dataset): Dataset => ({ ...data, labels: columnOf(data.labels, target, targets) })
  return { train: own(train), validation: own(validation) }
}

/** A tree that adds nothing: a sum without a vote would lack its base value. */
const nothing: Tree = {
  feature: Int32Array.of(-1),
  threshold: Float32Array.of(0),
  members: new Map(),
  left: Int32Array.of(0),
  right: Int32Array.of(0),
  missingLeft: Uint8Array.of(0),
  value: Float32Array.of(0),
}

/** Ensembles of a sum each as one of several; all in float64, where one of them needs it. */
function together(ensembles: readonly Ensemble[]): Ensemble {
  const trees = ensembles.map((each) => (each.trees.length === 0 ? [nothing] : each.trees))
  const restores = ensembles.map(({ restore }) => restore)
  return {
    task: 'regression',
    bases: ensembles.flatMap(({ bases }) => bases),
    trees: trees.flat(),
    sums: trees.flatMap((own, sum) => own.map(() => sum)),
    features: ensembles[0]?.features ?? 0,
    ...(restores.some((restore) => restore !== undefined) && {
      restore: {
        scale: restores.flatMap((restore) => restore?.scale ?? 1),
        offset: restores.flatMap((restore) => restore?.offset ?? 0),
      },
    }),
  }
}

/** Means over series, by place; a shorter one goes on with its last value. */
function meansOf(series: readonly (readonly number[])[]): number[] {
  const longest = series.reduce((most, { length }) => Math.max(most, length), 0)
  return Array.from(
    { length: longest },
    (_, i) => series.reduce((sum, values) => sum + (values[i] ?? values.at(-1) ?? 0), 0) / series.length,
  )
}
