import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const models = () => import('../commands/models.ts')
const showing = () => import('../commands/show.ts')
const descending = () => import('../commands/lineage.ts')
const registering = () => import('../commands/register.ts')
const opening = () => import('../commands/open.ts')
const verifying = () => import('../commands/verify.ts')
const packaging = () => import('../commands/package.ts')
const tracing = () => import('../commands/trace.ts')

/** What was made, and from what. */
export function artifactCommands(program: Usage): void {
  program.commandsGroup('Models and artifacts:')
  program
    .command('models')
    .description('models with their versions and aliases')
    .json()
    .does(async (options) => (await models()).models(options))
  program
    .command('register')
    .description(
      'register a finished ONNX model, no definition needed: of rows, whose baseline are those of a snapshot (--on), or of tensors alone',
    )
    .takes('<file>', kinds.modelFile)
    .offers('--on <snapshot>', 'the first digits of the snapshot, as slipway show <run> has them', kinds.digest)
    .offers('--target <column>', 'with --on: the column of what it predicts', kinds.columns)
    .offers(
      '--task <what>',
      'with --on: binary, multiclass, or regression',
      kinds.oneOf('binary', 'multiclass', 'regression'),
    )
    .offers(
      '--samples <file>',
      'of tensors: inputs, as JSON or .npz, whose answers are its baseline',
      kinds.existingFile,
    )
    .offers('--input-version <n>', 'of tensors: raise it when the champion takes other inputs', kinds.whole(1))
    .offers('--name <model>', 'what it is registered as; by default as the file is called', kinds.name)
    .collects(
      '--feed <input=columns>',
      'the columns that feed an input, where it is not called as they are',
      kinds.feed,
    )
    .offers('--output <name>', 'the output that holds its scores, where several could', kinds.words)
    .offers('--class <class>', 'of several scores a row the class that counts, or its column, from 0', kinds.words)
    .offers('--endpoint <name>', 'serve it there: all at once, unless --canary says otherwise', kinds.name)
    .offers('--canary <shares>', 'by a canary: the shares of its steps, in percent', kinds.shares)
    .option('--shadow', 'mirror requests to it first, whose answers nobody gets')
    .offers('--min-samples <n>', 'requests that a step and a shadow have at least; 200', kinds.whole(1))
    .offers('--slow <ms>', 'answers that take longer count as slow; 250', kinds.whole(1))
    .offers('--within <time>', 'how long its rollout may take; 24h', kinds.duration)
    .offers('--check-every <time>', 'watch the endpoint this often for drift', kinds.duration)
    .offers('--psi <limit>', 'drift that is an alarm; 0.2', kinds.positive)
    .offers('--min-rows <n>', 'rows or items that a check needs; 500', kinds.whole(1))
    .option('--wait', 'follow the run; its result is the exit code')
    .json()
    .examples(
      'npx slipway register rain.onnx --on 3f9a1c22b0d4 --target rained --task binary --wait',
      'npx slipway register rain.onnx --on 3f9a1c22b0d4 --target rained --task binary --feed X=wind,temp_min --endpoint rain --wait',
      'MLFLOW_TRACKING_URI=http://127.0.0.1:5000 npx slipway register models:/encoder@champion --wait',
      'npx slipway register encoder.onnx --samples some.json --endpoint images --canary 5,25,50 --shadow --wait',
    )
    .does(async (file, options) => (await registering()).register(file, options))
  program
    .command('show')
    .description('a run, a model version, a view, or an artifact by digest')
    .takes('<what>', kinds.shown)
    .option('--compiled', 'of a model: what scores it, how that was proven, and how fast it is here')
    .option('--text', 'of a model: the code it is compiled to, as WebAssembly text')
    .option('--graph', 'of a run, ended or not: its steps, what each needs, and why it ran')
    .json()
    .examples(
      'npx slipway show flights@champion',
      'npx slipway show flights@3 --compiled',
      'npx slipway show 3f9a1c22b0d4',
      'npx slipway show views',
      'npx slipway show view:history',
    )
    .does(async (what, options) => (await showing()).show(what, options))
  program
    .command('open')
    .description('the report of a model, or of what a run packaged, drawn: a page that needs nothing else')
    .takes('<what>', kinds.modelOrRun)
    .offers('--html <file>', 'write the page there, and open no browser', kinds.path)
    .json()
    .examples('npx slipway open flights', 'npx slipway open flights@3 --html report.html')
    .does(async (what, options) => (await opening()).open(what, options))
  program
    .command('lineage')
    .description('what a model, snapshot, batch or prediction was made from, and what was made of it')
    .takes('<what>', kinds.traced)
    .json()
    .examples('npx slipway lineage flights@2', 'npx slipway lineage flights/nightly/2001-06-01')
    .does(async (what, options) => (await descending()).lineage(what, options))
  packageCommand(program)
  verifyCommand(program)
  program
    .command('trace')
    .description('from a prediction to its model, run, snapshot, commit and label')
    .takes('<request>', kinds.request)
    .json()
    .does(async (request, options) => (await tracing()).trace(request, options))
}

function packageCommand(program: Usage): void {
  program
    .command('package')
    .description(
      'a model to be taken elsewhere: a folder that scores offline and updates itself, or what containers serve',
    )
    .offers('--edge <model>', 'as a folder for a browser or Node; the model, or a version of it', kinds.modelVersion)
    .offers('--folder <model>', 'as a folder for a container', kinds.modelVersion)
    .offers('--sagemaker <model>', 'the same as model.tar.gz', kinds.modelVersion)
    .offers(
      '--oci <model>',
      'as the image of a container that serves it, written without an engine',
      kinds.modelVersion,
    )
    .offers(
      '--to <folder>',
      'where it is written; by default edge/<model>, containers/…, sagemaker/… or images/…',
      kinds.path,
    )
    .offers(
      '--channel <where>',
      'with --edge: publish it there, a path or s3://bucket/prefix, for folders that watch it',
      kinds.path,
    )
    .offers(
      '--probe <file>',
      'with --edge: rows that go along, to try the model on, instead of such as are made up',
      kinds.existingFile,
    )
    .offers(
      '--parts <folder>',
      'with --oci: has the packages that images are made of, which are got otherwise',
      kinds.path,
    )
    .json()
    .examples(
      'npx slipway package --edge flights',
      'npx slipway package --edge flights@3 --channel s3://models/flights/',
      'npx slipway package --sagemaker flights@champion',
      'npx slipway package --oci flights --to out/image',
    )
    .does(async (options) => (await packaging()).packageModel(options))
}

function verifyCommand(program: Usage): void {
  program
    .command('verify')
    .description('whether a model, made again from the store alone, is what is on record, or a batch; exit 16 if not')
    .takes('[what]', kinds.verified)
    .option('--all', 'all versions of the model, or of all models')
    .option('--commit', 'of a model: plan it anew from the commit on record, too')
    .option('--train-again', 'of a model that training jobs on SageMaker made: train by jobs again, which costs')
    .offers(
      '--tolerance <share>',
      'how far predictions of a learner that is not deterministic may be apart, 0.01 by default',
      kinds.shareBelowOne,
    )
    .json()
    .examples(
      'npx slipway verify flights@3',
      'npx slipway verify flights --commit',
      'npx slipway verify flights@3 --train-again',
      'npx slipway verify --all --json',
      'npx slipway verify flights/nightly/2001-06-01',
      'npx slipway verify out/',
    )
    .does(async (what, options) => (await verifying()).verify(what, options))
}
