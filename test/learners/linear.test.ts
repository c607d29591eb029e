import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Task } from '../../lib/formats/plan.ts'
import type { LearnerOrder, LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import reference from '../reference/linear.json' with { type: 'json' }

const random = seededRandom(11)
const uniform = (): number => random() / 2 ** 32
const column = (rows: number, value: (row: number) => number): Float32Array =>
  Float32Array.from({ length: rows }, (_, row) => value(row))

const numbers = (...names: string[]): ModelInput[] => names.map((name) => ({ name, kind: 'number' }))
type Order = LearnerOrder<{ kind: 'linear'; l2: number }>

/** Trains on rows and predicts them, or others. */
function train(task: Task, inputs: readonly ModelInput[], rows: LearnerRows, changes: Partial<Order> = {}) {
  const parameters = linearLearner.parameters.parse({ kind: 'linear' })
  const order = { model: 'm', task, parameters, seed: 1, inputs, train: rows, validation: rows, threads: 1 }
  return linearLearner.train({ ...order, ...changes }, () => {})
}

async function answersOf(onnx: Uint8Array, output: string, feeds: Readonly<Record<string, Float32Array>>) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(onnx)
  const tensors = Object.entries(feeds).map(
    ([name, values]) => [name, new Tensor('float32', values, [values.length, 1])] as const,
  )
  return (await session.run(Object.fromEntries(tensors), [output]))[output]?.data as Float32Array | Float64Array
}

describe('against scikit-learn', () => {
  const { towns } = reference
  const inputs: ModelInput[] = [...numbers('x', 'y'), { name: 'town', kind: 'category', categories: towns }]
  type Dumped = (typeof reference.cases)[number]['new']
  const featuresOf = ({ x, y, town }: Dumped): Float32Array[] => [
    Float32Array.from(x),
    Float32Array.from(y, (value) => value ?? Number.NaN),
    Float32Array.from(town, (name) => (towns.includes(name ?? '') ? towns.indexOf(name ?? '') : Number.NaN)),
  ]

  it.each(reference.cases.map((each) => [each.task, each.l2, each] as const))(
    '%s with a penalty of %f has the same weights and predictions, with gaps, unknown texts and weights of rows',
    (task, l2, { train: given, new: others, expected }) => {
      const rows: LearnerRows = {
        features: featuresOf(given),
        labels: Float64Array.from(given.labels),
        weights: given.weights === null ? undefined : Float32Array.from(given.weights),
      }
      const { predictions, weights } = train(task as Task, inputs, rows, {
        parameters: { kind: 'linear', l2 },
        validation: { features: featuresOf(others), labels: new Float64Array(others.x.length) },
      })
      expected.predictions.forEach((value, row) => {
        // Predictions are float32.
        expect(Math.abs((predictions[row] as number) / value - 1)).toBeLessThan(2e-7)
      })
      expect(weights?.[0]).toBeCloseTo(expected.coefficients[0] as number, 8)
      expect(weights?.[1]).toBeCloseTo(expected.coefficients[1] as number, 8)
      expect(weights?.[2]).toBe(undefined)
    },
  )
})

/** Two numbers with gaps and a text, and labels that they tell something of. */
function someRows(task: Task, rows = 400): LearnerRows {
  const features = [
    column(rows, () => 10 * uniform() - 3),
    column(rows, (row) => (row % 7 === 0 ? Number.NaN : uniform())),
    column(rows, (row) => (row % 11 === 0 ? Number.NaN : row % 3)),
  ] as const
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const sum = features[0][row] as number
    return task === 'binary' ? Number(sum + 8 * uniform() > 6) : sum + uniform()
  })
  return { features, labels }
}
const someInputs: ModelInput[] = [...numbers('a', 'b'), { name: 't', kind: 'category', categories: ['x', 'y', 'z'] }]
const largestDifference = (some: ArrayLike<number>, others: ArrayLike<number>): number =>
  Array.from(some).reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] as number))), 0)

describe.each(['binary', 'regression'] as const)('a linear model, %s', (task) => {
  const rows = someRows(task)
  const plain = train(task, someInputs, rows)

  it('does not depend on the order of the rows but for rounding', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(2 ** 30)), (keys) => {
        const order = Array.from(rows.labels, (_, row) => row)
        const key = new Map(order.map((row) => [row, keys.next().value as number]))
        order.sort((a, b) => (key.get(a) as number) - (key.get(b) as number))
        const shuffled = {
          features: rows.features.map((values) => Float32Array.from(order, (row) => values[row] as number)),
          labels: Float64Array.from(order, (row) => rows.labels[row] as number),
        }
        const { predictions } = train(task, someInputs, shuffled, { validation: rows })
        expect(largestDifference(predictions, plain.predictions)).toBeLessThan(1e-6)
      }),
      { numRuns: 20 },
    )
  })

  it('says the same when a number is measured in another unit', () => {
    fc.assert(
      fc.property(fc.constantFrom(-1, 0.25, 3, 1000, 2 ** -30, 1e12), (unit) => {
        const [a, ...others] = rows.features as [Float32Array, Float32Array, Float32Array]
        const features = [a.map((value) => value * unit), ...others]
        const scaled = { ...rows, features }
        const { predictions, importance } = train(task, someInputs, scaled)
        expect(largestDifference(predictions, plain.predictions)).toBeLessThan(2e-6)
        expect(largestDifference(importance, plain.importance)).toBeLessThan(1e-5)
      }),
    )
  })

  it('gives features that are the same the same weight, and constant or empty ones none', () => {
    const [a, b, t] = rows.features as [Float32Array, Float32Array, Float32Array]
    const features = [a, a, b, t, a.map(() => 5), a.map(() => Number.NaN)]
    const inputs: ModelInput[] = [
      ...numbers('a', 'a2', 'b'),
      someInputs[2] as ModelInput,
      ...numbers('constant', 'empty'),
    ]
    const { weights, importance, predictions } = train(task, inputs, { ...rows, features })
    expect(weights?.[1]).toBeCloseTo(weights?.[0] as number, 9)
    expect([weights?.[4], weights?.[5]]).toEqual([0, 0])
    expect(importance.slice(4)).toEqual([0, 0])
    expect(predictions.every(Number.isFinite)).toBe(true)
    // Two that share a weight are punished less than one that has it.
    expect(largestDifference(predictions, plain.predictions)).toBeLessThan(0.1)
  })

  it('takes rows of weight 0 for none', () => {
    const spoilt = {
      features: rows.features.map((values) => Float32Array.from([...values, ...values.map((value) => 3 * value)])),
      labels: Float64Array.from([...rows.labels, ...rows.labels.map((label) => 1 - label)]),
      weights: column(800, (row) => (row < 400 ? 0.7 : 0)),
    }
    // Codes of texts must stay codes.
    spoilt.features[2] = Float32Array.from([
      ...(rows.features[2] as Float32Array),
      ...(rows.features[2] as Float32Array),
    ])
    const { predictions } = train(task, someInputs, spoilt, { validation: rows })
    expect(largestDifference(predictions, plain.predictions)).toBeLessThan(1e-6)
  })

  it('is drawn to the mean by its penalty', () => {
    const sizeAt = (l2: number): number =>
      Math.abs(train(task, someInputs, rows, { parameters: { kind: 'linear', l2 } }).weights?.[0] as number)
    const sizes = [1e-6, 1, 100, 1e4, 1e8].map(sizeAt)
    expect([...sizes].sort((x, y) => y - x)).toEqual(sizes)
    expect(sizes.at(-1)).toBeLessThan(1e-4)
  })
})

describe('data that has no answer without a penalty', () => {
  it.each([1, 1e-3, 1e-9])('classes that one feature parts without a fault have finite weights: L2 %f', (l2) => {
    const x = column(200, (row) => row - 99.5)
    const labels = Float64Array.from(x, (value) => (value > 0 ? 1 : 0))
    const { predictions, weights, report } = train(
      'binary',
      numbers('x'),
      { features: [x], labels },
      {
        parameters: { kind: 'linear', l2 },
      },
    )
    expect(weights?.[0]).toBeGreaterThan(1)
    expect(weights?.[0]).toBeLessThan(1e5)
    expect(predictions.every((p, row) => (p > 0.5 ? 1 : 0) === labels[row])).toBe(true)
    expect(report.words.training).not.toMatch(/not enough/)
  })

  it('a single label is answered as it is, by classes and by numbers', () => {
    const features = [column(50, uniform)]
    const ones = train('binary', numbers('x'), { features, labels: new Float64Array(50).fill(1) })
    expect(Math.min(...ones.predictions)).toBeGreaterThan(0.999)
    const sevens = train('regression', numbers('x'), { features, labels: new Float64Array(50).fill(7) })
    expect([...new Set(sevens.predictions)]).toEqual([7])
  })

  it('fewer rows than features are fitted all the same', () => {
    const names = Array.from({ length: 40 }, (_, i) => `f${i}`)
    const rows = { features: names.map(() => column(12, uniform)), labels: Float64Array.from({ length: 12 }, uniform) }
    expect(train('regression', numbers(...names), rows).predictions.every(Number.isFinite)).toBe(true)
  })
})

describe('the exported model', () => {
  it('loses nothing where weights cancel each other: two features that are almost the same', async () => {
    const a = column(500, () => 2_000 + 5 * uniform())
    const b = a.map((value) => value + 1e-3 * uniform())
    const labels = Float64Array.from(a, (value, row) => 1e4 * ((b[row] as number) - value) + uniform())
    const rows = { features: [a, b], labels }
    const { onnx, predictions, weights } = train('regression', numbers('a', 'b'), rows, {
      parameters: { kind: 'linear', l2: 1e-9 },
    })
    // Terms are thousands of times as large as their sum.
    expect(Math.abs(weights?.[0] as number)).toBeGreaterThan(1_000)
    expect(largestDifference(await answersOf(onnx, 'prediction', { a, b }), predictions)).toBeLessThan(1e-5)
  })

  it('answers in float64 where float32 cannot hold the target', async () => {
    const a = column(500, uniform)
    const labels = Float64Array.from(a, (value) => 1.7e9 + 20 * value)
    const { onnx, predictions } = train(
      'regression',
      numbers('a'),
      { features: [a], labels },
      {
        parameters: { kind: 'linear', l2: 1e-6 },
      },
    )
    const answers = await answersOf(onnx, 'prediction', { a })
    expect(answers).toBeInstanceOf(Float64Array)
    expect(predictions).toEqual(answers)
    expect(largestDifference(answers, labels)).toBeLessThan(1e-4)
  })

  it('counts a number as the mean that was missing in no training row', async () => {
    const a = column(500, () => 3 + uniform())
    const labels = Float64Array.from(a, (value) => 4 * value)
    const { onnx } = train('regression', numbers('a'), { features: [a], labels })
    const mean = a.reduce((sum, value) => sum + value, 0) / 500
    const [missing, atMean] = await answersOf(onnx, 'prediction', { a: Float32Array.of(Number.NaN, mean) })
    expect(missing).toBeCloseTo(atMean as number, 5)
  })

  it('takes texts of which training saw no value', async () => {
    const inputs: ModelInput[] = [...numbers('a'), { name: 't', kind: 'category', categories: [] }]
    const features = [column(50, uniform), column(50, () => Number.NaN)]
    const { onnx } = train('regression', inputs, { features, labels: Float64Array.from({ length: 50 }, uniform) })
    const { InferenceSession } = await import('onnxruntime-node')
    expect((await InferenceSession.create(onnx)).inputNames).toEqual(['a', 't'])
  })
})

describe('what does not fit', () => {
  it('is refused: more weights than there is memory for', () => {
    const inputs: ModelInput[] = Array.from({ length: 5_001 }, (_, i) => ({ name: `f${i}`, kind: 'number' }))
    const features = inputs.map(() => Float32Array.of(1, 2))
    expect(() => train('regression', inputs, { features, labels: Float64Array.of(1, 2) })).toThrow(
      expect.objectContaining({ code: 'TRAINING_TOO_LARGE' }),
    )
  })

  it('is left out: values of texts past the most frequent ones, fewer of each the more texts there are', () => {
    const parameters = { kind: 'linear', l2: 1 } as const
    const most = [1, 5, 50, 5_000].map((texts) => linearLearner.categoryOrder(parameters, texts))
    expect(most).toEqual([254, 254, 40, 1].map((each) => ({ by: 'frequency', most: each })))
  })
})
