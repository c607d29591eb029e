import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { trees as treesLearner } from '../../lib/definition/learners.ts'
import { binOf, missingBin, placeCuts } from '../../lib/learners/trees/bins.ts'
import { boost, type Dataset } from '../../lib/learners/trees/boost.ts'
import { type Ensemble, predict as predictNumbers } from '../../lib/learners/trees/ensemble.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { binaryMetricsOf, regressionMetricsOf } from '../../lib/stats/metrics.ts'
import { seededRandom } from '../../lib/stats/random.ts'

/** Predictions in whichever precision, as float64. */
const predict = (...given: Parameters<typeof predictNumbers>): Float64Array =>
  Float64Array.from(predictNumbers(...given))

const random = seededRandom(42)
const uniform = (): number => random() / 2 ** 32

function friedman(rows: number): { features: Float32Array[]; mean: Float64Array } {
  // Friedman (1991), equation 61, the usual benchmark for trees; every twentieth value of the first feature is missing.
  const features = Array.from({ length: 10 }, () => Float32Array.from({ length: rows }, uniform))
  const at = (feature: number, row: number): number => features[feature]?.[row] as number
  const mean = Float64Array.from(
    { length: rows },
    (_, i) => 10 * Math.sin(Math.PI * at(0, i) * at(1, i)) + 20 * (at(2, i) - 0.5) ** 2 + 10 * at(3, i) + 5 * at(4, i),
  )
  for (let i = 0; i < rows; i += 20) (features[0] as Float32Array)[i] = Number.NaN
  return { features, mean }
}

const { features, mean } = friedman(6_000)
const slice = (from: number, to: number, labels: ArrayLike<number>): Dataset & { labels: Float32Array } => ({
  features: features.map((values) => values.slice(from, to)),
  labels: Float32Array.from(labels).slice(from, to),
})
const numbers = Float32Array.from(mean, (value) => value + 2 * (uniform() - 0.5))
const classes = Float32Array.from(mean, (value) => (value + 4 * (uniform() - 0.5) > 14 ? 1 : 0))
const inputs = features.map((_, i) => ({ name: `f${i}`, kind: 'number' as const }))
const train = (task: 'binary' | 'regression', threads: number, options = {}) =>
  boost(
    task,
    {
      train: slice(0, 4_000, task === 'binary' ? classes : numbers),
      validation: slice(4_000, 6_000, task === 'binary' ? classes : numbers),
    },
    treesLearner({ trees: 60, leaves: 15, ...options }),
    { threads },
  )

describe('bins', () => {
  it('keep the order of values and put each on the right side of every cut', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 300, noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 2, max: 20 }),
        (values, bins) => {
          const cuts = placeCuts(values, bins)
          expect(cuts.length).toBeLessThan(bins)
          values.forEach((value) => {
            const bin = binOf(value, cuts)
            if (bin < cuts.length) expect(value).toBeLessThanOrEqual(cuts[bin] as number)
            if (bin > 0) expect(value).toBeGreaterThan(cuts[bin - 1] as number)
          })
        },
      ),
    )
  })

  it('give missing values a bin of their own, and few values a bin each', () => {
    const values = Float32Array.of(1, 2, Number.NaN, 2, 5)
    const cuts = placeCuts(values, 254)
    expect(Array.from(values, (value) => binOf(value, cuts))).toEqual([0, 1, missingBin, 1, 2])
  })
})

describe('boosting', () => {
  it('learns a classifier and a regression far better than the mean does', () => {
    const classifier = train('binary', 1).ensemble
    const holdOut = slice(4_000, 6_000, classes)
    const scored = {
      predictions: predict(classifier, holdOut.features, 2_000),
      labels: Float64Array.from(holdOut.labels),
    }
    expect(binaryMetricsOf(scored).auc).toBeGreaterThan(0.95)
    const regression = train('regression', 1).ensemble
    const numbersOut = slice(4_000, 6_000, numbers)
    expect(
      regressionMetricsOf({
        predictions: predict(regression, numbersOut.features, 2_000),
        labels: Float64Array.from(numbersOut.labels),
      }).r2,
    ).toBeGreaterThan(0.85)
  })

  it.each(['binary', 'regression'] as const)('makes the same bytes with one, two and three threads: %s', (task) => {
    const bytes = [1, 2, 3].map((threads) =>
      Buffer.from(toOnnx('m', train(task, threads).ensemble, inputs)).toString('base64'),
    )
    expect(new Set(bytes).size).toBe(1)
  })

  it('lowers the training loss with every tree it keeps and stops early when validation gets worse', () => {
    const { ensemble, validationLoss } = train('binary', 1, { trees: 400, learningRate: 0.5, earlyStopping: 10 })
    expect(validationLoss.length).toBe(ensemble.trees.length + 10)
    expect(Math.min(...validationLoss)).toBe(validationLoss[ensemble.trees.length - 1])
  })

  it('respects its limits on leaves and rows a leaf', () => {
    const { ensemble } = train('regression', 1, { trees: 5, leaves: 6, minRowsPerLeaf: 300 })
    for (const tree of ensemble.trees) {
      expect(tree.feature.filter((feature) => feature < 0).length).toBeLessThanOrEqual(6)
      const counts = new Map<number, number>()
      for (let row = 0; row < 4_000; row++) {
        let node = 0
        while ((tree.feature[node] as number) >= 0) {
          const value = features[tree.feature[node] as number]?.[row] as number
          node = (
            (Number.isNaN(value) ? tree.missingLeft[node] === 1 : value <= (tree.threshold[node] as number))
              ? tree.left[node]
              : tree.right[node]
          ) as number
        }
        counts.set(node, (counts.get(node) ?? 0) + 1)
      }
      for (const count of counts.values()) expect(count).toBeGreaterThanOrEqual(300)
    }
  })

  it('credits the features that matter and none that do not', () => {
    const { importance } = train('regression', 1)
    expect(importance.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(Math.min(...importance.slice(0, 5))).toBeGreaterThan(Math.max(...importance.slice(5)))
  })
})

describe('weights', () => {
  const learner = treesLearner({ trees: 30, leaves: 15 })
  const grow = (task: 'binary' | 'regression', data: Dataset): Ensemble =>
    boost(task, { train: data, validation: data }, learner, { threads: 1 }).ensemble
  const labelsOf = { binary: classes, regression: numbers }

  it.each(['binary', 'regression'] as const)('of one for every row change next to nothing: %s', (task) => {
    const data = slice(0, 4_000, labelsOf[task])
    const plain = predict(grow(task, data), features, 4_000)
    const weighed = predict(grow(task, { ...data, weights: data.labels.map(() => 1) }), features, 4_000)
    const spread = Math.max(...plain) - Math.min(...plain)
    const off = plain.reduce((sum, value, row) => sum + Math.abs(value - (weighed[row] as number)), 0) / 4_000
    expect(off / spread).toBeLessThan(0.01)
  })

  it.each(['binary', 'regression'] as const)('of nought take rows out: %s', (task) => {
    const data = slice(0, 4_000, labelsOf[task])
    // Every second row has a false label; without those the bins are the same, since every value is there twice.
    const twice = (values: Float32Array): Float32Array => Float32Array.from([...values, ...values])
    const spoilt = {
      features: data.features.map(twice),
      labels: Float32Array.from([
        ...data.labels,
        ...data.labels.map((label) => (task === 'binary' ? 1 - label : -9 * label)),
      ]),
      weights: Float32Array.from({ length: 8_000 }, (_, row) => (row < 4_000 ? 2 : 0)),
    }
    const alone = grow(task, { ...data, weights: data.labels.map(() => 2) })
    const own = predict(grow(task, spoilt), features, 4_000)
    const expected = predict(alone, features, 4_000)
    const spread = Math.max(...expected) - Math.min(...expected)
    // The limit on rows of a leaf counts them by their share of all rows, so the trees may differ a little.
    const off = own.reduce((sum, value, row) => sum + Math.abs(value - (expected[row] as number)), 0) / 4_000
    expect(off / spread).toBeLessThan(0.02)
  })

  it('move the mean to where the heavy rows are', () => {
    const labels = Float32Array.from({ length: 400 }, (_, row) => row % 2)
    const weights = labels.map((label) => (label === 1 ? 3 : 1))
    const [base] = grow('binary', { features: [new Float32Array(400)], labels, weights }).bases
    expect(base).toBeCloseTo(Math.log(3), 6)
  })

  it('count in the validation loss that stops training early', () => {
    const data = slice(0, 2_000, classes)
    const validation = slice(4_000, 4_400, classes)
    const lossWith = (weights: Float32Array): number =>
      boost(
        'binary',
        { train: { ...data, weights: data.labels.map(() => 1) }, validation: { ...validation, weights } },
        learner,
        { threads: 1 },
      ).validationLoss[9] as number
    const positives = lossWith(validation.labels.map((label) => label))
    const negatives = lossWith(validation.labels.map((label) => 1 - label))
    const all = lossWith(validation.labels.map(() => 5))
    const share = validation.labels.reduce((sum, label) => sum + label, 0) / 400
    expect(all).toBeCloseTo(share * positives + (1 - share) * negatives, 6)
  })
})

describe('sets of categories', () => {
  // Forty codes whose effect alternates: no threshold parts them, one set does.
  const codes = Float32Array.from({ length: 6_000 }, (_, row) => (row % 50 === 0 ? Number.NaN : row % 40))
  const labels = codes.map((code, row) => (uniform() < (code % 2 === 0 ? 0.8 : 0.2) ? 1 : 0) * (row >= 0 ? 1 : 0))
  const made = (categories: number | undefined): Ensemble => {
    const data = { features: [codes], labels, categories: [categories] }
    return boost('binary', { train: data, validation: data }, treesLearner({ trees: 1, leaves: 2, learningRate: 1 }), {
      threads: 1,
    }).ensemble
  }
  const aucOf = (ensemble: Ensemble): number =>
    binaryMetricsOf({ predictions: predict(ensemble, [codes], 6_000), labels: Float64Array.from(labels) }).auc as number

  it('part in one split what thresholds cannot', () => {
    expect(aucOf(made(undefined))).toBeLessThan(0.6)
    expect(aucOf(made(40))).toBeGreaterThan(0.78)
    const [tree] = made(40).trees
    const evenOrOdd = new Set(tree?.members.get(0)?.map((code) => code % 2))
    expect(evenOrOdd.size).toBe(1)
  })

  it('name categories with rows enough only, at most 32 of them, and those no leaf saw go right', () => {
    const rare = Float32Array.from({ length: 6_000 }, (_, row) => (row < 60 ? 0 : 1 + (row % 90)))
    const own = Float32Array.from({ length: 6_000 }, (_, row) =>
      row < 60 || uniform() < (rare[row] as number) / 90 ? 1 : 0,
    )
    const data = { features: [rare], labels: own, categories: [200] }
    const learner = treesLearner({ trees: 5, leaves: 15 })
    for (const { members } of boost('binary', { train: data, validation: data }, learner, { threads: 1 }).ensemble
      .trees)
      for (const set of members.values()) {
        expect(set.length).toBeLessThanOrEqual(32)
        expect(set).not.toEqual([0])
        expect(Math.max(...set)).toBeLessThan(91)
      }
  })
})

describe('the exported ONNX model', () => {
  const leafOnly = (value: number): Ensemble['trees'][number] => ({
    feature: Int32Array.of(-1),
    threshold: Float32Array.of(0),
    members: new Map(),
    left: Int32Array.of(0),
    right: Int32Array.of(0),
    missingLeft: Uint8Array.of(0),
    value: Float32Array.of(value),
  })
  const split = (left: number, right: number): Ensemble['trees'][number] => ({
    feature: Int32Array.of(0, -1, -1),
    threshold: Float32Array.of(0.5, 0, 0),
    members: new Map(),
    left: Int32Array.of(1, 0, 0),
    right: Int32Array.of(2, 0, 0),
    missingLeft: Uint8Array.of(1, 0, 0),
    value: Float32Array.of(0, left, right),
  })

  async function run(ensemble: Ensemble, columns: Float32Array[]): Promise<number[]> {
    const ort = await import('onnxruntime-node')
    const session = await ort.InferenceSession.create(
      toOnnx(
        'm',
        ensemble,
        columns.map((_, i) => ({ name: `f${i}`, kind: 'number' })),
      ),
    )
    const output = ensemble.task === 'binary' ? 'probabilities' : 'prediction'
    const results = await session.run(
      Object.fromEntries(columns.map((values, i) => [`f${i}`, new ort.Tensor('float32', values, [values.length, 1])])),
      [output],
    )
    const data = Array.from(results[output]?.data as Float32Array)
    return ensemble.task === 'binary' ? data.filter((_, i) => i % 2 === 1) : data
  }

  it.each(['binary', 'regression'] as const)(
    'predicts in ONNX Runtime what the trainer predicts, missing values included: %s',
    async (task) => {
      const { ensemble } = train(task, 2)
      const own = predict(ensemble, features, 6_000)
      const theirs = await run(ensemble, features)
      const largest = own.reduce((most, value, i) => Math.max(most, Math.abs(value - (theirs[i] as number))), 0)
      expect(largest).toBeLessThan(task === 'binary' ? 1e-6 : 1e-5)
    },
  )

  it('is a probability whatever the signs of its leaves', async () => {
    // ONNX Runtime leaves out the logistic function for a classifier without a negative weight.
    for (const [left, right] of [
      [0.2, 0.7],
      [-0.2, -0.7],
      [-0.2, 0.7],
    ] as const) {
      const ensemble: Ensemble = { task: 'binary', bases: [0.1], trees: [split(left, right)], features: 1 }
      const column = Float32Array.of(0, 1, Number.NaN)
      const expected = [...predict(ensemble, [column], 3)]
      const theirs = await run(ensemble, [column])
      for (const [i, value] of theirs.entries()) expect(value).toBeCloseTo(expected[i] as number, 6)
    }
  })

  it('works for a single leaf', async () => {
    const [value] = await run({ task: 'regression', bases: [2], trees: [leafOnly(1.5)], features: 1 }, [
      Float32Array.of(9),
    ])
    expect(value).toBeCloseTo(3.5, 6)
  })
})
