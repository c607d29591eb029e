import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const answering = () => import('../commands/callback.ts')
const listening = () => import('../commands/listen.ts')
const syncing = () => import('../commands/sync.ts')
const writing = () => import('../commands/iac.ts')

/** SageMaker beside or below Slipway. */
export function sageMakerCommands(program: Usage): void {
  program.commandsGroup('SageMaker:')
  const iac = program.command('iac').description('write what sets another system up')
  iac
    .command('sagemaker-pipeline')
    .description('a SageMaker pipeline whose callback step asks for runs of a pipeline, as JSON')
    .takes('<pipeline>', kinds.name)
    .needs('--queue <address>', 'the SQS queue that it asks through', kinds.serverAddress)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .examples(
      'npx slipway iac sagemaker-pipeline flights --queue https://sqs.us-east-1.amazonaws.com/123456789012/slipway',
    )
    .does(async (pipeline, options) => (await writing()).sageMakerPipeline(pipeline, options))
  const sagemaker = program.command('sagemaker').description('what SageMaker asks for')
  sagemaker
    .command('callback')
    .description('the run that a callback step asks for; SageMaker is told how it ended')
    .takes('<message>', kinds.messageFile)
    .json()
    .examples('npx slipway sagemaker callback message.json', 'echo "$body" | npx slipway sagemaker callback -')
    .does(async (message, options) => (await answering()).callback(message, options))
  sagemaker
    .command('listen')
    .description('reads the queue of callback steps: runs what they ask for, and tells SageMaker how it ended')
    .needs('--queue <address>', 'the SQS queue', kinds.serverAddress)
    .offers('--at-once <n>', 'messages that are carried out at once, 10 by default', kinds.whole(1, 100))
    .offers(
      '--hold <duration>',
      'how long a message stays away after a listener is gone, 2m by default',
      kinds.duration,
    )
    .option('--until-empty', 'end when there is no message, with the first exit code that is not 0')
    .json()
    .examples('npx slipway sagemaker listen --queue https://sqs.us-east-1.amazonaws.com/123456789012/slipway')
    .does(async (options) => (await listening()).listenToQueue(options))
  sagemaker
    .command('sync')
    .description('takes in what people rejected in SageMaker after it was registered here; 13 where it is in force')
    .takes('<name>', kinds.name)
    .offers('--group <name>', 'the model package group; by default those that p.mirror named', kinds.packageGroup)
    .option('--roll-back', 'take what was rejected out of force: back to the last champion that was not')
    .json()
    .examples('npx slipway sagemaker sync flights', 'npx slipway sagemaker sync flights --roll-back --json')
    .does(async (model, options) => (await syncing()).sync(model, options))
}
