import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const drifting = () => import('../commands/drift.ts')
const calibrating = () => import('../commands/calibrate.ts')
const supervising = () => import('../commands/supervise.ts')
const labelling = () => import('../commands/labels.ts')

/** Monitors, labels and retrainings. */
export function watchingCommands(program: Usage): void {
  program.commandsGroup('Watching:')
  driftCommands(program.command('drift').description('how what is served differs from the training rows'))
  program
    .command('signal')
    .description('tell the supervisor why it should retrain: drift, quality, labels, schedule')
    .takes('<kind>', kinds.oneOf('drift', 'quality', 'labels', 'schedule'))
    .takes('<pipeline>', kinds.name)
    .offers('--reason <text>', 'why, for the record', kinds.words)
    .offers('--as-of <time>', 'use no rows from this time on', kinds.time)
    .json()
    .examples('npx slipway signal drift flights --reason "new winter timetable"')
    .does(async (kind, pipeline, options) => (await supervising()).signal(kind, pipeline, options))
  const retrain = program.command('retrain').description('what the supervisor of a pipeline does')
  retrain
    .command('status')
    .description('what it does, waits for, and did')
    .takes('<pipeline>', kinds.name)
    .json()
    .does(async (pipeline, options) => (await supervising()).status(pipeline, options))
  for (const [verb, description] of [
    ['pause', 'begin no retraining until resumed'],
    ['resume', 'go on'],
  ] as const)
    retrain
      .command(verb)
      .description(description)
      .takes('<pipeline>', kinds.name)
      .offers('--reason <text>', 'why, for the record', kinds.words)
      .json()
      .does(async (pipeline, options) => (await supervising()).act(verb, pipeline, options))
  program
    .command('labels')
    .description('what became of predictions')
    .command('import')
    .description('send the labels of a file to a gateway')
    .takes('<file>', kinds.existingFile)
    .offers('--endpoint <name>', 'the endpoint they are about, where a gateway serves several', kinds.name)
    .option('--classes', 'they are names of classes')
    .json()
    .examples('npx slipway labels import outcomes.parquet')
    .does(async (file, options) => (await labelling()).importAndTell(file, options))
}

function driftCommands(drift: Usage): void {
  drift
    .command('check')
    .description('judge the rules of the monitor now: on the last check, or on a file; exit 17 on an alarm')
    .takes('<endpoint>', kinds.name)
    .offers('--from <file>', 'rows to judge: parquet, CSV or JSON', kinds.path)
    .offers(
      '--against <version>',
      'the version whose training rows count; the champion by default',
      kinds.versionOrChampion,
    )
    .option('--exact', 'compare the columns as they come with the whole snapshot, every row of both')
    .offers('--html <file>', 'write the report as a page', kinds.path)
    .json()
    .examples(
      'npx slipway drift check flights',
      'npx slipway drift check flights --from flights-june.parquet --against champion',
    )
    .does(async (endpoint, options) => (await drifting()).check(endpoint, options))
  drift
    .command('show')
    .description('a check of the monitor')
    .takes('<endpoint>', kinds.name)
    .offers('--seq <n>', 'this check, not the last one', kinds.whole(0))
    .offers('--html <file>', 'write the report as a page', kinds.path)
    .json()
    .examples('npx slipway drift show flights --html drift.html')
    .does(async (endpoint, options) => (await drifting()).showCheck(endpoint, options))
  drift
    .command('calibrate')
    .description(
      'how often its drift rules cry wolf, on blocks of its training rows; exit 17 if more often than declared',
    )
    .takes('<endpoint>', kinds.name)
    .offers('--rows <n>', 'rows a check sees, 5000 by default', kinds.whole(1))
    .offers('--span <duration>', 'time a check covers; by default as often as the monitor checks', kinds.duration)
    .offers('--runs <n>', 'checks to pretend, 200 by default', kinds.whole(1, 1_000_000))
    .json()
    .examples('npx slipway drift calibrate flights --rows 10000')
    .does(async (endpoint, options) => (await calibrating()).calibrate(endpoint, options))
}
