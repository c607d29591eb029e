import { Command, CommanderError } from 'commander'
import { SlipwayError } from '../pipelines/errors.ts'
import { showError } from './output.ts'

// Commands are imported when they are called: the command line itself starts at once.
const platform = () => import('./commands/platform.ts')
const starting = () => import('./commands/start.ts')
const running = () => import('./commands/run.ts')
const planning = () => import('./commands/plan.ts')
const runs = () => import('./commands/runs.ts')
const models = () => import('./commands/models.ts')
const show = () => import('./commands/show.ts')
const rollingOut = () => import('./commands/rollout.ts')
const simulating = () => import('./commands/simulate.ts')
const explaining = () => import('./commands/explain.ts')
const rollingBack = () => import('./commands/rollback.ts')
const serving = () => import('./commands/serve.ts')
const decide = () => import('./commands/decide.ts')

/** The same everywhere. */
const json = ['--json', 'print one JSON document'] as const
const collect = (value: string, all: string[] = []): string[] => [...all, value]
let exitCode = 0

const program = new Command('slipway')
  .description('Durable machine-learning pipelines: from data to a model that is in production, and back')
  .option('--verbose', 'print the stack trace of an error')
  .showSuggestionAfterError()
  .enablePositionalOptions()
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 2 invalid, 10 data contract, 11 training, 12 gate failed, 13 rejected, 14 rolled back, 15 inconclusive,\n16 verification, 20 unreachable, 124 stopped waiting, 130 interrupted; see docs/cli.md.',
  )

type Action = (...args: never[]) => Promise<number>
/** A command whose action's result is the exit code. */
function command(
  usage: string,
  description: string,
  action: Action,
  examples: readonly string[] = [],
  parent: Command = program,
): Command {
  const added = parent.command(usage).description(description).exitOverride()
  if (examples.length > 0)
    added.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
  return added.action(async (...args) => {
    exitCode = await (action as (...args: unknown[]) => Promise<number>)(...args)
  })
}

command(
  'up',
  'start the embedded platform: Temporal, S3, a worker and a gateway',
  async (options) => (await platform()).up(options),
  ['npx slipway up --detach'],
)
  .option('--detach', 'leave it running in the background')
  .option(...json)
command('down', 'stop the embedded platform', async (options) => (await platform()).down(options)).option(...json)
command('status', 'what is up and where', async (options) => (await platform()).status(options), [
  'npx slipway status --json',
  'eval "$(npx slipway status --env)"  # point another folder at this platform',
])
  .option(...json)
  .option('--env', 'print shell exports (they hold secrets)')
command(
  'start [pipeline]',
  'platform, a run, its model behind an endpoint under traffic, and the end of it: what npm start does',
  async (pipeline, options) => (await starting()).start(pipeline ?? 'flights', options),
  ['npx slipway start weather'],
)
  .option('--set <name=value>', 'change a parameter', collect)
  .option(...json)
command(
  'plan <pipeline>',
  'what a run would do now, and why',
  async (pipeline, options) => (await planning()).plan(pipeline, options),
  ['npx slipway plan flights', 'npx slipway plan flights --set leaves=15'],
)
  .option('--set <name=value>', 'change a parameter', collect)
  .option(...json)
command('run <pipeline>', 'start a run', async (pipeline, options) => (await running()).run(pipeline, options), [
  'npx slipway run flights --wait',
  'npx slipway run flights --wait --set trees=50 --junit report.xml',
])
  .option('--wait', 'follow the run; its result is the exit code')
  .option('--timeout <duration>', 'stop waiting after this long, exit 124; the run goes on')
  .option('--set <name=value>', 'change a parameter', collect)
  .option('--snapshot <digest>', 'use this snapshot instead of reading the source', collect)
  .option('--junit <file>', 'write a JUnit report (waits)')
  .option(...json)
command('runs [pipeline]', 'finished runs', async (pipeline, options) => (await runs()).runs(pipeline, options), [
  'npx slipway runs flights --sort auc',
])
  .option('--sort <metric>', 'best first')
  .option('--limit <n>', 'how many')
  .option(...json)
command(
  'show <what>',
  'a run, a model version, or an artifact by digest',
  async (what, options) => (await show()).show(what, options),
  ['npx slipway show flights@champion', 'npx slipway show 3f9a1c22b0d4'],
).option(...json)
command('models', 'models with their versions and aliases', async (options) => (await models()).models(options)).option(
  ...json,
)
command(
  'lineage <model>',
  'where a model comes from and what was made with it',
  async (what, options) => (await models()).lineage(what, options),
  ['npx slipway lineage flights@2'],
).option(...json)
command(
  'why <step>',
  'why a step of the last run ran or was reused',
  async (step, options) => (await runs()).why(step, options),
  ['npx slipway why delays'],
)
  .option('--run <run>', 'of this run')
  .option(...json)
command('compare <run> <run>', 'what differs between two runs', async (a, b, options) =>
  (await runs()).compare(a, b, options),
).option(...json)
command('export <run>', 'the plan of a run, from the store', async (run, options) =>
  (await planning()).exportPlan(run, options),
).option('--output <file>', 'write it there')
command('approve <run>', 'approve a run that waits for it', async (run, options) =>
  (await decide()).decide('approve', run, options),
)
  .option('--reason <text>', 'why, for the record')
  .option(...json)
command('reject <run>', 'reject a run that waits for approval', async (run, options) =>
  (await decide()).decide('reject', run, options),
)
  .option('--reason <text>', 'why, for the record')
  .option(...json)
command(
  'rollback <endpoint>',
  'serve the version before, at once; works with Temporal down',
  async (name, options) => (await rollingBack()).rollback(name, options),
  ['npx slipway rollback flights --reason "late flights look early"'],
)
  .option('--to <version>', 'or this version')
  .option('--reason <text>', 'why, for the record')
  .option(...json)
const rollout = program.command('rollout').description('what an endpoint serves, and its rollout').exitOverride()
command(
  'status <endpoint>',
  'what it serves, and where its rollout stands',
  async (endpoint, options) => (await rollingOut()).status(endpoint, options),
  [],
  rollout,
).option(...json)
for (const [verb, description] of [
  ['approve', 'approve the promotion that waits for it'],
  ['pause', 'take no further step until resumed (harm still rolls back)'],
  ['resume', 'go on'],
  ['promote', 'promote the candidate now, whatever the evidence'],
  ['rollback', 'end the rollout; the champion serves everything'],
] as const) {
  command(
    `${verb} <endpoint>`,
    description,
    async (endpoint, options) => (await rollingOut()).act(verb, endpoint, options),
    [],
    rollout,
  )
    .option('--reason <text>', 'why, for the record')
    .option(...json)
}
command(
  'simulate <pipeline>',
  'pretend many rollouts by the policy of a pipeline',
  async (pipeline, options) => (await simulating()).simulate(pipeline, options),
  ['npx slipway rollout simulate flights --traffic 20000/min --base-error 0.8% --harm 2x'],
  rollout,
)
  .option('--runs <n>', 'how many, of each kind', '1000')
  .option('--traffic <rate>', 'requests: 200/s, 2000/min', '2000/min')
  .option('--base-error <share>', 'how often the champion fails', '0.5%')
  .option('--harm <factor>', 'how many times more often the candidate fails', '2x')
  .option(...json)
command(
  'explain <rollout>',
  'every decision of a rollout with its evidence',
  async (id, options) => (await explaining()).explain(id, options),
  ['npx slipway explain flights-20261122-034512-k3x9 --replay'],
)
  .option('--replay', 'recompute each decision from the stored evidence and compare; exit 16 if one differs')
  .option(...json)
command('gateway', 'run a gateway alone', async (options) => (await serving()).gateway(options), [
  'npx slipway gateway --port 8081',
])
  .option('--port <port>', '8080 by default')
  .option('--host <address>', '127.0.0.1 by default')
command(
  'predict <endpoint>',
  'predictions for rows in a JSON file',
  async (endpoint, options) => (await serving()).predict(endpoint, options),
  ['npx slipway predict flights --data rows.json'],
)
  .requiredOption('--data <file>', 'one row or an array of rows; - reads standard input')
  .option(...json)
command(
  'traffic <endpoint>',
  'send the rows of a file as traffic',
  async (endpoint, options) => (await serving()).traffic(endpoint, options),
  ['npx slipway traffic flights --from flights-june.parquet --rate 200 --fault errors=5%@candidate'],
)
  .requiredOption('--from <file>', 'parquet, CSV or JSON')
  .option('--rate <n>', 'requests a second', '200')
  .option('--fault <fault>', 'a drill: errors=<share>%@candidate')
  .option('--for <duration>', 'how long; until Ctrl-C by default')
  .option(...json)
command('doctor', 'whether everything a run needs is there and works', async (options) =>
  (await platform()).doctor(options),
).option(...json)

program.configureOutput({ outputError: () => {} })
for (const each of [...program.commands, ...rollout.commands]) each.configureOutput({ outputError: () => {} })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are asked for; anything else is a wrong command line.
    if (error.exitCode === 0) exitCode = 0
    else if (error.code === 'commander.help') exitCode = 2
    else
      exitCode = showError(
        new SlipwayError('USAGE', error.message.replace(/^error: /, ''), { next: 'slipway --help' }),
        false,
      )
  } else {
    exitCode = showError(error, program.opts().verbose === true)
  }
}
// Connections to servers would keep the process alive.
process.exit(exitCode)
