import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A folder of LightGBM goes through a run: its environment is made from its lock, its trees are compiled, and what its
 * converter gets wrong for options that it takes without a word is noticed by what is on by default.
 */
let place: Place
beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  cpSync(join(packageRoot, 'examples/trainers/lightgbm'), join(project.root, 'trainer'), { recursive: true })
})
afterAll(() => place?.close())

/** Two numbers of a loan. */
function write(hyperparameters: string): void {
  place.project.write(
    'pipelines/brought/features.ts',
    `export function features({ income, age }: { income: Float64Array; age: Float64Array }) {
  return { income, age }
}
`,
  )
  place.project.write(
    'pipelines/brought/pipeline.ts',
    `import { auc, binary, pipeline, program } from 'slipway'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
import { features } from './features.ts'
export default pipeline('brought', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = program({
    command: ['python', 'train.py'], folder: './trainer', environment: 'pip',
    hyperparameters: { rounds: 20, num_leaves: 7, ${hyperparameters} },
  })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 })
  p.gate(p.package(model), { on: parts.test, must: [auc.atLeast(0.6)] })
})
`,
  )
}

describe('LightGBM, brought as a folder', () => {
  it('goes through a run: its trees are compiled and proven, and nothing is done twice', async () => {
    write('')
    const { code, stderr } = await place.run('run', 'brought', '--wait')
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/package .* compiled model proven; parity \d\.\de-\d+ over \d+ rows/)
    const again = JSON.parse((await place.run('run', 'brought', '--wait', '--json')).stdout)
    expect(again.steps.filter(({ cached }: { cached: boolean }) => !cached)).toEqual([])
  })

  it.each([
    ['linear models in leaves', 'linear_tree: true'],
    ['the average of a random forest', "boosting: 'rf', bagging_freq: 1, bagging_fraction: 0.5"],
    ['another slope of the sigmoid', 'sigmoid: 2'],
  ])('is caught where its converter loses %s', async (_, options) => {
    write(options)
    const { code, stdout } = await place.run('run', 'brought', '--wait')
    expect(code, stdout).toBe(11)
    expect(stdout).toMatch(/ONNX Runtime and the trainer differ by 0\.\d+ on \d+ rows; 0\.00001 is allowed/)
  })
})
