import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Row, tryPipeline } from '../../testing/index.ts'
import { newProject, type TestProject, writeLoans } from '../support/project.ts'

/** Fifty loans as somebody would write them down in a test: rich ones are paid back. */
const loans: readonly Row[] = Array.from({ length: 50 }, (_, id) => ({
  id,
  day: new Date(Date.UTC(2024, 0, 1 + id)),
  income: 20_000 + ((id * 7919) % 60_000),
  age: 18 + ((id * 31) % 60),
  purpose: ['car', 'home', 'travel', 'tools'][id % 4],
  defaulted: (id * 7919) % 60_000 < 30_000 ? 1 : 0,
}))

describe('a pipeline that is tried on fifty rows', () => {
  let project: TestProject
  beforeEach(() => {
    project = newProject()
    writeLoans(project, { must: '[auc.atLeast(0.6), size.atMost(1e6)]', from: 'data/nobody-has-this.parquet' })
  })
  afterEach(() => project.remove())

  it('goes through contract, split, features, target, training, package and gates without a server', async () => {
    const { steps, gates, passed } = await tryPipeline('loans', loans, { root: project.root })
    expect(steps.map(({ kind }) => kind)).toEqual([
      'snapshot',
      'validate',
      'split',
      'train',
      'package',
      'evaluate',
      'gate',
    ])
    expect(steps[0]).toMatchObject({ name: 'loans', rows: 50 })
    expect(gates.map(({ name }) => name)).toEqual(['auc ≥ 0.6', 'sizeBytes ≤ 1000000'])
    expect(passed).toBe(gates.every((gate) => gate.passed))
  })

  it('makes the same of the same rows', async () => {
    const [one, other] = [
      await tryPipeline('loans', loans, { root: project.root }),
      await tryPipeline('loans', loans, { root: project.root }),
    ]
    expect(other).toEqual(one)
  })

  it('ends as a run would where a row breaks the contract', async () => {
    const rows = loans.map((row, i) => (i === 7 ? { ...row, age: 12 } : row))
    await expect(tryPipeline('loans', rows, { root: project.root })).rejects.toMatchObject({
      code: 'DATA_CONTRACT',
      message: expect.stringMatching(/age/),
    })
  })

  it('ends as a run would where the feature function is broken', async () => {
    writeLoans(project, {
      must: '[auc.atLeast(0.6)]',
      features:
        'export function features({ income }: { income: Float64Array }) { return { income: income.subarray(1) } }\n',
    })
    await expect(tryPipeline('loans', loans, { root: project.root })).rejects.toMatchObject({
      code: 'FEATURES_LENGTH',
      message: expect.stringMatching(/income/),
    })
  })

  it('says which rows are missing or nobody asks for', async () => {
    const { root } = project
    await expect(tryPipeline('loans', { people: loans }, { root })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/no rows are given for loans/),
    })
    const both = { loans, people: loans }
    await expect(tryPipeline('loans', both, { root })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/rows are given for people/),
    })
  })

  it('leaves nothing behind', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('slipway-trial-'))
    const before = left()
    await tryPipeline('loans', loans, { root: project.root })
    expect(left()).toEqual(before)
    expect(readdirSync(project.root)).toEqual(['pipelines'])
  })
})
