import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { learner, trees } from '../../lib/definition/index.ts'
import type { LearnerParameters } from '../../lib/formats/learner.ts'
import type { StepOf, Task } from '../../lib/formats/plan.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { lossOf } from '../../lib/formats/tuning.ts'
import type { LabelledFeatures } from '../../lib/learners/dataset.ts'
import { outsideLearners } from '../../lib/learners/learners.ts'
import { shareOfRows } from '../../lib/learners/share-of-rows.ts'
import { trainingFiles, trainModel } from '../../lib/learners/train-model.ts'
import { treesLearner } from '../../lib/learners/trees/learner.ts'
import { type TrialRun, tryParameters } from '../../lib/learners/try-parameters.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { digestOf } from '../../lib/store/digest.ts'

const number = (name: string): RowSchema[number] => ({ name, type: 'number', nullable: false })
const code = `let calls = 0
module.exports.default = ({ x, z }) => { globalThis.featureCalls = (globalThis.featureCalls ?? 0) + 1; return { x, z } }`
let folder: string
const tables: Partial<Record<'train' | 'validation', LocalTable>> = {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-trials-'))
  writeFileSync(join(folder, 'features.js'), code)
  for (const [name, rows, from] of [
    ['train', 3_000, 0],
    ['validation', 1_000, 7_000],
  ] as const) {
    const file = join(folder, `${name}.parquet`)
    const made = `SELECT ((i * 7919) % 1000) / 1000 AS x, ((i * 104729) % 997) / 997 AS z,
      CASE WHEN ((i * 2654435761) % 1000) / 1000 < ((i * 7919) % 1000) / 1000 THEN 1 ELSE 0 END AS y
      FROM range(${from}, ${from + rows}) t(i)`
    await withDuckDb(1, (connection) => connection.run(`COPY (${made}) TO '${file}' (FORMAT parquet)`))
    const schema = ['x', 'z', 'y'].map(number)
    tables[name] = { files: [file], format: 'parquet', schema, rows }
  }
})

/** An order for a trial of a learner. */
const order = (named: LearnerParameters, { share = 1, task = 'binary' as Task } = {}): TrialRun => ({
  step: {
    task,
    inputs: [number('x'), number('z')],
    target: { column: 'y' },
    features: { name: 'features', file: '', digest: digestOf(code), host: {} },
    learner: named,
    seed: 1,
  } as unknown as StepOf<'train'>,
  model: 'trial',
  train: tables.train as LocalTable,
  validation: tables.validation as LocalTable,
  features: { file: join(folder, 'features.js'), digest: digestOf(code), name: 'features' },
  target: undefined,
  folder,
  share,
  loss: lossOf(task, {}, named),
  rowsKey: task,
  threads: 1,
})
const quiet = (): void => {}
/** The label of a row by its number. */
const labelOf = (i: number): number => ((i * 2_654_435_761) % 1000 < (i * 7919) % 1000 ? 1 : 0)

describe('a trial', () => {
  it('comes to what the same training comes to, measured on the validation rows', async () => {
    const given = order(trees({ trees: 30, leaves: 7 }))
    const trial = await tryParameters(given, quiet)
    const { report } = await trainModel(given, quiet)
    expect(trial.metrics).toEqual(report.validationMetrics)
    expect(trial.result).toEqual({ state: 'done', loss: report.validationMetrics.logLoss })
    expect(trial.processorSeconds).toBeGreaterThan(0)
  })

  it('reads the rows once for many, and is the same whatever was tried before it', async () => {
    const [one, other] = [trees({ trees: 10, bins: 16 }), trees({ trees: 20, leaves: 4 })]
    const alone = await tryParameters(order(one), quiet)
    const before = (globalThis as { featureCalls?: number }).featureCalls
    await tryParameters(order(other), quiet)
    await tryParameters(order(other, { share: 0.3 }), quiet)
    const again = await tryParameters(order(one), quiet)
    expect((globalThis as { featureCalls?: number }).featureCalls).toBe(before)
    expect(again.result).toEqual(alone.result)
  })

  it('of a number has its root mean squared error as its loss, of a quantile the pinball loss', async () => {
    const mean = await tryParameters(order(trees({ trees: 10 }), { task: 'regression' }), quiet)
    expect(mean.result).toEqual({ state: 'done', loss: mean.metrics?.rmse })
    const given = order(trees({ trees: 10, quantile: 0.8 }), { task: 'regression' })
    const quantile = await tryParameters(given, quiet)
    // Computed by hand, of the predictions that a training by itself leaves for packaging.
    await trainModel(given, quiet)
    const predictions = new Float32Array(Uint8Array.from(readFileSync(join(folder, trainingFiles.parity))).buffer)
    const losses = [...predictions].map((prediction, i) => {
      const above = labelOf(7_000 + i) - prediction
      return above > 0 ? 0.8 * above : -0.2 * above
    })
    const loss = losses.reduce((sum, each) => sum + each, 0) / 1_000
    expect((quantile.result as { loss: number }).loss).toBeCloseTo(loss, 6)
  })

  it('is a result where its learner fails, and an error where the rows are to blame', async () => {
    const failing = {
      ...treesLearner,
      kind: 'moody',
      train: () => {
        throw new Error('not with these parameters')
      },
    }
    const outside = outsideLearners([
      { ...failing, parameters: { safeParse: (data: unknown) => ({ success: true, data }) } } as never,
    ])
    const trial = await tryParameters(order(learner('moody')), quiet, outside)
    expect(trial).toMatchObject({ result: { state: 'failed', why: 'INTERNAL' }, message: 'not with these parameters' })
    const broken = { ...order(trees()), rowsKey: 'broken', target: undefined }
    const step = { ...broken.step, target: { column: 'x' } }
    await expect(tryParameters({ ...broken, step }, quiet)).rejects.toMatchObject({ code: 'FEATURES_TYPE' })
  })
})

describe('a share of the rows', () => {
  const random = seededRandom(5)
  const labels = Float64Array.from({ length: 1_000 }, () => (random() / 2 ** 32 < 0.03 ? 1 : 0))
  const rows: LabelledFeatures = {
    features: [
      { name: 'n', kind: 'number', values: Float64Array.from(labels, (_, i) => i) },
      { name: 't', kind: 'category', values: ['a', 'b', 'c'], codes: Int32Array.from(labels, (_, i) => i % 3) },
    ],
    labels,
    weights: Float32Array.from(labels, (_, i) => i),
  }
  const numbersOf = ({ features }: LabelledFeatures): number[] => [
    ...(features[0]?.kind === 'number' ? features[0].values : []),
  ]

  it('has so large a share of every class, whole rows in their order', () => {
    const part = shareOfRows(rows, { share: 1 / 3, seed: 1, isOfClasses: true })
    const positives = (of: Float64Array): number => of.filter((label) => label === 1).length
    expect(part.labels.length).toBe(Math.round(positives(labels) / 3) + Math.round((1_000 - positives(labels)) / 3))
    expect(positives(part.labels)).toBe(Math.round(positives(labels) / 3))
    const kept = numbersOf(part)
    expect(kept).toEqual([...kept].sort((a, b) => a - b))
    expect([...part.labels]).toEqual(kept.map((row) => labels[row]))
    expect([...(part.weights ?? [])]).toEqual(kept)
    expect(part.features[1]).toMatchObject({ values: ['a', 'b', 'c'], codes: Int32Array.from(kept, (row) => row % 3) })
  })

  it('has all rows of a smaller one', () => {
    const shares = [1 / 9, 1 / 3, 0.8].map(
      (share) => new Set(numbersOf(shareOfRows(rows, { share, seed: 3, isOfClasses: true }))),
    )
    for (const [i, larger] of shares.slice(1).entries())
      for (const row of shares[i] ?? []) expect(larger).toContain(row)
    expect(shareOfRows(rows, { share: 1, seed: 3, isOfClasses: true })).toBe(rows)
  })

  it('of a ranking has whole groups, and of several targets all labels of a row', () => {
    const numbers = Uint32Array.from(labels, (_, i) => Math.floor(i / 10))
    const groups = { numbers, names: Array.from({ length: 100 }, (_, i) => i) }
    const part = shareOfRows({ ...rows, groups }, { share: 0.3, seed: 1, isOfClasses: false })
    const kept = numbersOf(part)
    expect(kept).toHaveLength(300)
    expect([...(part.groups?.numbers ?? [])]).toEqual(kept.map((row) => Math.floor(row / 10)))
    expect(new Set(part.groups?.numbers).size).toBe(30)
    const two = { ...rows, labels: Float64Array.from({ length: 2_000 }, (_, i) => i) }
    const both = shareOfRows(two, { share: 0.5, seed: 1, isOfClasses: false })
    expect([...both.labels]).toEqual(numbersOf(both).flatMap((row) => [2 * row, 2 * row + 1]))
  })

  it('keeps a row of a class that is rarer than that', () => {
    const rare = { ...rows, labels: Float64Array.from(labels, (_, i) => (i === 500 ? 2 : 0)) }
    expect(shareOfRows(rare, { share: 0.01, seed: 2, isOfClasses: true }).labels).toContain(2)
  })
})
