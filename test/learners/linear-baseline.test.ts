import { describe, expect, it } from 'vitest'
import type { StepOf, Task } from '../../lib/formats/plan.ts'
import type { LabelledFeatures } from '../../lib/learners/dataset.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'
import { linearBaseline } from '../../lib/learners/linear-baseline.ts'
import { encodeRows, prepareRows } from '../../lib/learners/order.ts'
import { metricsOf } from '../../lib/learners/report.ts'
import { treesLearner } from '../../lib/learners/trees/learner.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(5)
const uniform = (): number => random() / 2 ** 32

/** Rows with a text whose first value means more, and a label that follows the first number. */
function madeRows(rows: number, numbers = 3): LabelledFeatures {
  const values = Array.from({ length: numbers }, () => Float32Array.from({ length: rows }, uniform))
  const codes = Int32Array.from({ length: rows }, () => Math.floor(4 * uniform()) - 1)
  const labels = Float64Array.from({ length: rows }, (_, row) =>
    Number((values[0]?.[row] as number) + (codes[row] === 0 ? 0.4 : 0) + uniform() / 2 > 0.8),
  )
  const features = values.map((each, i) => ({ name: `x${i}`, kind: 'number' as const, values: each }))
  return { features: [...features, { name: 't', kind: 'category', values: ['a', 'b', 'c'], codes }], labels }
}

const stepOf = (task: Task, learner: object = treesLearner.parameters.parse({ kind: 'trees' })) =>
  ({ kind: 'train', task, seed: 1, learner, target: { column: 'y' } }) as StepOf<'train'>

const preparedOf = (task: Task, rows: number, numbers?: number) =>
  prepareRows(stepOf(task), { train: madeRows(rows, numbers), validation: madeRows(2_000, numbers) })

describe('the linear model beside trees', () => {
  it.each(['binary', 'regression'] as const)(
    'does on the validation rows what a linear learner does: %s',
    async (task) => {
      const rows = preparedOf(task, 3_000)
      const baseline = await linearBaseline(stepOf(task), rows)
      const encoded = encodeRows(rows, { by: 'frequency', most: 254 })
      const parameters = { kind: 'linear', l2: 1 } as const
      const { predictions } = await linearLearner.train(
        { model: 'm', task, parameters, seed: 1, threads: 1, ...encoded },
        () => {},
      )
      const validationMetrics = metricsOf(task, { predictions, labels: rows.validation.labels })
      expect(baseline).toEqual({ slipway: 'linear-baseline/1', l2: 1, rows: 3_000, validationMetrics })
      expect(task === 'binary' ? validationMetrics.auc : validationMetrics.r2).toBeGreaterThan(0.5)
    },
  )

  it('tells several classes apart, by fewer rows the more there are', async () => {
    const classes = { names: ['a', 'b', 'c'], rows: [1, 1, 1] }
    const of = (rows: number): LabelledFeatures => {
      const made = madeRows(rows)
      const [first] = made.features as unknown as [{ values: Float32Array }]
      return { ...made, labels: Float64Array.from(first.values, (x) => Math.floor(2.999 * x)), classes }
    }
    const prepared = prepareRows(stepOf('multiclass'), { train: of(100_000), validation: of(2_000) })
    const baseline = await linearBaseline(stepOf('multiclass'), prepared)
    // A million by four features and three classes: every second row and fewer.
    expect(baseline?.rows).toBe(50_000)
    expect(baseline?.validationMetrics.accuracy).toBeGreaterThan(0.9)
  })

  it('takes some of many rows, from all over them, and does as well', async () => {
    const many = preparedOf('binary', 250_000)
    const few = await linearBaseline(stepOf('binary'), many)
    expect(few?.rows).toBe(83_334)
    // Rows are picked whole: with labels of other rows there would be nothing to learn.
    expect(few?.validationMetrics.auc).toBeGreaterThan(0.85)
    const wide = await linearBaseline(stepOf('regression'), preparedOf('regression', 30_000, 99))
    expect(wide?.rows).toBe(15_000)
  })

  it('is none where there are too many features, or the model is linear itself', async () => {
    expect(await linearBaseline(stepOf('binary'), preparedOf('binary', 50, 500))).toBe(undefined)
    expect(await linearBaseline(stepOf('binary', { kind: 'linear', l2: 1 }), preparedOf('binary', 50))).toBe(undefined)
  })
})
