import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { readProgramFolder, requireLock } from '../../lib/code/program-folder.ts'
import { program } from '../../lib/definition/learners.ts'
import type { ProgramLearner } from '../../lib/formats/learner.ts'
import type { Learned, Learner } from '../../lib/learners/learner.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { cacheHome } from '../../workers/settings.ts'
import { describeLearner } from '../contracts/learner.ts'
import { placeFor, type TestPlace } from '../support/programs.ts'
import { pythonEnvironment } from '../support/python.ts'

/*
 * The programs of examples/trainers, each in an environment that is made from its lock, keep the contract of all
 * learners: the same bytes of the same order, answers of ONNX Runtime equal to their own predictions, missing values
 * and unknown texts.
 */
const trainers = join(packageRoot, 'examples/trainers')
const places: TestPlace[] = []
const path = process.env.PATH
beforeAll(async () => {
  const uv = await pythonEnvironment(join(packageRoot, 'test/reference/uv-requirements.txt'))
  process.env.PATH = [path, uv].join(delimiter)
})
afterAll(() => {
  process.env.PATH = path
  for (const place of places) place.remove()
})

/** Environments are kept between runs of the tests, as a worker keeps them. */
const environments = join(cacheHome(), 'environments')

/** How far each export was from its program on rows that were made up, of all trainings of a folder. */
const madeUp: Record<string, Learned['report']['madeUp'][]> = {}

function placed(folder: string): Learner<ProgramLearner> {
  return {
    ...programLearner,
    async train(order, onProgress): Promise<Learned> {
      const place = placeFor({})
      places.push(place)
      cpSync(join(trainers, folder), join(place.root, 'code'), { recursive: true })
      const learned = await programLearner.train({ ...order, place: { ...place, environments } }, onProgress)
      madeUp[folder] = [...(madeUp[folder] ?? []), learned.report.madeUp]
      return learned
    },
  }
}

/** PyTorch is 2.9 GB to fetch and 5.3 GB on disk, for it brings what GPUs need: only where somebody asks for it. */
const withTorch = process.env.SLIPWAY_TEST_TORCH === '1'

const command = ['python', 'train.py']
const cases = [
  ['lightgbm', 'pip', { rounds: 40, num_leaves: 7 }],
  ['sklearn', 'uv', { C: 2 }],
  ['xgboost', 'uv', { rounds: 40, max_depth: 3 }],
  ['catboost', 'uv', { iterations: 60, depth: 4 }],
  ...(withTorch ? ([['pytorch', 'uv', { epochs: 30, hidden: 32 }]] as const) : []),
] as const

/** They add up leaves in float32 where the mean is one of them: labels of these rows lie forty spreads from zero. */
const parity = 1e-4

for (const [folder, environment, hyperparameters] of cases)
  describeLearner(folder, placed(folder), {
    parameters: program({ command, folder, environment, hyperparameters }),
    refused: [{ environment: 'conda' }],
    parity,
  })

it.each(cases)('%s exports what it trained also for rows that it never saw', (folder) => {
  expect(madeUp[folder]?.length).toBeGreaterThan(0)
  for (const compared of madeUp[folder] ?? []) {
    expect(compared?.rows).toBe(1_024)
    expect(compared?.largest).toBeLessThanOrEqual(parity)
  }
})

it.each(readdirSync(trainers))('%s pins all that it installs by digest', async (folder) => {
  await requireLock(await readProgramFolder(packageRoot, join('examples/trainers', folder)))
})

describe('an environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-environments-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(['pip', 'uv'] as const)('of %s leaves nothing where its lock names other bytes', async (environment) => {
    const wrong = `joblib==1.6.0 --hash=sha256:${'0'.repeat(64)}\n`
    const place = placeFor({ 'requirements.txt': wrong, 'train.py': '' })
    places.push(place)
    const parameters = program({ command, folder: '.', environment })
    const rows = { features: [Float32Array.of(1)], labels: Float64Array.of(1) }
    const order = { model: 'm', task: 'regression' as const, seed: 1, threads: 1, train: rows, validation: rows }
    const inputs = [{ name: 'x', kind: 'number' as const }]
    mkdirSync(folder, { recursive: true })
    await expect(
      programLearner.train({ ...order, inputs, parameters, place: { ...place, environments: folder } }, () => {}),
    ).rejects.toMatchObject({ code: 'ENVIRONMENT_FAILED', message: expect.stringMatching(/hash/i) })
    expect(readdirSync(folder)).toEqual([])
  })
})
