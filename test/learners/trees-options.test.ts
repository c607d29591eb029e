import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { trees } from '../../lib/definition/learners.ts'
import type { LearnerOrder, LearnerRows } from '../../lib/learners/learner.ts'
import { boost } from '../../lib/learners/trees/boost.ts'
import { type Ensemble, predict } from '../../lib/learners/trees/ensemble.ts'
import { directionsOf, withClassWeights } from '../../lib/learners/trees/options.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(19)
const uniform = (): number => random() / 2 ** 32

/** Rows whose answer mostly rises with the first number and falls with the second, but not everywhere. */
function wavy(rows: number, task: 'binary' | 'regression') {
  const features = Array.from({ length: 4 }, (_, feature) =>
    Float32Array.from({ length: rows }, () =>
      uniform() < 0.05 ? Number.NaN : feature === 3 ? random() % 6 : uniform(),
    ),
  )
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const [a = 0, b = 0, c = 0, d = 0] = features.map((values) => values[row] || 0)
    const answer = a + 0.4 * Math.sin(12 * a) - b - 0.5 * Math.cos(9 * b * c) + (d % 2) * c + (uniform() - 0.5)
    return task === 'binary' ? Number(answer > 0.3) : 100 * answer
  })
  return { features, labels, categories: [undefined, undefined, undefined, 6] }
}

const grow = (task: 'binary' | 'regression', directions?: readonly (1 | 0 | -1)[]): Ensemble => {
  const [train, validation] = [wavy(4_000, task), wavy(500, task)]
  const learner = trees({ trees: 40, leaves: 31, minRowsPerLeaf: 5 })
  return boost(task, { train: { ...train, directions }, validation }, learner, { threads: 2 }).ensemble
}

/** Whether answers rise (or fall) along a feature, whatever the others are. */
function isMonotone(ensemble: Ensemble, feature: number, direction: 1 | -1, others: readonly number[]): boolean {
  const steps = 400
  const columns = others.map((value) => new Float32Array(steps).fill(value))
  columns[feature] = Float32Array.from({ length: steps }, (_, i) => (direction === 1 ? i : steps - i) / steps)
  const answers = predict(ensemble, columns, steps)
  return answers.every((answer, i) => i === 0 || answer >= (answers[i - 1] as number))
}

describe('monotone constraints', () => {
  it.each(['binary', 'regression'] as const)('hold along a feature whatever the others are: %s', (task) => {
    const [free, bound] = [grow(task), grow(task, [1, -1, 0, 0])]
    const number = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN))
    const others = fc.tuple(number, number, number, fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Number.NaN)))
    fc.assert(
      fc.property(others, (values) => isMonotone(bound, 0, 1, values) && isMonotone(bound, 1, -1, values)),
      { numRuns: 200 },
    )
    // They are what does it: without them the same rows teach otherwise.
    expect(isMonotone(free, 0, 1, [0, 0.5, 0.5, 1])).toBe(false)
    // Something is learned all the same.
    const { features, labels } = wavy(2_000, task)
    const [own, none] = [predict(bound, features, 2_000), labels.reduce((sum, label) => sum + label / 2_000, 0)]
    const squares = (of: (row: number) => number): number =>
      labels.reduce((sum, label, row) => sum + (label - of(row)) ** 2, 0)
    expect(squares((row) => own[row] as number)).toBeLessThan(0.75 * squares(() => none))
  })

  it('change nothing where none is asked for', () => {
    const [train, validation] = [wavy(2_000, 'binary'), wavy(500, 'binary')]
    const learner = trees({ trees: 20 })
    const [plain, free] = [undefined, [0, 0, 0, 0] as const].map(
      (directions) =>
        boost('binary', { train: { ...train, directions }, validation }, learner, { threads: 1 }).ensemble,
    ) as [Ensemble, Ensemble]
    const questions = ({ trees: grown }: Ensemble) => grown.map(({ feature, threshold }) => [...feature, ...threshold])
    expect(questions(free)).toEqual(questions(plain))
  })
})

const rowsOf = (labels: number[], weights?: number[]): LearnerRows => ({
  features: [new Float32Array(labels.length)],
  labels: Float64Array.from(labels),
  ...(weights !== undefined && { weights: Float32Array.from(weights) }),
})
const orderOf = (
  parameters: Parameters<typeof trees>[0],
  rest: { readonly task?: string; readonly classes?: string[]; readonly train?: LearnerRows } = {},
): LearnerOrder<ReturnType<typeof trees>> =>
  ({
    model: 'm',
    task: 'binary',
    seed: 1,
    inputs: [
      { name: 'age', kind: 'number' },
      { name: 'town', kind: 'category', categories: ['a'] },
    ],
    train: rowsOf([0, 0, 0, 1]),
    validation: rowsOf([0, 1]),
    threads: 1,
    parameters: trees(parameters),
    ...rest,
  }) as LearnerOrder<ReturnType<typeof trees>>

describe('class weights', () => {
  it('balanced, are scikit-learn’s: rows / (classes · rows of the class)', () => {
    const train = rowsOf([0, 0, 0, 0, 1, 2, 2, 2])
    const order = orderOf({ classWeights: 'balanced' }, { classes: ['a', 'b', 'c'], train })
    // sklearn.utils.class_weight.compute_class_weight('balanced', …): 0.66666667, 2.66666667, 0.88888889
    const { weights } = withClassWeights(order, train)
    for (const [row, weight] of [
      [0, 2 / 3],
      [4, 8 / 3],
      [5, 8 / 9],
    ] as const)
      expect(weights?.[row]).toBeCloseTo(weight, 6)
  })

  it('multiply the weights of rows, and are of the training rows for the validation rows too', () => {
    const order = orderOf({ classWeights: { 1: 3 } }, { train: rowsOf([0, 1], [2, 5]) })
    expect([...(withClassWeights(order, order.train).weights ?? [])]).toEqual([2, 15])
    expect([...(withClassWeights(order, order.validation).weights ?? [])]).toEqual([1, 3])
  })

  it('make trees find the rare class', () => {
    const made = (rows: number) => {
      const feature = Float32Array.from({ length: rows }, uniform)
      return { features: [feature], labels: Float64Array.from(feature, (x) => (uniform() < 0.02 + 0.3 * x ? 1 : 0)) }
    }
    const [train, test] = [made(4_000), made(2_000)]
    const recallOf = (classWeights: 'balanced' | undefined): number => {
      const order = orderOf(classWeights === undefined ? {} : { classWeights }, { train })
      const data = withClassWeights(order, train)
      const { ensemble } = boost('binary', { train: data, validation: data }, trees({ trees: 20, leaves: 4 }), {
        threads: 1,
      })
      const said = predict(ensemble, test.features, 2_000).map((p) => (p >= 0.5 ? 1 : 0))
      return test.labels.reduce((sum, label, row) => sum + label * (said[row] as number), 0)
    }
    expect(recallOf('balanced')).toBeGreaterThan(3 * recallOf(undefined) + 100)
  })

  it.each([
    ['a class that there is not', { classWeights: { 2: 3 } }, {}, 'classWeights name the class "2"'],
    ['a target that is a number', { classWeights: 'balanced' as const }, { task: 'regression' }, 'target is a number'],
  ])('are refused of %s', (_, parameters, rest, message) => {
    const order = orderOf(parameters, rest)
    expect(() => withClassWeights(order, order.train)).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }))
    expect(() => withClassWeights(order, order.train)).toThrow(message)
  })
})

describe('monotone constraints in a definition', () => {
  it('are by the names of inputs', () => {
    expect(directionsOf(orderOf({ monotone: { age: 'decreasing' } }))).toEqual([-1, 0])
    expect(directionsOf(orderOf({}))).toBeUndefined()
  })

  it.each([
    ['a feature that is not made', { monotone: { size: 'increasing' as const } }, {}, 'does not make'],
    ['a text', { monotone: { town: 'increasing' as const } }, {}, 'is a text'],
    ['several classes', { monotone: { age: 'increasing' as const } }, { task: 'multiclass' }, 'several classes'],
  ])('are refused of %s', (_, parameters, rest, message) => {
    expect(() => directionsOf(orderOf(parameters, rest))).toThrow(message)
  })

  it('are in a plan only where they are said', () => {
    expect(Object.keys(trees({}))).not.toContain('monotone')
    expect(Object.keys(trees({}))).not.toContain('classWeights')
  })
})
