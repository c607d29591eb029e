import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { trees } from '../../lib/definition/learners.ts'
import { boost, type Dataset } from '../../lib/learners/trees/boost.ts'
import { type Ensemble, predict } from '../../lib/learners/trees/ensemble.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { plainLoops } from '../../lib/learners/trees/loops.ts'
import { regressionMetricsOf } from '../../lib/stats/metrics.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { needsFloat64, standardOf } from '../../lib/stats/standard.ts'

const random = seededRandom(5)
const uniform = (): number => random() / 2 ** 32

const rows = 3_000
const a = Float32Array.from({ length: rows }, uniform)
const b = Float32Array.from({ length: rows }, uniform)
const kind = Float32Array.from({ length: rows }, () => Math.floor(uniform() * 6))
/** A target of spread 1, about. */
const unit = Float64Array.from(a, (x, i) => 2 * x - (b[i] as number) + ((kind[i] as number) % 3) / 2 + uniform() / 4)
const weights = Float32Array.from(a, (x) => 0.5 + x)
const learner = trees({ trees: 40, leaves: 8, earlyStopping: 5, categories: 'sets' })

const dataOf = (labels: ArrayLike<number>, weighted = false): Dataset => ({
  features: [a, b, kind],
  labels: Float64Array.from(labels),
  categories: [undefined, undefined, 6],
  ...(weighted && { weights }),
})
const grow = (data: Dataset, threads = 1, loops?: typeof plainLoops) =>
  boost('regression', { train: data, validation: data }, learner, { threads, loopsFor: loops && (() => loops) })
/** Everything a tree asks, without what its leaves say. */
const questionsOf = ({ trees }: Ensemble): unknown =>
  trees.map(({ feature, threshold, members, left, right, missingLeft }) => [
    [...feature],
    [...threshold],
    [...members],
    [...left],
    [...right],
    [...missingLeft],
  ])

async function ofOnnxRuntime(ensemble: Ensemble): Promise<Float32Array | Float64Array> {
  const inputs = ['a', 'b', 'kind'].map((name) => ({ name, kind: 'number' as const }))
  const session = await InferenceSession.create(toOnnx('m', ensemble, inputs), { intraOpNumThreads: 1 })
  const tensor = (values: Float32Array): Tensor => new Tensor('float32', values, [rows, 1])
  const { prediction } = await session.run({ a: tensor(a), b: tensor(b), kind: tensor(kind) })
  await session.release()
  return prediction?.data as Float32Array | Float64Array
}

const scales = [1e-9, 1e-7, 1e-3, 1, 1e3, 1e6, 1e9]
const offsets = [0, 1e6, -1e6, 1.7e9, -1.7e9, 1.7e12]
/** What float64 itself can say of c·y + d: at least a billion steps in the spread. */
const pairs = scales.flatMap((c) => offsets.filter((d) => Math.abs(d) < c * 2 ** 52 * 1e-9).map((d) => [c, d] as const))

describe.each([false, true])('a regression on c·y + d (weights: %s)', (weighted) => {
  const usual = grow(dataOf(unit, weighted))
  const expected = predict(usual.ensemble, [a, b, kind], rows)
  const usualR2 = regressionMetricsOf({ predictions: expected, labels: unit }).r2

  it.each(pairs)('asks what that on y asks, and answers c·p + d: c = %s, d = %s', async (c, d) => {
    const labels = unit.map((y) => c * y + d)
    const { ensemble, validationLoss } = grow(dataOf(labels, weighted))
    expect(questionsOf(ensemble)).toEqual(questionsOf(usual.ensemble))
    const predictions = await ofOnnxRuntime(ensemble)
    expect(predictions).toEqual(predict(ensemble, [a, b, kind], rows))
    // A float32 is off by 2^-24 of itself at most, half a step; sums of trees are off by some steps of their own.
    const rounding = predictions instanceof Float32Array ? Math.max(...predictions.map(Math.abs)) * 2 ** -24 : 0
    predictions.forEach((prediction, row) => {
      expect(Math.abs(prediction - (c * (expected[row] as number) + d))).toBeLessThan(rounding + c * 3e-6)
    })
    expect(regressionMetricsOf({ predictions, labels }).r2).toBeCloseTo(usualR2, 6)
    validationLoss.forEach((loss, i) => {
      expect(loss / c ** 2 / (usual.validationLoss[i] as number)).toBeCloseTo(1, 5)
    })
  })

  it('makes the same bytes with one and two threads, plain and compiled', () => {
    const data = dataOf(
      unit.map((y) => 100 * y + 1.7e9),
      weighted,
    )
    const bytes = [grow(data), grow(data, 2), grow(data, 1, plainLoops)].map(({ ensemble }) =>
      Buffer.from(
        toOnnx(
          'm',
          ensemble,
          ['a', 'b', 'kind'].map((name) => ({ name, kind: 'number' })),
        ),
      ).toString('hex'),
    )
    expect(new Set(bytes).size).toBe(1)
  })
})

describe('weights', () => {
  it('all divided by 2³⁰ grow the same trees where there is no L2', () => {
    const plain = { ...learner, l2: 0 }
    const grown = [1, 2 ** -30].map((factor) => {
      const data = { features: [a, b, kind], labels: unit, weights: weights.map((weight) => weight * factor) }
      return boost('regression', { train: data, validation: data }, plain, { threads: 1 }).ensemble
    })
    expect(questionsOf(grown[1] as Ensemble)).toEqual(questionsOf(grown[0] as Ensemble))
  })
})

describe('labels that are all equal', () => {
  it.each([0, 0.1, 1_700_000_001, -1e-9])('are answered by themselves: %s', async (label) => {
    const { ensemble } = grow(dataOf(new Float64Array(rows).fill(label)))
    expect(new Set(await ofOnnxRuntime(ensemble))).toEqual(new Set([label]))
  })
})

describe('the standard of labels', () => {
  it('is their mean and standard deviation, by weight', () => {
    // numpy.average([1, 2, 4], weights=[1, 1, 2]) = 2.75; its standard deviation sqrt(1.6875).
    expect(standardOf(Float64Array.of(1, 2, 4), [1, 1, 2])).toEqual({ centre: 2.75, spread: Math.sqrt(1.6875) })
    expect(standardOf(Float64Array.of(1e300, 3e300)).spread).toBeCloseTo(1e300, -290)
    expect(standardOf(Float64Array.of(0.1, 0.1, 0.1))).toEqual({ centre: 0.1, spread: 0 })
  })

  it('needs float64 where float32 has fewer than 16,384 steps in the spread', () => {
    expect(needsFloat64({ centre: 1023, spread: 1 })).toBe(false)
    expect(needsFloat64({ centre: -1024, spread: 1 })).toBe(true)
    expect(needsFloat64({ centre: 1_700_000_000, spread: 100 })).toBe(true)
    expect(needsFloat64({ centre: 0, spread: 1e-35 })).toBe(true)
    expect(needsFloat64({ centre: 1.5, spread: 0 })).toBe(false)
  })
})
