import { SlipwayError } from '../../lib/formats/errors.ts'
import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const batching = () => import('../commands/batch.ts')
const scheduling = () => import('../commands/schedule.ts')

/** Tables that are scored whole, and what happens by itself. */
export function batchCommands(program: Usage): void {
  program.commandsGroup('Batches and schedules:')
  const batch = program
    .command('batch')
    .description('score the table of a day as a pipeline says, and wait for it; exit 18 when too many rows are bad')
    .takes('[pipeline]', kinds.name)
    .takes('[name]', kinds.name)
    .offers('--date <day>', 'its day, or time (UTC); now by default', kinds.time)
    .option('--redo', 'score it anew and take the place of what was published; the one before is kept')
    .json()
    .examples(
      'npx slipway batch flights nightly --date 2001-06-01',
      'npx slipway batch flights nightly --date 2001-06-01 --redo',
    )
    .does(async (pipeline, name, options) => {
      if (pipeline === undefined || name === undefined)
        throw new SlipwayError('USAGE', 'batch needs a pipeline and the name of one of its batches', {
          next: 'slipway batch list, or slipway batch score <model> --from … --to …',
        })
      return (await batching()).batch(pipeline, name, options)
    })
  scoreCommand(batch)
  batch
    .command('list')
    .description('what is defined, and what was published')
    .json()
    .does(async (options) => (await batching()).list(options))
  batch
    .command('show')
    .description('what is published of a partition, shard by shard, and how far it is while it is scored')
    .takes('<owner>', kinds.name)
    .takes('<batch>', kinds.name)
    .takes('<partition>', kinds.partitionName)
    .json()
    .examples('npx slipway batch show flights nightly 2001-06-01')
    .does(async (owner, name, slot, options) =>
      (await import('../commands/show-batch.ts')).showBatch(owner, name, slot, options),
    )
  scheduleCommands(program.command('schedule').description('what happens by itself'))
}

function scoreCommand(batch: Usage): void {
  batch
    .command('score')
    .description('score files with a model: no definition needed')
    .takes('<model>', kinds.modelVersion)
    .needs(
      '--from <files>',
      'a file, folder or glob, s3://… or https://…: parquet, CSV, newline-delimited JSON; gzip, zstd',
      kinds.path,
    )
    .needs('--to <folder>', 'a folder, or s3://…/', kinds.path)
    .offers('--model <version>', 'a version, flights@3; the champion by default', kinds.modelVersion)
    .offers('--on-bad-row <what>', 'quarantine (default) or fail', kinds.oneOf('quarantine', 'fail'))
    .offers('--max-bad-rows <share>', 'share that may be quarantined, 0.01 by default', kinds.shareBelowOne)
    .offers('--keys <columns>', 'columns whose values occur once together', kinds.columns)
    .offers(
      '--keep <columns>',
      'columns of the input that go into the output; by default the inputs of the model',
      kinds.columns,
    )
    .offers('--partition-by <columns>', 'columns whose values become folders', kinds.columns)
    .offers('--write <format>', 'parquet (default) or csv', kinds.oneOf('parquet', 'csv'))
    .offers(
      '--delimiter <character>',
      'of CSV in, where it is no comma (nor a tab in .tsv)',
      kinds.oneOf(',', '\t', ';', '|'),
    )
    .option('--no-header', 'CSV in has no header: its columns are those of the model, in their order')
    .option('--explain', 'one more column: why each answer is what it is')
    .option('--redo', 'score again what was published')
    .json()
    .examples(
      'npx slipway batch score flights --from flights.parquet --to out/',
      'npx slipway batch score flights --model flights@3 --from "s3://lake/day=*/*.csv.gz" --to s3://scores/today/',
    )
    .does(async (model, options) => (await batching()).score(model, options))
}

function scheduleCommands(schedule: Usage): void {
  schedule
    .command('list')
    .description('all schedules')
    .json()
    .does(async (options) => (await scheduling()).list(options))
  for (const [verb, description] of [
    ['pause', 'until resumed'],
    ['resume', 'go on'],
    ['trigger', 'once, now'],
    ['backfill', 'for every time between --from and --to'],
  ] as const) {
    const added = schedule
      .command(verb)
      .description(description)
      .takes('<owner>', kinds.name)
      .takes('<name>', kinds.name)
    if (verb === 'backfill') added.needs('--from <time>', 'first', kinds.time).needs('--to <time>', 'last', kinds.time)
    added
      .offers('--reason <text>', 'why, for the record', kinds.words)
      .json()
      .examples(
        `npx slipway schedule ${verb} flights monitor${verb === 'backfill' ? ' --from 2001-06-01 --to 2001-06-30' : ''}`,
      )
      .does(async (owner, name, options) => (await scheduling()).act(verb, owner, name, options))
  }
}
