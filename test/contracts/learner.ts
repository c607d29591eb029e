import { beforeAll, describe, expect, it } from 'vitest'
import type { Learned, Learner, LearnerOrder, LearnerRows, ModelInput } from '../../lib/learners/learner.ts'

/** What a learner is tried with, and what it is to refuse. */
export interface LearnerContract<Parameters> {
  /** To train with on some thousand easy rows. */
  readonly parameters: Parameters
  /** What its parameters must refuse, besides another kind and a name it does not know. */
  readonly refused: readonly Readonly<Record<string, unknown>>[]
  /**
   * How much its graph may differ from its own predictions, of the spread of labels or of a probability; 1e-5 where it
   * is not said.
   */
  readonly parity?: number
}

const towns = ['Bonn', 'Kiel', 'Ulm', 'Åre']
const inputs: readonly ModelInput[] = [
  { name: 'x', kind: 'number' },
  { name: 'gaps', kind: 'number' },
  { name: 'town', kind: 'category', categories: towns },
  { name: 'noise', kind: 'number' },
]
type Task = LearnerOrder<unknown>['task']

/** What every learner promises: the port's documentation, tried on made-up rows in ONNX Runtime. */
export function describeLearner<Parameters extends { readonly kind: string }>(
  name: string,
  learner: Learner<Parameters>,
  { parameters, refused, parity = 1e-5 }: LearnerContract<Parameters>,
): void {
  const train = async (task: Task, changes: Partial<LearnerOrder<Parameters>> = {}): Promise<Learned> => {
    const rows = { train: madeRows(task, 3_000, 1), validation: madeRows(task, 800, 2) }
    const order = { model: 'made-up', task, parameters, seed: 1, inputs, threads: 1, ...rows }
    return learner.train({ ...order, ...changes }, () => {})
  }

  describe(`${name}: its parameters`, () => {
    it('are what a plan holds of them, and parse to themselves', () => {
      expect(parameters.kind).toBe(learner.kind)
      expect(learner.parameters.parse(JSON.parse(JSON.stringify(parameters)))).toEqual(parameters)
    })

    it('refuse another kind, names they do not know, and values that make no sense', () => {
      for (const changes of [{ kind: 'no such learner' }, { nobodyKnowsThis: 1 }, ...refused])
        expect(learner.parameters.safeParse({ ...parameters, ...changes }).success, JSON.stringify(changes)).toBe(false)
    })

    it('say which values of texts it knows', () => {
      const order = learner.categoryOrder(parameters, 3)
      if (order.by === 'frequency') expect(order.most).toBeGreaterThanOrEqual(1)
      else expect(order.by).toBe('mean label')
    })
  })

  describe.each(['binary', 'regression'] as const)(`${name}, %s`, (task) => {
    const validation = madeRows(task, 800, 2)
    let learned: Learned
    beforeAll(async () => {
      learned = await train(task)
    })

    it('makes the same bytes of the same order, with any number of threads', async () => {
      for (const threads of [1, 2, 3]) {
        const again = await train(task, { threads })
        expect(Buffer.compare(again.onnx, learned.onnx)).toBe(0)
        expect(again.predictions).toEqual(learned.predictions)
      }
    })

    it('takes the inputs by their names and answers one row for each', async () => {
      const session = await load(learned.onnx)
      expect([...session.inputNames].sort()).toEqual(inputs.map((input) => input.name).sort())
      expect(session.outputNames).toContain(outputOf(task))
      const { dims } = await answer(learned.onnx, task, validation)
      expect(dims).toEqual([800, task === 'binary' ? 2 : 1])
    })

    it(`answers what it said of the validation rows, to ${parity}`, async () => {
      const { answers } = await answer(learned.onnx, task, validation)
      expect(learned.predictions.length).toBe(800)
      const unit = task === 'binary' ? 1 : spreadOf(validation.labels)
      learned.predictions.forEach((own, row) => {
        expect(Math.abs(own - (answers[row] as number)) / unit).toBeLessThanOrEqual(parity)
      })
    })

    it('answers finite numbers, probabilities of both classes that add up to 1', async () => {
      const { answers, data } = await answer(learned.onnx, task, validation)
      expect(answers.every(Number.isFinite)).toBe(true)
      if (task === 'regression') return
      answers.forEach((positive, row) => {
        expect(positive).toBeGreaterThanOrEqual(0)
        expect(positive + (data[2 * row] as number)).toBeCloseTo(1, 6)
      })
    })

    it('has learnt: it misses by less than the mean of the labels does', () => {
      const mean = validation.labels.reduce((sum, label) => sum + label, 0) / 800
      expect(missOf(learned.predictions, validation.labels)).toBeLessThan(
        0.9 *
          missOf(
            validation.labels.map(() => mean),
            validation.labels,
          ),
      )
    })

    it('answers where all is missing, alike for a missing text and one it does not know', async () => {
      const strange: LearnerRows = {
        ...validation,
        features: validation.features.map((values, input) => (input === 3 ? values : values.map(() => Number.NaN))),
      }
      const [missing, unknown] = await Promise.all([
        answer(learned.onnx, task, strange),
        answer(learned.onnx, task, strange, 'Atlantis'),
      ])
      expect(missing.answers.every(Number.isFinite)).toBe(true)
      expect(unknown.answers).toEqual(missing.answers)
    })

    it('shares importance out among its inputs, and gives most to those that matter', () => {
      expect(learned.importance.length).toBe(inputs.length)
      expect(learned.importance.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
      expect(Math.min(...learned.importance)).toBeGreaterThanOrEqual(0)
      expect(learned.importance[3]).toBeLessThan(learned.importance[0] as number)
    })

    it('counts rows by their weights', async () => {
      const rows = madeRows(task, 3_000, 1)
      const mean = meanOf(rows.labels)
      const weigh = (above: number, below: number): Promise<Learned> =>
        train(task, {
          train: { ...rows, weights: Float32Array.from(rows.labels, (label) => (label > mean ? above : below)) },
        })
      const means = [await weigh(1, 5), learned, await weigh(5, 1)].map(({ predictions }) => meanOf(predictions))
      expect([...means].sort((a, b) => a - b)).toEqual(means)
      expect(new Set(means).size).toBe(3)
    })

    it('tells how far it is', async () => {
      const told: number[] = []
      const rows = { train: madeRows(task, 3_000, 1), validation }
      const order = { model: 'made-up', task, parameters, seed: 1, inputs, threads: 1, ...rows }
      await learner.train(order, (what, done) => {
        expect(what).not.toBe('')
        told.push(done)
      })
      expect(told.length).toBeGreaterThan(0)
      expect(told.every((done) => done >= 0 && done <= 1)).toBe(true)
      expect([...told].sort((a, b) => a - b)).toEqual(told)
    })
  })
}

/** Rows of which two numbers and a text decide, with gaps in one number and in the text. */
function madeRows(task: Task, rows: number, seed: number): LearnerRows {
  let state = seed
  // Numerical Recipes' linear congruential generator: enough to be uneven.
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const column = (value: () => number): Float32Array => Float32Array.from({ length: rows }, value)
  const features = [
    column(() => 40 * next()),
    column(() => (next() < 0.1 ? Number.NaN : 1e-3 * next())),
    column(() => (next() < 0.05 ? Number.NaN : Math.floor(4 * next()))),
    column(next),
  ] as [Float32Array, Float32Array, Float32Array, Float32Array]
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const [x, gap, town] = features.map((values) => values[row] as number) as [number, number, number]
    const sum = x / 10 + (Number.isNaN(gap) ? 1 : 1_000 * gap) + (town === 2 ? 1.5 : 0) + next()
    return task === 'regression' ? 300 + 7 * sum : sum > 3.6 ? 1 : 0
  })
  return { features, labels }
}

const outputOf = (task: Task): string => (task === 'binary' ? 'probabilities' : 'prediction')

async function load(onnx: Uint8Array) {
  const { InferenceSession } = await import('../../lib/code/onnxruntime.ts')
  return InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 })
}

/** @param missing what is sent for a text that is missing */
async function answer(onnx: Uint8Array, task: Task, { features, labels }: LearnerRows, missing = '\uffff') {
  const { Tensor } = await import('../../lib/code/onnxruntime.ts')
  const session = await load(onnx)
  const tensors = inputs.map((input, i) => {
    const values = features[i] as Float32Array
    const shape = [values.length, 1]
    if (input.kind === 'number') return [input.name, new Tensor('float32', values, shape)]
    const texts = Array.from(values, (code) => input.categories[code] ?? missing)
    return [input.name, new Tensor('string', texts, shape)]
  })
  const results = await session.run(Object.fromEntries(tensors), [outputOf(task)])
  const output = results[outputOf(task)]
  const data = Array.from(output?.data as ArrayLike<number>)
  await session.release()
  return {
    dims: output?.dims,
    data,
    answers: task === 'binary' ? Array.from(labels, (_, row) => data[2 * row + 1] as number) : data,
  }
}

const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

/** Mean squared difference. */
const missOf = (predictions: ArrayLike<number>, labels: ArrayLike<number>): number =>
  meanOf(Array.from(predictions, (prediction, row) => (prediction - (labels[row] as number)) ** 2))

const spreadOf = (values: ArrayLike<number>): number =>
  Math.sqrt(
    missOf(
      Array.from(values, () => meanOf(values)),
      values,
    ),
  )
