import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { trees } from '../../lib/definition/learners.ts'
import { measureAll } from '../../lib/formats/metrics/index.ts'
import { boost, type Dataset } from '../../lib/learners/trees/boost.ts'
import { type Ensemble, predict } from '../../lib/learners/trees/ensemble.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import reference from '../reference/ranking.json' with { type: 'json' }

type Ranked = Dataset & { readonly labels: Float64Array; readonly groups: Uint32Array }

/** Park & Miller's generator: the same numbers as in test/reference/ranking.py. */
function integers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

const rankedOf = (rows: readonly (readonly number[])[]): Ranked => ({
  features: [1, 2, 3, 4, 5].map((column) => Float32Array.from(rows, (row) => row[column] as number)),
  labels: Float64Array.from(rows, (row) => row[6] as number),
  groups: Uint32Array.from(rows, (row) => row[0] as number),
})

/** Rows of groups of 4 to 31, as in test/reference/ranking.py. */
function made(groups: number, seed: number): Ranked {
  const draw = integers(seed)
  const rows: number[][] = []
  for (let group = 0; group < groups; group++) {
    const own = draw()
    const count = 4 + Math.floor(draw() * 28)
    for (let row = 0; row < count; row++) {
      const x = [draw(), draw(), draw(), draw()] as [number, number, number, number]
      const noise = draw() + draw() + draw() - 1.5
      const worth = 2 * x[0] + (own > 0.5 ? 1.5 : -1.5) * x[1] + Math.sin(6 * x[2]) + 0.8 * noise
      rows.push([group, ...x, own, Math.min(4, Math.max(0, Math.floor(worth * 1.2)))])
    }
  }
  return rankedOf(rows)
}

/** Movies by year, worth what their rating says, as in test/reference/ranking.py. */
function movies(part: 'train' | 'validation' | 'test'): Ranked {
  const file = join(packageRoot, 'node_modules/vega-datasets/data/movies.json')
  const columns = ['US Gross', 'Worldwide Gross', 'Production Budget', 'Running Time min', 'IMDB Votes']
  const rows = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number | string | null>[]).flatMap((movie) => {
    const [date, rating] = [movie['Release Date'], movie['IMDB Rating']]
    if (typeof rating !== 'number' || typeof date !== 'string') return []
    const year = Number(date.split(' ').at(-1))
    if ((['test', 'validation'][year % 5] ?? 'train') !== part) return []
    const features = columns.map((column) => (movie[column] === null ? Number.NaN : Number(movie[column])))
    return [[year, ...features, Math.max(0, Math.floor(rating) - 4)]]
  })
  return rankedOf(rows)
}

const options = { trees: 100, leaves: 15, learningRate: 0.1, minRowsPerLeaf: 20, l2: 1 }
const grow = (train: Ranked, validation: Ranked, more: object = {}, threads = 1) =>
  boost('ranking', { train, validation }, trees({ ...options, ...more }), { threads })

const measured = (ensemble: Ensemble, rows: Ranked) =>
  measureAll('ranking', { ...rows, predictions: predict(ensemble, rows.features, rows.labels.length) })

/** The same rows in another order. */
function reordered({ features, labels, groups, ...rest }: Ranked, order: Uint32Array): Ranked {
  return {
    ...rest,
    features: features.map((values) => values.map((_, i) => values[order[i] as number] as number)),
    labels: labels.map((_, i) => labels[order[i] as number] as number),
    groups: groups.map((_, i) => groups[order[i] as number] as number),
  }
}

describe('trees that rank', () => {
  const [train, validation, test] = [made(300, 1), made(80, 3), made(150, 2)]

  it.each([
    ['rows that are made', train, validation, test, reference.lightgbm.made],
    [
      'movies of a year by their rating',
      movies('train'),
      movies('validation'),
      movies('test'),
      reference.lightgbm.movies,
    ],
  ] as const)('do as well as LightGBM with the same settings: %s', (_, learnt, followed, judged, expected) => {
    const own = measured(grow(learnt, followed).ensemble, judged)
    // Bins and the order of ties differ, and with them the trees: some thousandths either way are chance.
    expect(own.ndcg).toBeGreaterThan(expected.ndcg - 0.004)
    expect(own['ndcg@10']).toBeGreaterThan(expected['ndcg@10'] - 0.01)
    expect(own.meanAveragePrecision).toBeGreaterThan(expected.meanAveragePrecision - 0.01)
  })

  it('order rows better than trees that predict their worth, where groups have a standard of their own', () => {
    // The worth of a row is seen beside the others of its group only: each group has a level of its own.
    const levelled = (rows: Ranked): Ranked => {
      const levels = integers(9)
      const shift = Float64Array.from({ length: 400 }, () => Math.floor(levels() * 20))
      return { ...rows, labels: rows.labels.map((label, row) => label + (shift[rows.groups[row] as number] as number)) }
    }
    const [own, other] = [levelled(train), levelled(test)]
    const ranked = grow(own, levelled(validation), { trees: 40 }).ensemble
    const numbers = boost('regression', { train: own, validation }, trees({ ...options, trees: 40 }), { threads: 1 })
    expect(measured(ranked, { ...other, labels: test.labels }).ndcg).toBeGreaterThan(
      measured(numbers.ensemble, { ...other, labels: test.labels }).ndcg,
    )
  })

  it('are the same bytes on any number of threads, with weights and without', () => {
    const weights = train.labels.map((_, row) => 1 + (row % 3))
    for (const more of [{}, { weights: Float32Array.from(weights) }]) {
      const [one, ...others] = [1, 2, 3].map((threads) =>
        grow({ ...train, ...more }, validation, { trees: 15 }, threads).ensemble.trees.map(
          ({ feature, threshold, value }) => [...feature, ...threshold, ...value],
        ),
      )
      for (const other of others) expect(other).toEqual(one)
    }
  })

  it('do not care whether the rows of a group stand together', () => {
    // One row of each group after another: within a group the order stays.
    const order = Uint32Array.from(train.labels.keys())
    const seen = new Map<number, number>()
    const turn = Uint32Array.from(train.groups, (group) => {
      const count = seen.get(group) ?? 0
      seen.set(group, count + 1)
      return count
    })
    order.sort((a, b) => (turn[a] as number) - (turn[b] as number) || a - b)
    const apart = reordered(train, order)
    expect(apart.groups.slice(0, 3)).not.toEqual(train.groups.slice(0, 3))
    expect(grow(apart, validation, { trees: 20 }).ensemble).toEqual(grow(train, validation, { trees: 20 }).ensemble)
  })

  it('stop where the NDCG of the validation rows is best, which their loss says', () => {
    const { ensemble, validationLoss } = grow(train, validation, { trees: 400, learningRate: 0.4, earlyStopping: 10 })
    const best = Math.min(...validationLoss)
    expect(ensemble.trees).toHaveLength(validationLoss.indexOf(best) + 1)
    expect(validationLoss).toHaveLength(ensemble.trees.length + 10)
    expect(1 - measured(ensemble, validation).ndcg).toBeCloseTo(best, 6)
  })

  it('look at as many first ranks as they are told to', () => {
    const [few, many] = [1, 30].map((truncation) => grow(train, validation, { truncation }).ensemble)
    expect(few).not.toEqual(many)
    expect(measured(many as Ensemble, test).ndcg).toBeGreaterThan(measured(few as Ensemble, test).ndcg)
  })

  it('are ordered by the rows that weigh more', () => {
    // Of rows that count, the first feature is worth little: of the others, it is all.
    const isHeavy = (group: number): boolean => group % 2 === 0
    const labels = train.labels.map((label, row) => (isHeavy(train.groups[row] as number) ? 4 - label : label))
    const weights = Float32Array.from(train.groups, (group) => (isHeavy(group) ? 50 : 1))
    const ensemble = grow({ ...train, labels, weights }, validation, { trees: 30 }).ensemble
    expect(measured(ensemble, { ...test, labels: test.labels.map((label) => 4 - label) }).ndcg).toBeGreaterThan(
      measured(ensemble, test).ndcg,
    )
  })

  it('answer alike in ONNX Runtime, compiled, and as they were trained', async () => {
    const { ensemble } = grow(train, validation, { trees: 30 })
    const inputs = test.features.map((_, i) => ({ name: `f${i}`, kind: 'number' as const }))
    const onnx = toOnnx('m', ensemble, inputs)
    const rows = test.labels.length
    const session = await InferenceSession.create(onnx, { intraOpNumThreads: 1 })
    const feeds = test.features.map((values, i) => [`f${i}`, new Tensor('float32', values, [rows, 1])] as const)
    const { prediction } = await session.run(Object.fromEntries(feeds))
    const answers = prediction?.data as Float32Array
    const own = predict(ensemble, test.features, rows)
    expect(Math.max(...own.map((value, row) => Math.abs(value - (answers[row] as number))))).toBeLessThan(1e-6)
    const compiled = await compileModel(onnx)
    const model = startCompiledModel(planOf(compiled.layout), compiled.code, compiled.tables)
    const scored = model.score(Object.fromEntries(test.features.map((values, i) => [`f${i}`, values])), rows)
    expect(scored).toEqual(answers)
  })
})
