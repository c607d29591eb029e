import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { linearProgram } from '../support/programs.ts'
import { loansSql, projectAt, writeLoans } from '../support/project.ts'

/*
 * Writes the project whose life `slipway start --target sagemaker-fake` tells into a folder, and prints what its images
 * do: `node scripts/run.mjs test/sagemaker-fake/story-project.ts <folder>`. Its learner is a program that needs Node
 * alone.
 */

/** The first two constants are what the story changes. */
const definition = `import { auc, binary, errors, latency, logLoss, pipeline, sagemaker, sagemakerEndpoint, sagemakerRegistry, sagemakerTransform } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

const l2 = 4096
const serving = 'slipway:1'

const role = 'arn:aws:iam::123456789012:role/slipway-sagemaker'
const learner = sagemaker({
  image: 'node:20', instance: 'ml.m5.large', role,
  command: ['node', 'slowly.mjs'], folder: './trainer',
  hyperparameters: { l2 }, metrics: { mean: 'mean=([0-9.]+)' },
})

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), logLoss.notWorseThan('champion', { by: 0.01 })] })
  p.mirror(candidate, sagemakerRegistry({ image: 'slipway:1' }))
  p.approve(candidate, { role: 'ml-lead', within: '10m', otherwise: 'reject' })
  const live = p.deploy(candidate, {
    endpoint: 'credit',
    target: sagemakerEndpoint({ image: serving, role, instance: 'ml.m5.large' }),
    canary: { steps: [20, 50], minSamples: 30, watch: [errors.notWorseBy(0.05), latency.over(2000).notWorseBy(0.2)] },
  })
  p.batch(live, 'here', { from: 'in/{date}/*.parquet', to: 'here/{date}/' })
  p.batch(live, 'there', { from: 'in/{date}/*.parquet', to: 'there/{date}/', on: sagemakerTransform({ image: 'slipway:1', role, instance: 'ml.m5.large', timeout: '5m' }) })
})
`

/** Long enough that a worker can be killed meanwhile. */
const slowly = `console.log('reading loans')
await new Promise((go) => setTimeout(go, 5_000))
await import('./train.mjs')
`

const root = resolve(process.argv[2] as string)
mkdirSync(root, { recursive: true })
const project = projectAt(root)
writeLoans(project, { body: definition })
project.write('trainer/train.mjs', await linearProgram())
project.write('trainer/slowly.mjs', slowly)
await project.data('data/loans.parquet', loansSql())
await project.data(
  'in/2001-06-01/applications.parquet',
  `SELECT * EXCLUDE (defaulted) REPLACE (id + 10000 AS id) FROM (${loansSql(2_000)})`,
)
