import * as kinds from '../names.ts'
import { exportCommands } from './exports.ts'
import type { Usage } from './usage.ts'

const running = () => import('../commands/run.ts')
const rerunning = () => import('../commands/rerun.ts')
const planning = () => import('../commands/plan.ts')
const waiting = () => import('../commands/wait.ts')
const cancelling = () => import('../commands/cancel.ts')
const deciding = () => import('../commands/decide.ts')
const tracking = () => import('../commands/track.ts')
const shelling = () => import('../commands/shell.ts')
const standing = () => import('../commands/standing.ts')
const runs = () => import('../commands/runs.ts')
const explaining = () => import('../commands/why.ts')
const comparing = () => import('../commands/compare.ts')

/** From a definition to a registered model. */
export function runCommands(program: Usage): void {
  program.commandsGroup('Runs:')
  startCommands(program)
  program
    .command('wait')
    .description('follow a run that goes on, or has ended; its result is the exit code')
    .takes('<run>', kinds.id)
    .offers('--timeout <duration>', 'stop waiting after this long, exit 124; the run goes on', kinds.duration)
    .json()
    .examples('npx slipway wait flights-20261122-034512-k3x9 --timeout 2h')
    .does(async (run, options) => (await waiting()).wait(run, options))
  program
    .command('cancel')
    .description('stop a run: it gives back what it holds, and finished steps are kept')
    .takes('<run>', kinds.id)
    .json()
    .does(async (run, options) => (await cancelling()).cancel(run, options))
  for (const verb of ['approve', 'reject'] as const)
    program
      .command(verb)
      .description(`${verb} a run that waits for ${verb === 'approve' ? 'it' : 'approval'}`)
      .takes('<run>', kinds.id)
      .offers('--as <role>', 'the role you decide in, for the record; nobody checks it', kinds.words)
      .offers('--reason <text>', 'why, for the record', kinds.words)
      .json()
      .does(async (run, options) => (await deciding()).decide(verb, run, options))
  program
    .command('shell')
    .description('Node with exactly what a step of a finished run read')
    .takes('<run>', kinds.id)
    .needs('--at <step>', 'the step', kinds.name)
    .examples(
      'npx slipway shell flights-20261122-034512-k3x9 --at delays',
      'echo "step" | npx slipway shell flights-20261122-034512-k3x9 --at delays',
    )
    .does(async (run, options) => (await shelling()).shell(run, options))
  program
    .command('pipelines')
    .description('every pipeline with how it stands, in a sentence')
    .json()
    .does(async (options) => (await standing()).pipelines(options))
  program
    .command('waiting')
    .description('what waits for whom: runs and rollouts that somebody is to decide')
    .json()
    .does(async (options) => (await standing()).waiting(options))
  program
    .command('runs')
    .description('finished runs, the newest first')
    .takes('[pipeline]', kinds.name)
    .offers('--sort <metric>', 'the best first', kinds.metric)
    .offers('--limit <n>', 'how many, 20 by default', kinds.whole(1, 100_000))
    .json()
    .examples('npx slipway runs flights --sort auc')
    .does(async (pipeline, options) => (await runs()).runs(pipeline, options))
  program
    .command('track')
    .description('write runs, model versions and aliases of a pipeline to an MLflow tracking server')
    .takes('<pipeline>', kinds.name)
    .needs('--mlflow <address>', 'where the server is, or databricks', kinds.trackingServer)
    .offers('--schema <catalog.schema>', 'of Databricks: where models are registered', kinds.catalogSchema)
    .offers('--folder <path>', 'of Databricks: where experiments lie, /Shared by default', kinds.workspaceFolder)
    .option('--pull', 'take in what people decided there first: approvals, and champions set back')
    .json()
    .examples(
      'npx slipway track flights --mlflow http://127.0.0.1:5000',
      'npx slipway track flights --mlflow http://127.0.0.1:5000 --pull',
      'npx slipway track flights --mlflow databricks --schema main.models',
    )
    .does(async (pipeline, options) => (await tracking()).track(pipeline, options))
  program
    .command('why')
    .description('why a step of the last run ran or was reused')
    .takes('<step>', kinds.step)
    .offers('--run <run>', 'of this run', kinds.id)
    .json()
    .examples('npx slipway why delays')
    .does(async (step, options) => (await explaining()).why(step, options))
  program
    .command('compare')
    .description('what differs between two runs')
    .takes('<run>', kinds.id)
    .takes('<other>', kinds.id)
    .offers('--html <file>', "draw the other run's model beside the first one's, as a page", kinds.path)
    .json()
    .does(async (a, b, options) => (await comparing()).compare(a, b, options))
  exportCommands(program)
}

/** What is planned and started. */
function startCommands(program: Usage): void {
  program
    .command('plan')
    .description('what a run would do now, and why')
    .takes('<pipeline>', kinds.name)
    .collects('--set <name=value>', 'change a parameter', kinds.setting)
    .option('--no-types', 'do not check the types')
    .offers(
      '--against <what>',
      'compare with the run that made the champion, not with the last run',
      kinds.oneOf('champion'),
    )
    .option('--detailed-exitcode', 'exit 3 where a run would do something, 0 where it would not')
    .offers('--markdown <file>', 'write it as a page of Markdown, for a comment on a pull request', kinds.path)
    .offers('--code-quality <file>', 'write what is wrong as a report of GitLab’s Code Quality', kinds.path)
    .json()
    .examples(
      'npx slipway plan flights',
      'npx slipway plan flights --set leaves=15',
      'npx slipway plan flights --against champion --detailed-exitcode --markdown plan.md',
    )
    .does(async (pipeline, options) => (await planning()).plan(pipeline, options))
  program
    .command('run')
    .description('start a run')
    .takes('[pipeline]', kinds.name)
    .option('--wait', 'follow the run; its result is the exit code')
    .offers('--timeout <duration>', 'stop waiting after this long, exit 124; the run goes on', kinds.duration)
    .collects('--set <name=value>', 'change a parameter', kinds.setting)
    .collects('--snapshot <digest>', 'use this snapshot instead of reading the source', kinds.snapshot)
    .offers('--from <file>', 'read this instead of what the definition says (in place of the only source)', kinds.path)
    .offers('--as-of <time>', 'the day or time that counts as now for splits by age', kinds.time)
    .collects('--change-view <view>', 'make the definition here the view’s, whoever uses another one', kinds.name)
    .offers('--plan <file>', 'run this plan, as export writes it, instead of the definition', kinds.existingFile)
    .option('--no-types', 'do not check the types')
    .offers('--junit <file>', 'write a JUnit report (waits)', kinds.path)
    .offers('--code-quality <file>', 'write what is wrong as a report of GitLab’s Code Quality (waits)', kinds.path)
    .option('--local', 'in this process, without Temporal, up to the gates; registers nothing')
    .offers(
      '--inspect [port]',
      'with --local: wait for a debugger; your functions run again, and breakpoints in them hold',
      kinds.whole(0, 65_535),
    )
    .json()
    .examples(
      'npx slipway run flights --wait',
      'npx slipway run flights --wait --set trees=50 --junit report.xml',
      'npx slipway run flights --local --inspect',
    )
    .does(async (pipeline, options) => (await running()).run(pipeline, options))
  program
    .command('rerun')
    .description('run again what a run was asked for, on the bytes that it read')
    .takes('<run>', kinds.id)
    .needs(
      '--plan <which>',
      'same: the plan of that run; new: what the definition here makes of its parameters',
      kinds.oneOf('same', 'new'),
    )
    .option('--wait', 'follow the run; its result is the exit code')
    .offers('--timeout <duration>', 'stop waiting after this long, exit 124; the run goes on', kinds.duration)
    .json()
    .examples(
      'npx slipway rerun flights-20261122-034512-k3x9 --plan same --wait',
      'npx slipway rerun flights-20261122-034512-k3x9 --plan new --wait',
    )
    .does(async (run, options) => (await rerunning()).rerun(run, options))
}
