import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { packageRoot } from '../code/host.ts'
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
const drifting = () => import('./commands/drift.ts')
const calibrating = () => import('./commands/calibrate.ts')
const supervising = () => import('./commands/supervise.ts')
const scheduling = () => import('./commands/schedule.ts')
const batching = () => import('./commands/batch.ts')
const verifying = () => import('./commands/verify.ts')
const tracing = () => import('./commands/trace.ts')
const labelling = () => import('./commands/labels.ts')
const decide = () => import('./commands/decide.ts')

/** The same everywhere. */
const json = ['--json', 'print one JSON document'] as const
const collect = (value: string, all: string[] = []): string[] => [...all, value]
let exitCode = 0

function versionOfPackage(): string {
  return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version
}

const program = new Command('slipway')
  .description('Durable machine-learning pipelines: from data to a model that is in production, and back')
  .option('--verbose', 'print the stack trace of an error')
  .version(versionOfPackage(), '--version', 'print the version')
  .showSuggestionAfterError()
  .enablePositionalOptions()
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 2 invalid, 10 data contract, 11 training, 12 gate failed, 13 rejected, 14 rolled back, 15 inconclusive,\n16 verification, 17 drift, 20 unreachable, 124 stopped waiting, 130 interrupted; see docs/cli.md.',
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
  'the platform, and the whole life of a pipeline in fast time: what npm start does',
  async (pipeline, options) => (await starting()).start(pipeline ?? 'flights', options),
  ['npx slipway start weather'],
)
  .option('--keep', 'leave the platform up to be looked at; it always is')
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
  .option('--from <file>', 'read this file instead of what the definition says (in place of the only source)')
  .option('--as-of <time>', 'the day or time that counts as now for splits by age')
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
  ['npx slipway show flights@champion', 'npx slipway show flights@3 --kernel', 'npx slipway show 3f9a1c22b0d4'],
)
  .option('--kernel', 'of a model: what scores it, how that was proven, and how fast it is here')
  .option('--text', "of a model: its kernel's code as WebAssembly text")
  .option(...json)
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
  .option('--base-mistakes <share>', 'how often the champion is wrong, where the policy watches mistakes', '20%')
  .option('--harm <factor>', 'how many times more often the candidate fails, and is wrong', '2x')
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
const drift = program.command('drift').description('how what is served differs from the training rows').exitOverride()
command(
  'check <endpoint>',
  'judge the rules of the monitor now: on the last check, or on a file; exit 17 on an alarm',
  async (endpoint, options) => (await drifting()).check(endpoint, options),
  ['npx slipway drift check flights', 'npx slipway drift check flights --from flights-june.parquet --against champion'],
  drift,
)
  .option('--from <file>', 'rows to judge: parquet, CSV or JSON')
  .option('--against <version>', 'the version whose training rows count', 'champion')
  .option('--exact', 'compare the columns as they come with the whole snapshot, every row of both')
  .option('--html <file>', 'write the report as a page')
  .option(...json)
command(
  'show <endpoint>',
  'a check of the monitor',
  async (endpoint, options) => (await drifting()).showCheck(endpoint, options),
  ['npx slipway drift show flights --html drift.html'],
  drift,
)
  .option('--seq <n>', 'this check, not the last one')
  .option('--html <file>', 'write the report as a page')
  .option(...json)
command(
  'calibrate <endpoint>',
  'how often its drift rules cry wolf, on blocks of its training rows; exit 17 if more often than declared',
  async (endpoint, options) => (await calibrating()).calibrate(endpoint, options),
  ['npx slipway drift calibrate flights --rows 10000'],
  drift,
)
  .option('--rows <n>', 'rows a check sees', '5000')
  .option('--span <duration>', 'time a check covers; by default as often as the monitor checks')
  .option('--runs <n>', 'checks to pretend', '200')
  .option(...json)
command(
  'signal <kind> <pipeline>',
  'tell the supervisor why it should retrain: drift, quality, labels, schedule',
  async (kind, pipeline, options) => (await supervising()).signal(kind, pipeline, options),
  ['npx slipway signal drift flights --reason "new winter timetable"'],
)
  .option('--reason <text>', 'why, for the record')
  .option('--as-of <time>', 'use no rows from this time on')
  .option(...json)
const retrain = program.command('retrain').description('what the supervisor of a pipeline does').exitOverride()
command(
  'status <pipeline>',
  'what it does, waits for, and did',
  async (pipeline, options) => (await supervising()).status(pipeline, options),
  [],
  retrain,
).option(...json)
for (const [verb, description] of [
  ['pause', 'begin no retraining until resumed'],
  ['resume', 'go on'],
] as const) {
  command(
    `${verb} <pipeline>`,
    description,
    async (pipeline, options) => (await supervising()).act(verb, pipeline, options),
    [],
    retrain,
  )
    .option('--reason <text>', 'why, for the record')
    .option(...json)
}
const labels = program.command('labels').description('what became of predictions').exitOverride()
command(
  'import <file>',
  'send the labels of a file to a gateway',
  async (file, options) => (await labelling()).importLabels(file, options),
  ['npx slipway labels import outcomes.parquet'],
  labels,
)
  .option('--endpoint <name>', 'the endpoint they are about, where a gateway serves several')
  .option(...json)
command(
  'trace <request>',
  'from a prediction to its model, run, snapshot, commit and label',
  async (request, options) => (await tracing()).trace(request, options),
).option(...json)
const schedule = program.command('schedule').description('what happens by itself').exitOverride()
command('list', 'all schedules', async (options) => (await scheduling()).list(options), [], schedule).option(...json)
for (const [verb, description] of [
  ['pause', 'until resumed'],
  ['resume', 'go on'],
  ['trigger', 'once, now'],
  ['backfill', 'for every time between --from and --to'],
] as const) {
  const added = command(
    `${verb} <owner> <name>`,
    description,
    async (owner, name, options) => (await scheduling()).act(verb, owner, name, options),
    [`npx slipway schedule ${verb} flights monitor${verb === 'backfill' ? ' --from 2001-06-01 --to 2001-06-30' : ''}`],
    schedule,
  )
  if (verb === 'backfill') added.option('--from <time>', 'first').option('--to <time>', 'last')
  added.option('--reason <text>', 'why, for the record').option(...json)
}
const batch = command(
  'batch [pipeline] [name]',
  'score the table of a day as a pipeline says, and wait for it; exit 18 when too many rows are bad',
  async (pipeline, name, options) => {
    if (pipeline === undefined || name === undefined)
      throw new SlipwayError('USAGE', 'batch needs a pipeline and the name of one of its batches', {
        next: 'slipway batch list, or slipway batch score <model> --from … --to …',
      })
    return (await batching()).batch(pipeline, name, options)
  },
  ['npx slipway batch flights nightly --date 2001-06-01', 'npx slipway batch flights nightly --date 2001-06-01 --redo'],
)
  .option('--date <day>', 'its day, or time (UTC); now by default')
  .option('--redo', 'score it anew and take the place of what was published; the one before is kept')
  .option(...json)
command(
  'score <model>',
  'score files with a model: no definition needed',
  async (model, options) => (await batching()).score(model, options),
  [
    'npx slipway batch score flights --from flights.parquet --to out/',
    'npx slipway batch score flights --model flights@3 --from "s3://lake/day=*/*.csv.gz" --to s3://scores/today/',
  ],
  batch,
)
  .requiredOption(
    '--from <files>',
    'a file, folder or glob, s3://… or https://…: parquet, CSV, newline-delimited JSON; gzip, zstd',
  )
  .requiredOption('--to <folder>', 'a folder, or s3://…/')
  .option('--model <version>', 'a version, flights@3; the champion by default')
  .option('--on-bad-row <what>', 'quarantine (default) or fail')
  .option('--max-bad-rows <share>', 'share that may be quarantined, 0.01 by default')
  .option('--keys <columns>', 'columns whose values occur once together')
  .option('--keep <columns>', 'columns of the input that go into the output; by default the inputs of the model')
  .option('--partition-by <columns>', 'columns whose values become folders')
  .option('--write <format>', 'parquet (default) or csv')
  .option('--delimiter <character>', 'of CSV in, where it is no comma (nor a tab in .tsv)')
  .option('--no-header', 'CSV in has no header: its columns are those of the model, in their order')
  .option('--redo', 'score again what was published')
  .option(...json)
command(
  'list',
  'what is defined, and what was published',
  async (options) => (await batching()).list(options),
  [],
  batch,
).option(...json)
command(
  'verify <batch>',
  'whether a batch is what its manifest says, some of it scored anew; exit 16 if not',
  async (what, options) => (await verifying()).verify(what, options),
  ['npx slipway verify flights/nightly/2001-06-01', 'npx slipway verify out/'],
).option(...json)
command('doctor', 'whether everything a run needs is there and works', async (options) =>
  (await platform()).doctor(options),
).option(...json)

program.configureOutput({ outputError: () => {} })
for (const each of [...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  each.configureOutput({ outputError: () => {} })

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
