import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { linear, trees } from '../../lib/definition/learners.ts'
import { measureAll } from '../../lib/formats/metrics/index.ts'
import type { Learned, LearnerOrder, LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { learnerOf } from '../../lib/learners/learners.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import reference from '../reference/linear-classes.json' with { type: 'json' }

/*
 * Linear models of several classes, and calibrations of several classes: against scikit-learn, and in ONNX Runtime.
 */
const { towns, classes } = reference
const inputs: ModelInput[] = [
  { name: 'x', kind: 'number' },
  { name: 'y', kind: 'number' },
  { name: 'town', kind: 'category', categories: towns },
]

type Dumped = (typeof reference.cases)[number]['new']
const featuresOf = ({ x, y, town }: Dumped): Float32Array[] => [
  Float32Array.from(x),
  Float32Array.from(y, (value) => value ?? Number.NaN),
  Float32Array.from(town, (name) => (towns.includes(name ?? '') ? towns.indexOf(name ?? '') : Number.NaN)),
]

async function learn(
  learner: ReturnType<typeof trees> | ReturnType<typeof linear>,
  rows: { readonly train: LearnerRows; readonly validation: LearnerRows },
  changes: Partial<LearnerOrder<unknown>> = {},
): Promise<Learned> {
  const order = { model: 'm', task: 'multiclass', seed: 1, inputs, classes, threads: 1, ...rows, ...changes } as const
  return learnerOf(learner).train(order, () => {})
}

/** What ONNX Runtime says of rows, so many at a time. */
async function answersOf(
  { onnx }: Learned,
  { features, labels }: LearnerRows,
  at: number,
): Promise<{ probabilities: Float32Array; labels: string[] }> {
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 })
  const probabilities = new Float32Array(labels.length * classes.length)
  const answered: string[] = []
  for (let from = 0; from < labels.length; from += at) {
    const [x, y, town] = features.map((values) => values.slice(from, from + at)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const texts = Array.from(town, (code) => towns[code] ?? 'Paris')
    const results = await session.run({
      x: new Tensor('float32', x, [x.length, 1]),
      y: new Tensor('float32', y, [x.length, 1]),
      town: new Tensor('string', texts, [x.length, 1]),
    })
    probabilities.set(results.probabilities?.data as Float32Array, from * classes.length)
    answered.push(...((results.label as Tensor).data as unknown as string[]))
  }
  return { probabilities, labels: answered }
}

const largest = (some: ArrayLike<number>, others: ArrayLike<number>): number =>
  Array.from(some).reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] as number))), 0)

describe('a linear model of several classes', () => {
  it.each(reference.cases.map((each) => [each.l2, each] as const))(
    'with a penalty of %f answers what scikit-learn does, with gaps, unknown texts and weights of rows',
    async (l2, { train, new: others, probabilities }) => {
      const validation = { features: featuresOf(others), labels: new Float64Array(others.x.length) }
      const learned = await learn(linear({ l2 }), {
        train: {
          features: featuresOf(train),
          labels: Float64Array.from(train.labels),
          weights: train.weights === null ? undefined : Float32Array.from(train.weights),
        },
        validation,
      })
      expect(largest(learned.predictions, probabilities.flat())).toBeLessThan(1e-6)
      expect(learned.report.words?.model).toBe('multinomial logistic regression')
      expect(learned.report.words?.training).toMatch(
        /an intercept of each of 4 classes, \d+ steps of Newton's method\.$/,
      )
      expect(learned.importance.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
      const { probabilities: answered, labels } = await answersOf(learned, validation, 60)
      expect(largest(answered, learned.predictions)).toBeLessThan(1e-6)
      expect((await answersOf(learned, validation, 1)).probabilities).toEqual(answered)
      labels.forEach((label, row) => {
        const own = answered.subarray(row * 4, (row + 1) * 4)
        expect(label).toBe(classes[own.indexOf(Math.max(...own))])
      })
    },
  )

  it('is the same bytes again, and says the same of a feature that is there twice', async () => {
    const [{ train, new: others }] = reference.cases as unknown as [(typeof reference.cases)[number]]
    const rows = {
      train: { features: featuresOf(train), labels: Float64Array.from(train.labels) },
      validation: { features: featuresOf(others), labels: new Float64Array(others.x.length) },
    }
    const [one, two] = [await learn(linear({ l2: 1e-6 }), rows), await learn(linear({ l2: 1e-6 }), rows)]
    expect(Buffer.from(one.onnx).equals(Buffer.from(two.onnx))).toBe(true)
    const twice = ({ features, labels }: LearnerRows) => ({
      features: [...features, features[0] as Float32Array],
      labels,
    })
    const doubled = await learn(
      linear({ l2: 1e-6 }),
      { train: twice(rows.train), validation: twice(rows.validation) },
      { inputs: [...inputs, { name: 'again', kind: 'number' }] },
    )
    expect(largest(doubled.predictions, one.predictions)).toBeLessThan(1e-4)
  })

  it('has an answer where a feature parts the classes without a fault', async () => {
    const x = Float32Array.from({ length: 400 }, (_, row) => row)
    const labels = Float64Array.from(x, (value) => Math.floor(value / 100))
    const rows = { features: [x, x.map(() => 1), x.map(() => Number.NaN)], labels }
    const { predictions, report } = await learn(linear({ l2: 1e-6 }), { train: rows, validation: rows })
    expect(predictions.every(Number.isFinite)).toBe(true)
    expect(report.words?.training).not.toMatch(/not enough/)
    expect(measureAll('multiclass', { predictions, labels }).accuracy).toBeGreaterThan(0.98)
  })
})

const random = seededRandom(17)
const uniform = (): number => random() / 2 ** 32

function madeRows(rows: number): LearnerRows {
  const features = [
    Float32Array.from({ length: rows }, () => 3 * uniform()),
    Float32Array.from({ length: rows }, () => (uniform() < 0.05 ? Number.NaN : uniform())),
    Float32Array.from({ length: rows }, () => (uniform() < 0.1 ? Number.NaN : random() % 3)),
  ]
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const [x = 0, y = 0, town = 0] = features.map((values) => values[row] || 0)
    const powers = [2 - x, 0.8 * town, x - 1 + y, 0.3].map(Math.exp)
    const drawn = uniform() * powers.reduce((sum, power) => sum + power, 0)
    let passed = 0
    return powers.findIndex((power) => {
      passed += power
      return drawn <= passed
    })
  })
  return { features, labels }
}
const made = { train: madeRows(1_500), validation: madeRows(3_000), test: madeRows(4_000) }

describe.each(['isotonic', 'platt'] as const)('several classes calibrated by the validation rows (%s)', (calibrate) => {
  const learners = [
    ['trees', trees({ trees: 40, leaves: 12 })],
    ['trees of sets', trees({ trees: 40, leaves: 12, categories: 'sets' })],
    ['a linear model', linear()],
  ] as const
  it.each(learners)('%s answer in ONNX Runtime what they answered in training', async (_, learner) => {
    const learned = await learn(learner, made, { calibrate })
    expect(learned.report.calibrated).toBe(calibrate)
    const { probabilities } = await answersOf(learned, made.validation, 3_000)
    expect(largest(probabilities, learned.predictions)).toBeLessThan(1e-6)
    for (let row = 0; row < 100; row++)
      expect(probabilities.subarray(row * 4, row * 4 + 4).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5)
    const few = { features: made.validation.features, labels: made.validation.labels.slice(0, 50) }
    const alone = await answersOf(learned, few, 1)
    expect(largest(alone.probabilities, learned.predictions)).toBeLessThan(1e-6)
  })

  it('make an over-confident model better on rows that neither it nor they have seen', async () => {
    const grown = trees({ trees: 60, leaves: 15, minRowsPerLeaf: 5, learningRate: 0.3 })
    const { labels } = made.test
    const lossOf = async (learned: Learned): Promise<number> => {
      const { probabilities: predictions } = await answersOf(learned, made.test, 4_000)
      return measureAll('multiclass', { predictions, labels }).logLoss as number
    }
    const plain = await lossOf(await learn(grown, made))
    const calibrated = await lossOf(await learn(grown, made, { calibrate }))
    expect(calibrated).toBeLessThan(plain - 0.1)
  })

  it('is refused where no validation row is of a class', async () => {
    const validation = { ...made.validation, labels: made.validation.labels.map((label) => Math.min(label, 2)) }
    await expect(learn(trees({ trees: 3 }), { ...made, validation }, { calibrate })).rejects.toThrow(
      'none of 3000 validation rows is of one of the 4 classes: nothing to calibrate it by',
    )
  })
})
