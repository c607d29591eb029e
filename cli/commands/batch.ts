import { readBatches } from '../../client/batches.ts'
import { beginScoring, type ScoreWanted, writtenOut } from '../../client/score-files.ts'
import { startBatch } from '../../client/start-batch.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { batchId } from '../../lib/formats/batch-policy.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { BatchResult } from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { followAndShowBatch } from '../follow-batch.ts'
import { isoTime, type JsonOption } from '../options.ts'
import { print, printJson, seconds, table } from '../output.ts'

export interface BatchOptions extends JsonOption {
  readonly date?: string
  readonly redo?: boolean
}

/** `batch flights nightly --date 2001-06-01`: scores the table of a day as the pipeline says, and waits for it. */
export async function batch(owner: string, name: string, options: BatchOptions): Promise<number> {
  const context = openContext()
  const started = Date.now()
  const begun = await startBatch(context, owner, name, {
    ...(options.date !== undefined && { at: new Date(isoTime('--date', options.date)) }),
    redo: options.redo === true,
  })
  const result = await followAndShowBatch(context, begun)
  tell(result, Date.now() - started, options)
  return 0
}

export interface ScoreOptions extends JsonOption {
  readonly from: string
  readonly to: string
  readonly model?: string
  readonly onBadRow?: string
  readonly maxBadRows?: string
  readonly keys?: string
  readonly keep?: string
  readonly partitionBy?: string
  readonly write?: string
  readonly delimiter?: string
  readonly header?: boolean
  readonly explain?: boolean
  readonly redo?: boolean
}

/**
 * `batch score flights --from flights.parquet --to out/`: scores files with a version of a model; no definition needed.
 */
export async function score(model: string, options: ScoreOptions): Promise<number> {
  const context = openContext()
  const started = Date.now()
  const begun = await beginScoring(context, model, wantedBy(options))
  const result = await writtenOut(context.store, begun, await followAndShowBatch(context, begun))
  tell(result, Date.now() - started, options)
  return 0
}

/** What is asked for, without how it is shown. @throws SlipwayError USAGE */
function wantedBy(options: ScoreOptions): ScoreWanted {
  const list = (text: string | undefined): string[] | undefined => text?.split(',').map((each) => each.trim())
  const oneOf = <T extends string>(option: string, given: string | undefined, values: readonly T[]): T | undefined => {
    if (given === undefined || values.includes(given as T)) return given as T | undefined
    throw new SlipwayError('USAGE', `${option} ${given}: expected ${values.join(' or ')}`)
  }
  const maxBadRows = options.maxBadRows === undefined ? undefined : Number(options.maxBadRows)
  if (maxBadRows !== undefined && !(maxBadRows >= 0 && maxBadRows < 1))
    throw new SlipwayError('USAGE', `--max-bad-rows ${options.maxBadRows}: expected a share below 1`, {
      next: 'for example 0.01',
    })
  const { from, to, model, header, redo = false, explain } = options
  return {
    ...{ from, to, redo, explain, maxBadRows },
    ...(model !== undefined && { model }),
    write: oneOf('--write', options.write, ['parquet', 'csv']),
    delimiter: oneOf('--delimiter', options.delimiter, [',', '\t', ';', '|']),
    ...(header === false && { header }),
    onBadRow: oneOf('--on-bad-row', options.onBadRow, ['quarantine', 'fail']),
    keys: list(options.keys),
    keep: list(options.keep),
    partitionBy: list(options.partitionBy),
  }
}

function tell({ record, cached, shards, cachedShards }: BatchResult, ms: number, options: JsonOption): void {
  if (options.json === true) {
    printJson({
      ...record,
      batch: batchId(record.owner, record.name, record.slot),
      cached,
      shards,
      cachedShards,
      exitCode: 0,
    })
    return
  }
  const { rows, model, manifest, generation, supersedes, to } = record
  const rate = cached ? '' : `, ${Math.round(rows.scored / (ms / 1000)).toLocaleString('en')} rows a second`
  print(
    `${colors.green('✓')} ${batchId(record.owner, record.name, record.slot)}: ${cached ? 'published already' : `published in ${seconds(ms / 1000)}${rate}`}`,
  )
  print(
    `  rows      ${rows.scored.toLocaleString('en')} scored, ${rows.quarantined.toLocaleString('en')} set aside, of ${rows.read.toLocaleString('en')}`,
  )
  print(`  model     ${model.model} version ${model.version} (${shortDigest(model.digest)})`)
  if (!cached) print(`  shards    ${shards}${cachedShards === 0 ? '' : `, ${cachedShards} of them reused`}`)
  print(
    `  manifest  ${shortDigest(manifest.digest)}${generation === 1 ? '' : `, generation ${generation}${supersedes === null ? '' : `, in place of ${shortDigest(supersedes)}`}`}`,
  )
  if (to !== null) print(`  output    ${to}`)
}

/** `batch list`: what is defined, and which days of it are published. */
export async function list(options: JsonOption): Promise<number> {
  const found = await readBatches(openContext())
  if (options.json === true) printJson(found)
  else if (found.length === 0) print('no batch is defined')
  else
    print(
      table(
        ['batch', 'when (UTC)', 'from', 'to', 'published', 'last', 'rows', 'model'],
        found.map(({ owner, name, cron, from, to, slots, last }) => [
          `${owner} ${name}`,
          cron ?? 'when asked',
          from,
          to ?? '',
          String(slots.length),
          last?.slot ?? '',
          last === null ? '' : last.rows.scored.toLocaleString('en'),
          last === null ? '' : `${last.model.model}@${last.model.version}`,
        ]),
      ),
    )
  return 0
}
