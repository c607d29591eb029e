import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { linear, trees } from '../../lib/definition/learners.ts'
import { columnOf, sideBySide } from '../../lib/formats/answers.ts'
import type { Numbers } from '../../lib/formats/columns.ts'
import type { Learned, LearnerOrder, LearnerRows, ModelInput } from '../../lib/learners/learner.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'
import { boost } from '../../lib/learners/trees/boost.ts'
import { treesLearner } from '../../lib/learners/trees/learner.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const random = seededRandom(11)
const uniform = (): number => random() / 2 ** 32
const sides = ['north', 'south', 'west']
const inputs: readonly ModelInput[] = [
  { name: 'x', kind: 'number' },
  { name: 'y', kind: 'number' },
  { name: 'side', kind: 'category', categories: sides },
]

/** What each target is of a row; of more than one labels lie side by side. */
type Target = (x: number, y: number, side: number, noise: number) => number
const price: Target = (x, y, side, noise) => 100_000 + 3_000 * x + 500 * (side === 1 ? 1 : 0) * y + 400 * noise
const rent: Target = (x, y, _, noise) => 20 - 3 * x + Math.abs(y) + noise
/** Seconds since 1970: float32 does not tell them apart. */
const moment: Target = (x, y, side, noise) => 1_700_000_000 + 20 * x + 10 * y + 5 * side + noise

function rowsOf(count: number, targets: readonly Target[]): LearnerRows {
  const features = inputs.map(() => new Float32Array(count)) as [Float32Array, Float32Array, Float32Array]
  const labels = new Float64Array(count * targets.length)
  for (let row = 0; row < count; row++) {
    const [x, y, side] = [4 * uniform() - 2, 4 * uniform() - 2, Math.floor(3 * uniform())] as const
    features[0][row] = x
    features[1][row] = uniform() < 0.05 ? Number.NaN : y
    features[2][row] = side
    targets.forEach((target, i) => {
      labels[row * targets.length + i] = target(x, y, side, 2 * uniform() - 1)
    })
  }
  return { features, labels }
}

type Given = Partial<Parameters<typeof trees>[0]>
const order = (
  targets: readonly Target[],
  names: readonly string[],
  { levels, ...parameters }: Given & { levels?: readonly number[] } = {},
): LearnerOrder<ReturnType<typeof trees>> => ({
  model: 'several',
  task: levels === undefined ? 'regression' : 'quantiles',
  parameters: trees({ trees: 20, leaves: 8, minRowsPerLeaf: 10, ...parameters }),
  seed: 1,
  inputs,
  outputs: levels?.map(String) ?? names,
  levels,
  train: rowsOf(2_000, targets),
  validation: rowsOf(500, targets),
  threads: 2,
})
const learn = (given: ReturnType<typeof order>): Learned => treesLearner.train(given, () => {}) as Learned

async function ofOnnxRuntime({ onnx }: Pick<Learned, 'onnx'>, { features }: LearnerRows) {
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 })
  const rows = features[0]?.length ?? 0
  const feeds = inputs.map((input, i) => {
    const values = features[i] as Float32Array
    return [
      input.name,
      input.kind === 'number'
        ? new Tensor('float32', values, [rows, 1])
        : new Tensor(
            'string',
            Array.from(values, (code) => input.categories[code] ?? ''),
            [rows, 1],
          ),
    ] as const
  })
  const { prediction } = await session.run(Object.fromEntries(feeds))
  return { dims: prediction?.dims, answers: prediction?.data as Numbers }
}

async function compiledAnswers({ onnx }: Pick<Learned, 'onnx'>, { features }: LearnerRows) {
  const { layout, code, tables } = await compileModel(onnx)
  const model = startCompiledModel(planOf(layout), code, tables)
  const rows = features[0]?.length ?? 0
  const texts = Array.from(features[2] as Float32Array, (code) => sides[code] as string)
  const { answers } = model.scoreAll(
    { x: features[0] as Float32Array, y: features[1] as Float32Array, side: texts },
    rows,
  )
  return sideBySide(answers)
}

describe('trees of several targets', () => {
  const both = order([price, rent], ['price', 'rent'])

  it.each([
    ['thresholds', both],
    ['sets of texts', order([price, rent], ['price', 'rent'], { categories: 'sets' })],
    ['early stopping', order([price, rent], ['price', 'rent'], { trees: 200, earlyStopping: 5 })],
  ])('answer alike in ONNX Runtime, compiled, and as they were trained: %s', async (_, given) => {
    const learned = learn(given)
    const { dims, answers } = await ofOnnxRuntime(learned, given.validation)
    expect(dims).toEqual([500, 2])
    expect(await compiledAnswers(learned, given.validation)).toEqual(answers)
    expect(learned.predictions).toEqual(answers)
  })

  it('are those that each target has alone, stopped by itself', () => {
    const given = order([price, rent], ['price', 'rent'], { trees: 200, earlyStopping: 5 })
    const learned = learn(given)
    const alone = [0, 1].map((target) => {
      const own = (rows: LearnerRows) => ({ ...rows, labels: columnOf(rows.labels, target, 2) as Float64Array })
      const single = { ...given, outputs: undefined, train: own(given.train), validation: own(given.validation) }
      return learn(single)
    })
    alone.forEach(({ predictions }, target) => {
      expect(columnOf(learned.predictions, target, 2)).toEqual(predictions)
    })
    expect(learned.report.trees).toBe(alone.reduce((sum, { report }) => sum + (report.trees ?? 0), 0))
    expect(new Set(alone.map(({ report }) => report.trees)).size).toBe(2)
  })

  it('answer in float64 where one of them lies far from zero, each in its own precision', async () => {
    const given = order([moment, rent], ['moment', 'rent'])
    const learned = learn(given)
    const { answers } = await ofOnnxRuntime(learned, given.validation)
    expect(answers).toBeInstanceOf(Float64Array)
    expect(learned.predictions).toEqual(answers)
    const errors = [0, 1].map((target) => {
      const [own, labels] = [columnOf(answers, target, 2), columnOf(given.validation.labels, target, 2)]
      return Math.sqrt(
        Array.from(own).reduce((sum, value, row) => sum + (value - (labels[row] as number)) ** 2, 0) / 500,
      )
    })
    // The spread of moments is about 27, of rents 4; a float32 step of moments is 128.
    expect(errors[0]).toBeLessThan(8)
    expect(errors[1]).toBeLessThan(1.5)
  })

  it('know a target that never changes', async () => {
    const given = order([() => 1_234.5, rent], ['fixed', 'rent'])
    const learned = learn(given)
    const { answers } = await ofOnnxRuntime(learned, given.validation)
    expect(new Set(columnOf(answers, 0, 2))).toEqual(new Set([1_234.5]))
    expect(await compiledAnswers(learned, given.validation)).toEqual(answers)
  })

  it('keep monotone constraints for each of them, and are refused with a quantile', () => {
    const given = order([rent, (x, y, _, noise) => -5 * x + y + noise], ['a', 'b'], { monotone: { x: 'decreasing' } })
    const learned = learn({ ...given, validation: slide(given.validation) })
    for (const target of [0, 1]) {
      const own = columnOf(learned.predictions, target, 2)
      for (let row = 1; row < own.length; row++) expect(own[row]).toBeLessThanOrEqual(own[row - 1] as number)
    }
    expect(() => learn(order([price, rent], ['price', 'rent'], { quantile: 0.5 }))).toThrow('this target is 2 numbers')
  })
})

/** Rows that differ in the first input only, ascending. */
function slide({ features, labels }: LearnerRows): LearnerRows {
  const [x, y, side] = features as [Float32Array, Float32Array, Float32Array]
  return { features: [x.map((_, row) => -2 + (4 * row) / x.length), y.map(() => 0.5), side.map(() => 1)], labels }
}

describe('trees of several quantiles', () => {
  const levels = [0.05, 0.25, 0.5, 0.75, 0.95]
  /** So few rows a leaf that quantiles grown apart cross. */
  const given = order([rent], [], { levels, trees: 30, leaves: 31, minRowsPerLeaf: 2 })
  const learned = learn(given)

  it('never cross: in ONNX Runtime, compiled, and as they were trained alike', async () => {
    const apart = levels.map((quantile) => {
      const { ensemble } = boost('regression', given, { ...given.parameters, quantile }, { threads: 1 })
      return ensemble.trees.length
    })
    expect(apart).toEqual(levels.map(() => 30))
    const { dims, answers } = await ofOnnxRuntime(learned, given.validation)
    expect(dims).toEqual([500, 5])
    expect(await compiledAnswers(learned, given.validation)).toEqual(answers)
    expect(learned.predictions).toEqual(answers)
    for (let i = 0; i < answers.length; i++)
      if (i % 5 > 0) expect(answers[i]).toBeGreaterThanOrEqual(answers[i - 1] as number)
  })

  it('would cross by themselves: that they do not is the sorting', () => {
    const single = levels.map((quantile) =>
      learn({
        ...given,
        task: 'regression',
        outputs: undefined,
        levels: undefined,
        parameters: { ...given.parameters, quantile },
      }),
    )
    const unsorted = sideBySide(single.map(({ predictions }) => predictions as Float32Array))
    const crossing = unsorted.filter((value, i) => i % 5 > 0 && value < (unsorted[i - 1] as number))
    expect(crossing.length).toBeGreaterThan(0)
    // The same numbers, in ascending order.
    for (let row = 0; row < 500; row++)
      expect(Float32Array.from(learned.predictions.subarray(row * 5, row * 5 + 5))).toEqual(
        unsorted.slice(row * 5, row * 5 + 5).sort(),
      )
  })

  it('keep float64 and their order where the target lies far from zero', async () => {
    const far = order([moment], [], { levels: [0.1, 0.9], minRowsPerLeaf: 2 })
    const answered = learn(far)
    const { answers } = await ofOnnxRuntime(answered, far.validation)
    expect(answers).toBeInstanceOf(Float64Array)
    expect(answered.predictions).toEqual(answers)
    for (let row = 0; row < 500; row++) expect(answers[row * 2 + 1]).toBeGreaterThanOrEqual(answers[row * 2] as number)
  })

  it('keep no monotone constraints', () => {
    expect(() => learn(order([rent], [], { levels, monotone: { x: 'increasing' } }))).toThrow('keep no monotone')
  })
})

describe('linear models of several targets', () => {
  const train = (given: ReturnType<typeof order>) =>
    linearLearner.train({ ...given, parameters: linear({ l2: 0.5 }) } as never, () => {})

  it.each([
    ['float32', [price, rent]],
    ['float64', [moment, rent]],
  ] as const)('are those that each target has alone, in one graph: %s', async (_, targets) => {
    const given = order([...targets], ['a', 'b'])
    const learned = train(given)
    const { dims, answers } = await ofOnnxRuntime(learned, given.validation)
    expect(dims).toEqual([500, 2])
    expect(learned.predictions.constructor).toBe(answers.constructor)
    ;[0, 1].forEach((target) => {
      const own = (rows: LearnerRows) => ({ ...rows, labels: columnOf(rows.labels, target, 2) as Float64Array })
      const alone = train({ ...given, outputs: undefined, train: own(given.train), validation: own(given.validation) })
      const [together, theirs] = [columnOf(learned.predictions, target, 2), columnOf(answers, target, 2)]
      alone.predictions.forEach((value, row) => {
        expect(Math.abs((together[row] as number) / value - 1)).toBeLessThan(3e-7)
        expect(Math.abs((theirs[row] as number) / value - 1)).toBeLessThan(3e-7)
      })
    })
  })

  it('learn no quantiles', () => {
    expect(() => train(order([rent], [], { levels: [0.1, 0.9] }))).toThrow(
      'predicts means, and this target is quantiles',
    )
  })
})
