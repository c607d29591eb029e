import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Comparison, type Found, intervalOf } from '../../bench/paired-searches.ts'
import { searchOurs } from '../../bench/tuning.ts'
import { type Objective, objectiveOf, treesSpace, tuningTables } from '../../bench/tuning-tables.ts'
import { packageRoot } from '../../lib/code/host.ts'
import type { Parameters } from '../../lib/formats/tuning.ts'
import { pythonEnvironmentOr } from '../support/python.ts'

/*
 * The search for parameters against Optuna's estimator of several dimensions at once: the same trees, trained here, of
 * the same tables and rows. Ours knows of four trials less at any time, for they run side by side; Optuna's run one
 * after another.
 */
const [seeds, trials] = [10, 40]
const reference = join(packageRoot, 'test/reference')
const python = await pythonEnvironmentOr(join(reference, 'tuning-requirements.txt'), '--no-deps')
let optuna: ChildProcess | undefined
let lines: AsyncIterator<string>

beforeAll(() => {
  if ('missing' in python) return
  optuna = spawn(join(python.bin, 'python'), [join(reference, 'tuning_optuna.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  lines = createInterface({ input: optuna.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
})
beforeEach((context) => {
  if ('missing' in python) context.skip(python.missing)
})
afterAll(() => void optuna?.stdin?.end())

/** All that Optuna tried. */
async function searchByOptuna(objective: Objective, seed: number): Promise<Found[]> {
  const say = (message: unknown): void => void optuna?.stdin?.write(`${JSON.stringify(message)}\n`)
  say({ space: treesSpace, seed, trials })
  const tried: Found[] = []
  for (let i = 0; i < trials; i++) {
    const { value } = await lines.next()
    const found = objective.train(JSON.parse(value) as Parameters, 1)
    say({ loss: found.validation })
    tried.push(found)
  }
  return tried
}

describe('a search of forty trials', () => {
  it('finds losses not above those of Optuna, on ten tables by ten seeds', async () => {
    const pairs: Comparison[] = []
    for (const table of await tuningTables())
      for (let seed = 1; seed <= seeds; seed++) {
        const objective = objectiveOf(table, seed)
        const tried = await searchByOptuna(objective, seed)
        const theirs = tried.reduce((best, each) => (each.validation < best.validation ? each : best))
        // Its first ten are random ones.
        const random = tried.slice(0, 10)
        pairs.push({ table: table.name, seed, ours: searchOurs(objective, seed, trials), theirs, random })
      }
    const [validation, test] = [intervalOf(pairs, 'validation'), intervalOf(pairs, 'test')]
    expect(validation.high, JSON.stringify(validation)).toBeGreaterThanOrEqual(0)
    expect(test.high, JSON.stringify(test)).toBeGreaterThanOrEqual(0)
  })
})
