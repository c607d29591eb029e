import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { packageRoot } from '../lib/code/host.ts'
import { slipway } from '../test/support/cli.ts'
import { loansSql, newProject, writeLoans } from '../test/support/project.ts'
import { connect } from '../workers/connect.ts'
import { signsOfPlatform } from '../workers/platform/signs.ts'
import { readSettings } from '../workers/settings.ts'
import { waitFor } from '../workers/wait-for.ts'
import { branchesWorkflowId } from '../workflows/branch-messages.ts'
import {
  batchWorkflowId,
  endpointWorkflowId,
  memoryOfStore,
  modelWorkflowId,
  progressQuery,
  rolloutWorkflowId,
  runWorkflowId,
  supervisorStatusQuery,
  supervisorWorkflowId,
} from '../workflows/messages.ts'
import { ownerOfView } from '../workflows/owner-messages.ts'
import { tuneWorkflowId } from '../workflows/tune-messages.ts'

/*
 * Records the histories that `test/workflows/replay.test.ts` replays: real runs on the real server. Run it for a
 * release (`npm run record-histories`), never to make a failing replay pass: runs like the recorded ones are out there.
 */
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
const project = newProject()
writeLoans(project)
await project.data('data/loans.parquet', loansSql())
await slipway(project.root, ['up', '--detach'])
const { client, connection } = await connect(readSettings(project.root))

async function record(name: string, workflowId: string): Promise<void> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  const text = historyToJSON(history)
    .replaceAll(hostname(), 'host')
    .replaceAll(project.root, '/project')
    .replaceAll(packageRoot, '/slipway')
    .replaceAll(Buffer.from(hostname()).toString('base64'), '')
  const file = join(packageRoot, 'test/histories', `${name}-${version}.json`)
  mkdirSync(join(packageRoot, 'test/histories'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(JSON.parse(text))}\n`)
  console.log(`${name}: ${JSON.parse(text).events.length} events`)
}

async function run(name: string, whileRunning: (runId: string) => Promise<void> = async () => {}): Promise<string> {
  const { runId } = JSON.parse((await slipway(project.root, ['run', 'loans', '--json'])).stdout)
  await whileRunning(runId)
  await client.workflow
    .getHandle(runWorkflowId(runId))
    .result()
    .catch(() => {})
  await record(`run-pipeline-${name}`, runWorkflowId(runId))
  return runId
}

const body = readFileSync(join(project.root, 'pipelines/loans/pipeline.ts'), 'utf8')
const withApproval = body.replace(
  '  p.gate(candidate,',
  "  p.approve(candidate, { role: 'risk-lead', within: '1h', otherwise: 'reject' })\n  p.gate(candidate,",
)
const decide = (verb: 'approve' | 'reject') => async (runId: string) => {
  const handle = client.workflow.getHandle(runWorkflowId(runId))
  await waitFor({
    what: `run ${runId} to wait for a person`,
    look: async () => (await handle.query(progressQuery)).waitingFor ?? undefined,
    signs: signsOfPlatform(project.root),
  })
  await slipway(project.root, [verb, runId, '--reason', 'recorded'])
}

await run('succeeded')
await run('all-cached')
project.write('pipelines/loans/pipeline.ts', body.replace('trees: 20', 'trees: 22'))
await run('against-champion')
project.write('pipelines/loans/pipeline.ts', body.replace('auc.atLeast(0.6)', 'auc.atLeast(0.999)'))
await run('gate-failed')
project.write('pipelines/loans/pipeline.ts', withApproval)
await run('approved', decide('approve'))
await run('rejected', decide('reject'))
await project.data('data/bad.parquet', `SELECT * REPLACE (999 AS age) FROM (${loansSql(50)})`)
writeLoans(project, { from: 'data/bad.parquet' })
await run('contract-failed')
writeLoans(project)
await slipway(project.root, ['rollback', 'loans', '--to', '1'])
await record('own-model', modelWorkflowId('loans'))
await record('remember-store', memoryOfStore)

// More branches than a run carries out itself.
project.write(
  'pipelines/loans/pipeline.ts',
  body.replace(
    '  const model = ',
    `  p.each(Array.from({ length: 101 }, (_, i) => \`r\${i}\`), (p, name) => {
    p.split(checked, { random: { validation: 0.2, test: 0.2 }, seed: Number(name.slice(1)) })
  })
  const model = `,
  ),
)
await record('run-branches', branchesWorkflowId(await run('branches'), 0))
writeLoans(project)

// A view that a run publishes.
project.write(
  'pipelines/loans/pipeline.ts',
  `import { z } from 'zod'\n${body.replace(
    '  const model = ',
    `  p.feature('incomes', {
    from: { checked },
    sql: 'SELECT purpose, max(income) AS income FROM checked GROUP BY purpose',
    schema: z.object({ purpose: z.string(), income: z.number() }),
    key: 'purpose',
  })
  const model = `,
  )}`,
)
await run('view')
await record('own-view', ownerOfView('incomes').workflowId)
writeLoans(project)

// A model whose parameters are chosen by trials.
project.write(
  'pipelines/loans/pipeline.ts',
  body.replace(', seed: 1 })', ', seed: 1, tune: { trees: [5, 40], leaves: [4, 15] }, budget: { trials: 6 } })'),
)
await record('tune-model', tuneWorkflowId(await run('tuned'), 'tune-risk'))
writeLoans(project)

// Rollouts: the first version, one that is promoted under traffic, one that is rolled back, one without data.
const deploying = (trees: number, over: string): string =>
  body
    .replace('trees: 20', `trees: ${trees}`)
    .replace('auc, binary', 'auc, binary, errors')
    .replace(
      /\n}\)\n$/,
      `\n  p.deploy(candidate, { endpoint: 'credit', canary: { steps: [10, 50], minSamples: 30, watch: [errors.notWorseBy(0.02)], ${over} } })\n})\n`,
    )
const rollout = async (name: string, trees: number, over: string, traffic?: string[]): Promise<void> => {
  project.write('pipelines/loans/pipeline.ts', deploying(trees, over))
  const sending =
    traffic === undefined
      ? undefined
      : slipway(project.root, [
          'traffic',
          'credit',
          '--from',
          'data/loans.parquet',
          '--rate',
          '200',
          '--for',
          '40s',
          ...traffic,
        ])
  const { stdout } = await slipway(project.root, ['run', 'loans', '--wait', '--json'])
  const { runId, rollout: ended } = JSON.parse(stdout)
  await record(`run-pipeline-${name}`, runWorkflowId(runId))
  if (ended !== undefined) await record(`run-rollout-${name}`, rolloutWorkflowId(ended.id))
  await sending
}
await rollout('opened', 10, '')
await rollout('inconclusive', 11, "within: '5s'")
await rollout('promoted', 12, '', [])
await rollout('rolled-back', 13, '', ['--fault', 'errors=60%@candidate'])
await slipway(project.root, ['rollback', 'credit'])
await record('own-endpoint', endpointWorkflowId('credit'))

// A watched endpoint: a check, and a supervisor that retrains.
const watched = deploying(14, '')
  .replace('auc, binary', 'auc, binary, psi')
  .replace('p.deploy(candidate', 'const live = p.deploy(candidate')
  .replace(
    /\n}\)\n$/,
    "\n  p.monitor(live, { every: '1h', drift: psi.over(0.2), retrain: { cooldown: '0s', maxPerDay: 9 } })\n  p.batch(live, 'nightly', { from: 'in/{date}.parquet', to: 'out/{date}/' })\n})\n",
  )
project.write('pipelines/loans/pipeline.ts', watched)
const traffic = slipway(project.root, [
  'traffic',
  'credit',
  '--from',
  'data/loans.parquet',
  '--rate',
  '200',
  '--for',
  '60s',
])
const { runId: watchedRun } = JSON.parse((await slipway(project.root, ['run', 'loans', '--wait', '--json'])).stdout)
await record('run-pipeline-watched', runWorkflowId(watchedRun))
await slipway(project.root, ['schedule', 'trigger', 'credit', 'monitor'])
await slipway(project.root, ['signal', 'drift', 'loans', '--reason', 'recorded'])
const supervisor = client.workflow.getHandle(supervisorWorkflowId('loans'))
const retraining = await waitFor({
  what: 'a retraining of loans to end',
  look: async () => {
    const { retrainings, state } = await supervisor.query(supervisorStatusQuery)
    return state === 'running' ? undefined : retrainings[0]
  },
  signs: signsOfPlatform(project.root),
})
await record('run-pipeline-retraining', runWorkflowId(retraining.run))
await record('supervise', supervisorWorkflowId('loans'))
for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'monitorEndpoint'" })) {
  await record('monitor-endpoint', workflowId)
  break
}
await traffic

// Batches: one that is published, one without data.
await project.data('in/2024-01-01.parquet', loansSql(500))
for (const [name, day] of [
  ['score-batch', '2024-01-01'],
  ['score-batch-failed', '2024-01-02'],
] as const) {
  await slipway(project.root, ['batch', 'loans', 'nightly', '--date', day])
  await record(name, batchWorkflowId('loans', 'nightly', day))
}

await connection.close()
await slipway(project.root, ['down'])
project.remove()
console.log(`recorded as ${userInfo().username} for version ${version}`)
