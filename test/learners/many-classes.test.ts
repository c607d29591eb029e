import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { trees as treesLearner } from '../../lib/definition/learners.ts'
import { measureRows } from '../../lib/formats/metrics/index.ts'
import { likeliestClasses, multiclassMetrics } from '../../lib/formats/metrics/multiclass.ts'
import { boost, type Dataset } from '../../lib/learners/trees/boost.ts'
import { type Ensemble, predict } from '../../lib/learners/trees/ensemble.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { seededRandom } from '../../lib/stats/random.ts'

const names = ['adelie', 'chinstrap', 'gentoo', 'macaroni', 'rockhopper']
const random = seededRandom(7)
const uniform = (): number => random() / 2 ** 32

/** Rows of so many classes: centres in a plane, a code of an island, noise; some numbers are missing. */
function rowsOf(rows: number, classes: number): Dataset & { readonly labels: Float64Array } {
  const [x, y, island, noise] = Array.from({ length: 4 }, () => new Float32Array(rows)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const labels = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const label = Math.floor(uniform() ** 1.5 * classes)
    const angle = (2 * Math.PI * label) / classes
    labels[row] = label
    x[row] = uniform() < 0.05 ? Number.NaN : Math.cos(angle) + 1.4 * (uniform() - 0.5)
    y[row] = Math.sin(angle) + 1.4 * (uniform() - 0.5)
    island[row] = uniform() < 0.05 ? Number.NaN : uniform() < 0.6 ? (label * 5) % 12 : Math.floor(uniform() * 12)
    noise[row] = uniform()
  }
  return { features: [x, y, island, noise], labels, categories: [undefined, undefined, 12, undefined] }
}

const learn = (classes: number, options: { sets: boolean; parameters?: object }): Ensemble => {
  const [train, validation] = [rowsOf(3_000, classes), rowsOf(500, classes)].map((data) =>
    options.sets ? data : { ...data, categories: undefined },
  ) as [Dataset, Dataset]
  const parameters = treesLearner({ trees: 20, leaves: 9, minRowsPerLeaf: 5, ...options.parameters })
  return boost('multiclass', { train, validation }, parameters, { threads: 2, classes }).ensemble
}

async function ofOnnxRuntime(onnx: Uint8Array, columns: readonly Float32Array[]) {
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 })
  const feeds = columns.map((values, i) => [`f${i}`, new Tensor('float32', values, [values.length, 1])] as const)
  const { label, probabilities } = await session.run(Object.fromEntries(feeds))
  return { label: label?.data as unknown as string[], probabilities: probabilities?.data as Float32Array }
}

describe('trees of many classes', () => {
  it.each([
    [2, false],
    [3, false],
    [5, true],
  ])('answer alike in ONNX Runtime, compiled, and as they were trained: %i classes, sets %s', async (classes, sets) => {
    const ensemble = learn(classes, { sets })
    const known = names.slice(0, classes)
    const inputs = Array.from({ length: 4 }, (_, i) => ({ name: `f${i}`, kind: 'number' as const }))
    const onnx = toOnnx('m', ensemble, inputs, known)
    const { features, labels } = rowsOf(2_000, classes)
    const own = predict(ensemble, features, 2_000)
    const { label, probabilities } = await ofOnnxRuntime(onnx, features)
    let largest = 0
    for (const [i, value] of own.entries()) largest = Math.max(largest, Math.abs(value - (probabilities[i] as number)))
    expect(largest).toBeLessThan(1e-6)
    const likeliest = likeliestClasses({ predictions: probabilities, labels })
    expect([...label]).toEqual(Array.from(likeliest, (number) => known[number]))

    const compiled = await compileModel(onnx)
    const model = startCompiledModel(planOf(compiled.layout), compiled.code, compiled.tables)
    const { answers } = model.scoreAll(Object.fromEntries(features.map((values, i) => [`f${i}`, values])), 2_000)
    expect(answers.length).toBe(classes)
    answers.forEach((answer, i) => {
      expect(answer.findIndex((share, row) => !Object.is(share, probabilities[row * classes + i]))).toBe(-1)
    })
  })

  it('tell classes apart that lie in different places', () => {
    const { features, labels } = rowsOf(2_000, 4)
    const scored = {
      predictions: predict(learn(4, { sets: true }), features, 2_000),
      labels: Float64Array.from(labels),
    }
    expect(measureRows(multiclassMetrics.aucMacro, scored)).toBeGreaterThan(0.95)
  })

  it('are a tree a class and round, those after the best validation loss dropped', () => {
    const [train, validation] = [rowsOf(600, 3), rowsOf(300, 3)] as const
    const parameters = treesLearner({ trees: 300, leaves: 9, learningRate: 0.5, earlyStopping: 5 })
    const { ensemble, validationLoss } = boost('multiclass', { train, validation }, parameters, {
      threads: 1,
      classes: 3,
    })
    const best = validationLoss.indexOf(Math.min(...validationLoss)) + 1
    expect(ensemble.trees.length).toBe(3 * best)
    expect(validationLoss.length).toBe(best + 5)
    // What the training says of its loss is what its predictions have.
    const predictions = predict(ensemble, validation.features, 300)
    const loss = validation.labels.reduce(
      (sum, label, row) => sum - Math.log(predictions[row * 3 + label] as number) / 300,
      0,
    )
    expect(loss).toBeCloseTo(validationLoss[best - 1] as number, 5)
  })

  it('refuse a label that is no class', () => {
    const data = rowsOf(100, 4)
    const parameters = treesLearner({ trees: 2 })
    expect(() =>
      boost('multiclass', { train: data, validation: data }, parameters, { threads: 1, classes: 3 }),
    ).toThrow('a label is 3, of 3 classes')
  })
})
