import { type Features, isNumbers } from '../code/run-features.ts'
import { rowCount } from '../formats/columns.ts'
import type { Attribution } from '../formats/evaluation.ts'
import type { ExplainMethod } from '../formats/explain.ts'
import { openExplainer } from '../models/explainer.ts'
import type { LoadedModel, LocalModel } from '../models/model.ts'

/** Rows that are explained, at most: seconds of work. */
const mostRows: Readonly<Record<ExplainMethod, number>> = {
  'path-dependent': 2_000,
  linear: 2_000,
  interventional: 300,
  kernel: 24,
}

/**
 * How much each feature moves the scores of some rows: the mean size of its parts, over rows that lie evenly among
 * those given. Undefined where the package keeps nothing to explain by.
 */
export async function attributionOf(
  local: LocalModel,
  model: LoadedModel,
  features: Features,
): Promise<Attribution | undefined> {
  const explainer = await openExplainer(local, model)
  if (explainer === undefined) return undefined
  const { columns, rows, outputs, parts, of, method } = await explainer.explain(
    everySo(features, mostRows[explainer.method]),
  )
  const sums = new Float64Array(columns.length)
  parts.forEach((part, i) => {
    sums[i % columns.length] = (sums[i % columns.length] as number) + Math.abs(part)
  })
  return {
    method,
    of,
    rows,
    features: columns
      .map((feature, i) => ({ feature, mean: (sums[i] as number) / Math.max(1, rows * outputs) }))
      .sort((a, b) => b.mean - a.mean || (a.feature < b.feature ? -1 : 1)),
  }
}

/** Every so many rows of features, so that there are no more than `most`. */
function everySo(features: Features, most: number): Features {
  const step = Math.max(1, Math.ceil(rowCount(features) / most))
  return Object.fromEntries(
    Object.entries(features).map(([name, values]) => [
      name,
      isNumbers(values) ? values.filter((_, row) => row % step === 0) : values.filter((_, row) => row % step === 0),
    ]),
  )
}
