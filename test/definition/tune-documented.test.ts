import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { comesAfter } from '../../client/plan-run.ts'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import { newProject, type TestProject, writeLoans } from '../support/project.ts'

/*
 * The pipeline of docs/tuning.md, as a reader copies it.
 */
const page = readFileSync(join(packageRoot, 'docs/tuning.md'), 'utf8')
const [, body = ''] = /```ts\n(.*?)```/s.exec(page) ?? []

let project: TestProject
beforeAll(() => {
  project = newProject()
  writeLoans(project, { body })
})
afterAll(() => project?.remove())

it('is planned: trials, then the training that reads what they chose', async () => {
  const { plan } = await planPipeline(project.root, 'loans', hostVersions())
  const outline = outlineOf(plan)
  const { steps } = outline
  expect(steps.find(({ id }) => id === 'tune-risk')?.summary).toBe('tune • trees, leaves, learningRate; 50 trials')
  expect(steps.find(({ id }) => id === 'risk')?.summary).toBe(
    'train • 200 trees × 31 leaves, with what tune-risk chose, seed 1',
  )
  const after = comesAfter(outline)
  expect(after.get('tune-risk')).toEqual(['split'])
  expect(after.get('risk')).toEqual(['tune-risk'])
})

it('cannot be given a parameter that it tunes', async () => {
  await expect(planPipeline(project.root, 'loans', hostVersions(), { trees: '9' })).rejects.toMatchObject({
    code: 'USAGE',
    message: '--set trees: pipeline "loans" tunes it',
  })
  const { plan } = await planPipeline(project.root, 'loans', hostVersions(), { minRowsPerLeaf: '9', seed: '3' })
  for (const step of plan.steps)
    if (step.kind === 'train' || step.kind === 'tune')
      expect([step.learner, step.seed]).toEqual([expect.objectContaining({ minRowsPerLeaf: 9 }), 3])
})

it('so is the search by SageMaker that docs/sagemaker.md shows', async () => {
  const section = readFileSync(join(packageRoot, 'docs/sagemaker.md'), 'utf8').split('\n## Tune\n')[1] ?? ''
  const [, shown = ''] = /```ts\n(.*?)```/s.exec(section) ?? []
  project.write('trainers/lightgbm/train.py', '')
  project.write(
    'pipelines/loans/pipeline.ts',
    `import { binary, log, oneOf, pipeline, sagemaker, sagemakerTuning, whole } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3 })
${shown}
  p.package(model)
})
`,
  )
  const { steps } = outlineOf((await planPipeline(project.root, 'loans', hostVersions())).plan)
  expect(steps.find(({ id }) => id === 'tune-risk')?.summary).toBe(
    'tune • num_leaves, learning_rate, boosting; 30 trials, at most 6 h, searched by SageMaker (Bayesian)',
  )
})
