import type { CliResult } from './cli.ts'
import { eventually } from './gateways.ts'
import { openPlace, type Place } from './place.ts'
import { loansSql, writeLoans } from './project.ts'

/**
 * A place with something for every page of the console: the pipeline `loans`, deployed to `credit`, watched, scored in
 * batches on a schedule, with a rollout of version 2 that goes on; and a run of `asking` that waits for somebody.
 */
export interface ConsolePlace extends Place {
  /** The rollout that goes on. */
  readonly rollout: string
  /** Begins a rollout of another version, once the one that goes on has ended. */
  again(): Promise<void>
  /** The run of `loans` that has ended, the one that goes on, and the one of `asking` that waits. */
  readonly runs: { readonly ended: string; readonly going: string; readonly asking: string }
}

const head = `import { auc, binary, errors, latency, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'
`
const model = (
  trees: number,
): string => `  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })`

const loans = (trees: number, { steps, minSamples }: Canary): string => `${head}
export default pipeline('loans', (p) => {
${model(trees)}
  const live = p.deploy(candidate, {
    endpoint: 'credit',
    canary: { steps: ${JSON.stringify(steps)}, minSamples: ${minSamples}, watch: [errors.notWorseBy(0.01), latency.over(60_000).notWorseBy(0.05)], within: '6h', harmBudget: 50 },
  })
  p.monitor(live, { every: '1h', drift: psi.over(0.2), quality: auc.below(0.5), minRows: 50, minLabels: 20, retrain: { window: '120d', cooldown: '1h' }, playbook: 'Look at the incomes first.' })
  p.batch(live, 'nightly', { cron: '0 2 * * *', from: 'in/{date}/*.parquet', to: 'out/{date}/', keys: ['id'], maxBadRows: 0.01 })
})
`
const asking = `${head.replaceAll("'./", "'../loans/")}
export default pipeline('asking', (p) => {
${model(5)}
  p.approve(candidate, { role: 'risk-lead', within: '2d', otherwise: 'reject' })
})
`

interface Canary {
  /** Percent. */
  readonly steps: readonly [number, ...number[]]
  readonly minSamples: number
}

/** @throws what a command said that failed */
function done({ code, stdout, stderr }: CliResult): string {
  if (code !== 0) throw new Error(stderr)
  return stdout
}

/** @param canary that of each rollout: by default one that stays at its first step */
export async function openConsolePlace(
  canary: Canary = { steps: [5, 25, 50], minSamples: 1_000_000 },
): Promise<ConsolePlace> {
  const place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  const { project } = place
  await project.data('data/loans.parquet', loansSql())
  await project.data('in/2024-06-01/a.parquet', loansSql(300))
  writeLoans(project, { body: loans(10, canary) })
  const { runId: ended } = JSON.parse(done(await place.run('run', 'loans', '--wait', '--json')))
  await eventually(
    async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
  )
  const traffic = (name: string): string[] => [
    'traffic',
    'credit',
    '--from',
    'data/loans.parquet',
    '--rate',
    '100',
    '--for',
    name,
    '--json',
  ]
  done(await place.run(...traffic('4s')))
  done(await place.run('batch', 'loans', 'nightly', '--date', '2024-06-01', '--json'))
  done(await place.run('schedule', 'trigger', 'credit', 'monitor', '--json'))
  await eventually(async () => (await place.run('drift', 'show', 'credit', '--json')).code === 0)
  writeLoans(project, { body: loans(12, canary) })
  const { runId: going } = JSON.parse(done(await place.run('run', 'loans', '--json')))
  project.write('pipelines/asking/pipeline.ts', asking)
  const { runId: waiting } = JSON.parse(done(await place.run('run', 'asking', '--json')))
  const share = async (): Promise<{ id: string; share: number } | null> =>
    JSON.parse(done(await place.run('rollout', 'status', 'credit', '--json'))).route.rollout
  await eventually(async () => (await share())?.share === canary.steps[0] / 100)
  done(await place.run(...traffic('5s')))
  let trees = 12
  const again = async (): Promise<void> => {
    trees += 2
    writeLoans(project, { body: loans(trees, canary) })
    done(await place.run('run', 'loans', '--json'))
    await eventually(async () => (await share())?.share === canary.steps[0] / 100)
  }
  return { ...place, again, rollout: (await share())?.id ?? '', runs: { ended, going, asking: waiting } }
}
