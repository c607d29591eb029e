import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { linear, trees } from '../../lib/definition/learners.ts'
import type { Learned, LearnerOrder } from '../../lib/learners/learner.ts'
import { learnerOf } from '../../lib/learners/learners.ts'
import { binaryMetricsOf } from '../../lib/stats/metrics.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(31)
const uniform = (): number => random() / 2 ** 32

function rowsOf(rows: number) {
  const features = [0, 1, 2].map((feature) =>
    Float32Array.from({ length: rows }, () =>
      uniform() < 0.04 ? Number.NaN : feature === 2 ? random() % 8 : uniform(),
    ),
  )
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const [a = 0, b = 0, c = 0] = features.map((values) => values[row] || 0)
    return uniform() < 1 / (1 + Math.exp(3 - 3 * a - b - (c % 3))) ? 1 : 0
  })
  return { features, labels }
}
const [train, validation, test] = [rowsOf(3_000), rowsOf(3_000), rowsOf(4_000)]

const learn = async (
  calibrate: 'isotonic' | 'platt' | undefined,
  learner: ReturnType<typeof trees> | ReturnType<typeof linear>,
  rows = validation,
): Promise<Learned> => {
  const order: Omit<LearnerOrder<unknown>, 'parameters'> = {
    model: 'm',
    task: 'binary',
    seed: 1,
    inputs: [
      { name: 'a', kind: 'number' },
      { name: 'b', kind: 'number' },
      { name: 'c', kind: 'category', categories: [...'01234567'] },
    ],
    train,
    validation: rows,
    calibrate,
    threads: 1,
  }
  return learnerOf(learner, undefined).train(order, () => {})
}

/** What ONNX Runtime says of rows, so many at a time. */
async function answersOf({ onnx }: Learned, { features, labels }: typeof test, at: number): Promise<Float64Array> {
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 })
  const answers = new Float64Array(labels.length)
  for (let from = 0; from < labels.length; from += at) {
    const [a, b, c] = features.map((values) => values.slice(from, from + at)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const rows = a.length
    const texts = Array.from(c, (code) => (Number.isNaN(code) ? '' : String(code)))
    const { probabilities, label } = await session.run({
      a: new Tensor('float32', a, [rows, 1]),
      b: new Tensor('float32', b, [rows, 1]),
      c: new Tensor('string', texts, [rows, 1]),
    })
    for (let row = 0; row < rows; row++) {
      const positive = probabilities?.data[row * 2 + 1] as number
      answers[from + row] = positive
      expect(probabilities?.data[row * 2]).toBe(Math.fround(1 - positive))
      expect(Number(label?.data[row])).toBe(positive > 0.5 ? 1 : 0)
    }
  }
  return answers
}

const learners = [
  ['trees', trees({ trees: 30, leaves: 8 })],
  ['trees of sets', trees({ trees: 30, leaves: 8, categories: 'sets' })],
  ['a linear model', linear()],
] as const

describe.each(['isotonic', 'platt'] as const)('calibrated by the validation rows (%s)', (calibrate) => {
  it.each(learners)(
    '%s answer in ONNX Runtime what they answered in training, rows alone or together',
    async (_, learner) => {
      const learned = await learn(calibrate, learner)
      expect(learned.report.calibrated).toBe(calibrate)
      const together = await answersOf(learned, validation, 3_000)
      const difference = (answers: ArrayLike<number>): number =>
        together
          .slice(0, answers.length)
          .reduce((most, p, row) => Math.max(most, Math.abs(p - (answers[row] as number))), 0)
      expect(difference(learned.predictions)).toBeLessThan(1e-6)
      const alone = await answersOf(learned, { ...validation, labels: validation.labels.slice(0, 100) }, 1)
      expect(difference(alone)).toBeLessThan(1e-6)
    },
  )

  it('probabilities that balanced classes have moved are shares again', async () => {
    const learner = trees({ trees: 30, leaves: 8, classWeights: { 1: 6 } })
    const errorOf = async (learned: Learned): Promise<number> =>
      binaryMetricsOf({ predictions: await answersOf(learned, test, 4_000), labels: test.labels }).calibrationError
    const [plain, calibrated] = [
      await errorOf(await learn(undefined, learner)),
      await errorOf(await learn(calibrate, learner)),
    ]
    expect(plain).toBeGreaterThan(0.2)
    expect(calibrated).toBeLessThan(0.06)
  })
})

it('is nothing that a model without it knows of', async () => {
  expect((await learn(undefined, trees({ trees: 3 }))).report).not.toHaveProperty('calibrated')
})

it('is refused of validation rows of one label', async () => {
  const rows = { ...validation, labels: new Float64Array(3_000) }
  await expect(learn('platt', trees({ trees: 3 }), rows)).rejects.toThrow('all 3000 validation rows have label 0')
})
