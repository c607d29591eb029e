import { Command, CommanderError } from 'commander'
import { SlipwayError } from '../pipelines/errors.ts'
import { showError } from './output.ts'

// Commands are imported when they are called: the command line itself starts at once.
const platform = () => import('./commands/platform.ts')
const running = () => import('./commands/run.ts')
const planning = () => import('./commands/plan.ts')
const runs = () => import('./commands/runs.ts')
const models = () => import('./commands/models.ts')
const show = () => import('./commands/show.ts')
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
    '\nExit codes: 0 done, 2 invalid, 10 data contract, 11 training, 12 gate failed, 13 rejected, 16 verification, 20 unreachable,\n124 stopped waiting, 130 interrupted; see docs/cli.md.',
  )

type Action = (...args: never[]) => Promise<number>
/** A command whose action's result is the exit code. */
function command(usage: string, description: string, action: Action, examples: readonly string[] = []): Command {
  const added = program.command(usage).description(description).exitOverride()
  if (examples.length > 0)
    added.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
  return added.action(async (...args) => {
    exitCode = await (action as (...args: unknown[]) => Promise<number>)(...args)
  })
}

command(
  'up',
  'start the embedded platform: Temporal, S3 and a worker',
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
  'platform, one run, what it made, and the end of it: what npm start does',
  async (pipeline, options) => (await platform()).start(pipeline ?? 'flights', options),
  ['npx slipway start weather --keep'],
)
  .option('--keep', 'leave the platform up afterwards')
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
command('rollback <model>', 'make the champion before this one champion again', async (model, options) =>
  (await decide()).rollback(model, options),
)
  .option('--to <version>', 'or this version')
  .option('--reason <text>', 'why, for the record')
  .option(...json)
command('doctor', 'whether everything a run needs is there and works', async (options) =>
  (await platform()).doctor(options),
).option(...json)

program.configureOutput({ outputError: () => {} })
for (const each of program.commands) each.configureOutput({ outputError: () => {} })

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
