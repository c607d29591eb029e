import { Option } from 'commander'
import { templates } from '../../lib/proposal/templates.ts'
import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

// Commands are imported when they are called: the command line itself starts at once.
const platform = () => import('../commands/platform.ts')
const state = () => import('../commands/status.ts')
const starting = () => import('../commands/start.ts')
const initialising = () => import('../commands/init.ts')
const looking = () => import('../commands/console.ts')
const recovering = () => import('../commands/recover.ts')
const restoring = () => import('../commands/restore.ts')

/** The embedded platform, and what stands before it: a project. */
export function platformCommands(program: Usage): void {
  program.commandsGroup('A project:')
  initCommand(program)
  program.commandsGroup('The platform:')
  program
    .command('up')
    .description('start the embedded platform: Temporal, S3, a worker and a gateway')
    .option('--detach', 'leave it running in the background')
    .option('--adopt-store', 'go on with a store that is not the one of before, which is lost')
    .json()
    .examples('npx slipway up --detach')
    .does(async (options) => (await platform()).up(options))
  program
    .command('down')
    .description('stop the embedded platform')
    .json()
    .does(async (options) => (await platform()).down(options))
  program
    .command('status')
    .description('what is up and where')
    .json()
    .addOption(new Option('--env', 'print shell exports (they hold secrets)').conflicts('json'))
    .examples(
      'npx slipway status --json',
      'eval "$(npx slipway status --env)"  # point another folder at this platform',
    )
    .does(async (options) => (await state()).status(options))
  program
    .command('console')
    .description('the console alone, a page to look at and to decide by, until it is stopped')
    .offers('--port <port>', '8082 by default', kinds.whole(0, 65_535))
    .offers('--host <address>', '127.0.0.1 by default', kinds.host)
    .examples('npx slipway console --port 9000')
    .does(async (options) => (await looking()).console(options))
  program
    .command('start')
    .description('the platform, and the whole life of a pipeline in fast time: what npm start does')
    .takes('[pipeline]', kinds.name)
    .addOption(
      new Option('--target <where>', 'tell how a model lives there: on the fake of SageMaker').choices([
        'sagemaker-fake',
      ]),
    )
    .option('--keep', 'leave the platform up to be looked at; it always is')
    .collects('--set <name=value>', 'change a parameter', kinds.setting)
    .json()
    .examples('npx slipway start weather')
    .does(async (pipeline, options) => (await starting()).start(pipeline, options))
  program
    .command('doctor')
    .description('whether everything a run needs is there and works')
    .json()
    .does(async (options) => (await platform()).doctor(options))
  program
    .command('recover')
    .description('bring back what Temporal lost: owners, rollouts, monitors and schedules, as the store says')
    .option('--dry-run', 'only say what is lost')
    .option('--adopt-store', 'have Temporal work with this store, where it has worked with another one that is lost')
    .json()
    .examples('npx slipway recover --dry-run')
    .does(async (options) => (await recovering()).recoverAndTell(options))
  program
    .command('restore')
    .description('take a broken ref back to the last good generation of its log')
    .takes('<ref>', kinds.ref)
    .json()
    .examples('npx slipway restore routes/flights')
    .does(async (ref, options) => (await restoring()).restoreAndTell(ref, options))
}

function initCommand(program: Usage): void {
  program
    .command('init')
    .description('write a pipeline over a table of yours, with its tests, into this folder: what it guesses it says')
    .offers('--from <file>', 'the table: CSV, parquet or JSON; a made-up one of flats by default', kinds.path)
    .offers('--target <column>', 'the column to predict', kinds.words)
    .offers('--template <kind>', 'tabular (default), python, onnx or batch', kinds.oneOf(...templates))
    .offers('--model <file>', 'the finished model of --template onnx', kinds.path)
    .offers('--name <pipeline>', 'its name; that of the target by default', kinds.name)
    .option('--yes', 'ask nothing')
    .option('--no-install', 'do not install the packages that package.json then names')
    .json()
    .examples(
      'npx slipway init --from data/customers.csv --target churned',
      'npx slipway init --template onnx --model model.onnx --from rows.csv',
    )
    .does(async (options) => (await initialising()).init(options))
}
