import { pickRows } from '../formats/answers.ts'
import type { StepOf } from '../formats/plan.ts'
import type { LinearBaseline } from '../formats/training-report.ts'
import type { LabelledFeatures } from './dataset.ts'
import { linearLearner } from './linear/learner.ts'
import { encodeRows, type PreparedRows, textsIn } from './order.ts'
import { metricsOf } from './report.ts'

/**
 * It must cost next to nothing beside the model: of more training rows or values of texts it takes some, of more
 * features none.
 */
const mostRows = 100_000
const mostValues = 400
const mostFeatures = 500
/** Products of two features that are added up a pass. */
const mostProducts = 2e8
/** Of several classes: weights of rows that are added up a pass, of which there are a hundred or two. */
const mostTerms = 1e6

/**
 * How well a linear model with the usual penalty does on the rows of another model: what that one has to beat to be
 * worth having.
 * @returns nothing where the model is linear itself, answers quantiles, ranks, or has too many features
 */
export async function linearBaseline(step: StepOf<'train'>, rows: PreparedRows): Promise<LinearBaseline | undefined> {
  const { task, seed, learner } = step
  const features = rows.train.features.length + rows.crosses.length
  if (learner.kind === 'linear' || features > mostFeatures) return undefined
  if (task === 'quantiles' || task === 'ranking') return undefined
  const classes = rows.train.classes?.names.length
  const room = classes === undefined ? mostProducts / features ** 2 : mostTerms / (features * classes)
  const thinned = thin(rows, Math.min(mostRows, Math.floor(room)))
  const parameters = linearLearner.parameters.parse({ kind: 'linear' })
  const most = Math.max(1, Math.floor(mostValues / Math.max(1, textsIn(rows))))
  const encoded = encodeRows(thinned, { by: 'frequency', most })
  const order = { model: 'linear', task, parameters, seed, threads: 1, ...encoded }
  const { predictions } = await linearLearner.train(order, () => {})
  return {
    slipway: 'linear-baseline/1',
    l2: parameters.l2,
    rows: thinned.train.labels.length,
    validationMetrics: metricsOf(task, { predictions, labels: rows.validation.labels, outputs: rows.outputs }),
  }
}

/** Training rows that lie evenly among all, at most so many. */
function thin(rows: PreparedRows, most: number): PreparedRows {
  const { train, labels, crosses } = rows
  const every = Math.ceil(labels.length / most)
  if (every <= 1) return rows
  const pick = <Values extends Float32Array | Float64Array | Int32Array>(values: Values): Values => {
    const picked = values.slice(0, Math.ceil(values.length / every)) as Values
    for (let i = 0; i < picked.length; i++) picked[i] = values[i * every] as number
    return picked
  }
  const some = Uint32Array.from({ length: Math.ceil(labels.length / every) }, (_, i) => i * every)
  const features = train.features.map((feature): LabelledFeatures['features'][number] =>
    feature.kind === 'number'
      ? { ...feature, values: pick(feature.values) }
      : { ...feature, codes: pick(feature.codes) },
  )
  return {
    ...rows,
    train: {
      ...train,
      features,
      labels: pickRows(train.labels, some, train.labels.length / labels.length) as Float64Array,
      weights: train.weights && pick(train.weights),
    },
    labels: pick(labels),
    crosses: crosses.map((cross) => ({ ...cross, train: pick(cross.train) })),
  }
}
