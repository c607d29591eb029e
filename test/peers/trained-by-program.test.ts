import { cpSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { openPlace, type Place } from '../support/place.ts'
import { pythonEnvironment } from '../support/python.ts'

/*
 * Converters that are known to be wrong for some option, each without a word: a run with default settings ends with
 * PARITY. The table is a usual one: no zeros, and one value in two hundred missing.
 */
let place: Place
const path = process.env.PATH
/** 5.3 GB of packages: only where somebody asks for them. */
const withTorch = process.env.SLIPWAY_TEST_TORCH === '1'
beforeAll(async () => {
  const uv = await pythonEnvironment(join(packageRoot, 'test/reference/uv-requirements.txt'))
  process.env.PATH = [path, uv].join(delimiter)
  place = await openPlace()
  const { project } = place
  await project.data('data/rows.parquet', rowsSql)
  for (const name of ['lightgbm', 'xgboost', 'catboost', 'pytorch'])
    cpSync(join(packageRoot, 'examples/trainers', name), join(project.root, name), { recursive: true })
  mkdirSync(join(project.root, 'sklearn'))
  cpSync(
    join(packageRoot, 'examples/trainers/sklearn/requirements.txt'),
    join(project.root, 'sklearn/requirements.txt'),
  )
  cpSync(join(packageRoot, 'test/reference/converted_models.py'), join(project.root, 'sklearn/train.py'))
  project.write(
    'pipelines/rows/schema.ts',
    `import { z } from 'zod'
export const Row = z.object({
  id: z.int(), income: z.number(), age: z.number(), debt: z.number().nullable(), purpose: z.string(), town: z.string(),
  late: z.int(), share: z.number(), visits: z.number(),
})
`,
  )
  project.write(
    'pipelines/rows/features.ts',
    `export function features({ income, age, debt, purpose, town }: {
  income: Float64Array; age: Float64Array; debt: Float64Array; purpose: readonly string[]; town: readonly string[]
}) {
  return { income, age, debt, purpose, town }
}
`,
  )
})
afterAll(async () => {
  process.env.PATH = path
  await place?.close()
})

/** What is made up of hashes has no pattern that a tree could follow but the one that is put in. */
const share = (salt: string): string => `(hash(i || '${salt}') % 100000 / 100000.0)`
const rowsSql = `
  WITH drawn AS (SELECT i, 1000 + 60000 * ${share('income')} AS income, 18 + floor(60 * ${share('age')}) AS age,
    ${share('debt')} AS owed, ['car', 'home', 'travel', 'tools'][1 + CAST(floor(4 * ${share('purpose')} ** 3) AS INT)] AS purpose,
    ['Ulm', 'Kiel', 'Bonn', 'Trier'][4 - CAST(floor(4 * ${share('town')} ** 3) AS INT)] AS town FROM range(2000) t(i)),
  signal AS (SELECT *, 2 - income / 15000 + owed * 2 + CASE WHEN town = 'Bonn' THEN 1 WHEN purpose = 'tools' THEN -1 ELSE 0 END AS s FROM drawn)
  SELECT i AS id, income, age, CASE WHEN i % 200 = 7 THEN NULL ELSE 1 + 5000 * owed END AS debt, purpose, town,
    CASE WHEN ${share('late')} < 1 / (1 + exp(-s)) THEN 1 ELSE 0 END AS late,
    1 / (1 + exp(-s)) AS share, floor(exp(s / 2) * 2 * ${share('visits')}) AS visits
  FROM signal`

type Options = Readonly<Record<string, string | number | boolean>>

/** What is predicted: each by a pipeline of that name. */
type Target = 'late' | 'share' | 'visits'

/** How a run ends whose program is called with these hyperparameters. */
async function ended(
  folder: string,
  target: Target,
  hyperparameters: Options,
  predictions = '',
): Promise<{ code: number; said: string }> {
  const isBinary = target === 'late'
  place.project.write(
    `pipelines/${target}/pipeline.ts`,
    `import { auc, binary, pipeline, program, r2, regression } from 'slipway'
import { features } from '../rows/features.ts'
import { Row } from '../rows/schema.ts'
export default pipeline('${target}', (p) => {
  const rows = p.snapshot('rows', { from: 'data/rows.parquet', schema: Row })
  const parts = p.split(rows, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = program({
    command: ['python', 'train.py'], folder: './${folder}', environment: 'uv',
    hyperparameters: ${JSON.stringify(hyperparameters)}, ${predictions}
  })
  const target = ${isBinary ? 'binary' : 'regression'}('${target}')
  const model = p.train('risk', { on: parts, features, target, learner, seed: 1 })
  const must = [${isBinary ? 'auc.atLeast(0.5)' : 'r2.atLeast(-9)'}]
  p.gate(p.package(model), { on: parts.test, must, champion: 'not compared' })
})
`,
  )
  const { code, stdout, stderr } = await place.run('run', target, '--wait')
  return { code, said: stdout + stderr }
}

const lightgbm = { rounds: 20, num_leaves: 7 }
const xgboost = { rounds: 20, max_depth: 3 }
const catboost = { iterations: 20, depth: 4 }
const forest = { boosting: 'rf', bagging_freq: 1, bagging_fraction: 0.5 }

describe('a converter that is right', () => {
  it.each([
    ['LightGBM', 'lightgbm', 'late', lightgbm],
    ['LightGBM with dropped trees', 'lightgbm', 'late', { ...lightgbm, boosting: 'dart', drop_rate: 0.5 }],
    ['LightGBM of a number', 'lightgbm', 'share', lightgbm],
    ['XGBoost', 'xgboost', 'late', xgboost],
    ['XGBoost of counts', 'xgboost', 'visits', { ...xgboost, objective: 'count:poisson' }],
    ['CatBoost', 'catboost', 'late', catboost],
    ['CatBoost of a number', 'catboost', 'share', catboost],
    ['scikit-learn', 'sklearn', 'late', { model: 'as it is' }],
    ...(withTorch ? [['PyTorch', 'pytorch', 'late', { epochs: 5 }] as const] : []),
  ] as [string, string, Target, Options][])('is let through: %s', async (_, folder, target, options) => {
    const { code, said } = await ended(folder, target, options)
    expect(code, said).toBe(0)
    expect(said).toMatch(/parity \d\.\de[-+]\d+ over \d+ rows, \d\.\de[-+]\d+ over 1,024 made-up ones/)
  })
})

describe('a program, by what is on by default,', () => {
  it.each([
    ['linear models in leaves (LightGBM)', 'lightgbm', 'late', { ...lightgbm, linear_tree: true }],
    ['the average of a random forest (LightGBM)', 'lightgbm', 'late', { ...lightgbm, ...forest }],
    ['the average of a random forest of a number (LightGBM)', 'lightgbm', 'share', { ...lightgbm, ...forest }],
    ['another slope of the sigmoid (LightGBM)', 'lightgbm', 'late', { ...lightgbm, sigmoid: 2 }],
    ['the root of the target (LightGBM)', 'lightgbm', 'visits', { ...lightgbm, reg_sqrt: true }],
    ['zeros as missing values (LightGBM)', 'lightgbm', 'late', { ...lightgbm, zero_as_missing: true }],
    ['the link of a share (XGBoost)', 'xgboost', 'share', { ...xgboost, objective: 'reg:logistic' }],
    ['the exponential of counts (CatBoost)', 'catboost', 'visits', { ...catboost, loss_function: 'Poisson' }],
    ...[
      'a tree with missing values',
      'a forest with missing values',
      'discriminant analysis',
      'neighbours by distance',
      'an imputer with indicators',
      'isotonic calibration',
      'a power transform before an imputer',
      'a normalizer by the maximum',
      'rare values of several texts',
    ].map((model) => [`${model} (scikit-learn)`, 'sklearn', 'late', { model }]),
  ] as [string, string, Target, Options][])(
    'is caught where its converter loses %s',
    async (name, folder, target, options) => {
      const { code, said } = await ended(folder, target, options)
      expect(code, said).toBe(11)
      const [, by = '', where = ''] = /the trainer differ by (\S+) on (\d+ (?:made-up )?rows)/.exec(said) ?? []
      process.stdout.write(`${name}: ${by} on ${where}\n`)
      // A hundred times what is allowed, and more.
      expect(Number(by), said).toBeGreaterThan(1e-3)
    },
  )

  it('is not caught by validation rows that lack what tells: this table has no zeros', async () => {
    const options = { ...lightgbm, zero_as_missing: true }
    const { code, said } = await ended('lightgbm', 'late', options, "predictions: 'validation'")
    expect(code, said).toBe(0)
  })

  it('is told where its converter refuses weights of dropped trees (XGBoost), whose newer version loses them', async () => {
    const { code, said } = await ended('xgboost', 'late', { ...xgboost, booster: 'dart', rate_drop: 0.5 })
    expect(code, said).toBe(11)
    expect(said).toMatch(/KeyError: 'gbtree_model_param'|the trainer differ by/)
  })
})
