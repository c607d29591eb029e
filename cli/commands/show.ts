import { readArtifact } from '../../client/artifact.ts'
import type { StoreContext } from '../../client/context.ts'
import { registeredVersion, unknownName } from '../../client/model-version.ts'
import { findEndedRun } from '../../client/runs.ts'
import { type Bundle, mediaTypes, shortDigest } from '../../lib/formats/artifact.ts'
import { BacktestReport } from '../../lib/formats/backtest-report.ts'
import { RowSchema } from '../../lib/formats/row-schema.ts'
import { Tuning } from '../../lib/formats/tuning.ts'
import { backtestTable } from '../backtests.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { showView, showViews } from '../show-view.ts'
import { readTable } from '../source-read.ts'
import { trialTable } from '../trials.ts'
import type { CompiledModelOptions } from './show-compiled-model.ts'
import { showModel } from './show-model.ts'
import { showRun, showRunning } from './show-run.ts'

/** Columns of what was read that are shown with its snapshot; `--json` shows all. */
const columnsOfSnapshot = 200
/** Rows of a table that are shown. */
const rowsOfTable = 20

export type ShowOptions = JsonOption & CompiledModelOptions & { readonly compiled?: boolean; readonly graph?: boolean }

/** A run, a model version (or what scores it), a view or all of them, or an artifact. */
export async function show(what: string, options: ShowOptions): Promise<number> {
  if (options.graph === true) return (await import('./show-graph.ts')).showGraph(what, options)
  const context = openContext()
  if (what.startsWith('view:')) return showView(context, what.slice('view:'.length), options)
  if (options.compiled === true || options.text === true)
    return (await import('./show-compiled-model.ts')).showCompiledModel(what, options)
  const run = await findEndedRun(context, what)
  if (run !== undefined) return showRun(context, run, options)
  const version = await registeredVersion(context.store, what)
  if (version !== undefined) return showModel(context, version, options)
  if (what === 'views') return showViews(context, options)
  const hex = what.replace(/^sha256:/, '')
  if (/^[0-9a-f]{6,64}$/.test(hex)) return showArtifact(context, hex, options)
  if (/-\d{8}-\d{6}-\w+$/.test(what)) return showRunning(context, what, options)
  const said = `"${what}" is no finished run, model or artifact; models:`
  throw await unknownName(context.store, what, said, 'see `slipway runs` and `slipway models`')
}

async function showArtifact(context: StoreContext, hex: string, options: JsonOption): Promise<number> {
  const { bytes, ...document } = await readArtifact(context, hex)
  if (options.json === true) {
    printJson(document)
    return 0
  }
  const { digest, size, content, profile } = document
  const kind = (content as { slipway?: string } | null)?.slipway
  const text = bytes.toString('utf8')
  print(`${digest}  ${size} bytes`)
  if (profile !== undefined) {
    const { kind: what, files, facts } = content as Bundle
    const read = { rows: facts.rows as number, profile, schema: RowSchema.parse(facts.schema) }
    print(`a ${what} of ${read.rows} rows in ${Object.keys(files).length - 1} files\n`)
    print(readTable(read, columnsOfSnapshot, `slipway show ${shortDigest(digest)} --json`))
  } else if (kind === 'backtest/1') print(backtestTable(BacktestReport.parse(content)))
  else if (kind === 'tuning/1') print(trialTable(Tuning.parse(content)))
  else if (content !== null) print(JSON.stringify(content, null, 2))
  else if (text.startsWith('PAR1')) print(await firstRows(context, digest))
  else if (!text.includes('\u0000') && !text.includes('\ufffd')) print(text)
  else print(`binary (${mediaTypes.onnx} or other)`)
  return 0
}

async function firstRows(context: StoreContext, digest: string): Promise<string> {
  const { readFirstRows } = await import('../../client/first-rows.ts')
  const rows = await readFirstRows(context, digest, rowsOfTable)
  const columns = Object.keys(rows[0] ?? {})
  return table(
    columns,
    rows.map((row) =>
      columns.map((column) => (row[column] instanceof Date ? row[column].toISOString() : String(row[column]))),
    ),
  )
}
