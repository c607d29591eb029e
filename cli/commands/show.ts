import { readArtifact } from '../../client/artifact.ts'
import type { StoreContext } from '../../client/context.ts'
import { registeredVersion } from '../../client/model-version.ts'
import { findEndedRun } from '../../client/runs.ts'
import { nearest } from '../../lib/code/nearest.ts'
import { type Bundle, mediaTypes, shortDigest } from '../../lib/formats/artifact.ts'
import { BacktestReport } from '../../lib/formats/backtest-report.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { Tuning } from '../../lib/formats/tuning.ts'
import { readSourceRead } from '../../lib/models/source-read.ts'
import { listModels } from '../../lib/store/registry.ts'
import type { Store } from '../../lib/store/store.ts'
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

export type ShowOptions = JsonOption & CompiledModelOptions & { readonly compiled?: boolean; readonly graph?: boolean }

/** A run, a model version (or what scores it), a view or all of them, or an artifact. */
export async function show(what: string, options: ShowOptions): Promise<number> {
  if (options.graph === true) return (await import('./show-graph.ts')).showGraph(what, options)
  const context = openContext()
  if (what.startsWith('view:')) return showView(context, what.slice('view:'.length), options)
  if (options.compiled === true || options.text === true) {
    const version = await registeredVersion(context.store, what)
    if (version === undefined) throw await unknown(context.store, what)
    return (await import('./show-compiled-model.ts')).showCompiledModel(version, options)
  }
  const run = await findEndedRun(context, what)
  if (run !== undefined) return showRun(context, run, options)
  const version = await registeredVersion(context.store, what)
  if (version !== undefined) return showModel(context, version, options)
  if (what === 'views') return showViews(context, options)
  const hex = what.replace(/^sha256:/, '')
  if (/^[0-9a-f]{6,64}$/.test(hex)) return showArtifact(context, hex, options)
  if (/-\d{8}-\d{6}-\w+$/.test(what)) return showRunning(context, what, options)
  throw await unknown(context.store, what)
}

async function unknown(store: Store, what: string): Promise<SlipwayError> {
  const names = await listModels(store)
  const meant = nearest(what, names)
  return new SlipwayError(
    'NOT_FOUND',
    `"${what}" is no finished run, model or artifact; models: ${names.join(', ') || 'none'}`,
    { next: meant === undefined ? 'see `slipway runs` and `slipway models`' : `did you mean "${meant}"?` },
  )
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
    const read = await readSourceRead(context.store, digest)
    const { kind: what, files } = content as Bundle
    print(`a ${what} of ${read.rows} rows in ${Object.keys(files).length - 1} files\n`)
    print(readTable(read, columnsOfSnapshot, `slipway show ${shortDigest(digest)} --json`))
  } else if (kind === 'backtest/1') print(backtestTable(BacktestReport.parse(content)))
  else if (kind === 'tuning/1') print(trialTable(Tuning.parse(content)))
  else if (content !== null) print(JSON.stringify(content, null, 2))
  else if (text.startsWith('PAR1')) print(await firstRows(context.store, digest))
  else if (!text.includes('\u0000') && !text.includes('\ufffd')) print(text)
  else print(`binary (${mediaTypes.onnx} or other)`)
  return 0
}

async function firstRows(store: Store, digest: string): Promise<string> {
  const { withDuckDb, rowsOf, text } = await import('../../lib/data/duckdb.ts')
  const { localFile } = await import('../../lib/store/objects.ts')
  const file = await localFile(store, digest)
  const rows = await withDuckDb(1, (connection) =>
    rowsOf(connection, `SELECT * FROM read_parquet(${text(file)}) LIMIT 20`),
  )
  const columns = Object.keys(rows[0] ?? {})
  return table(
    columns,
    rows.map((row) =>
      columns.map((column) => (row[column] instanceof Date ? row[column].toISOString() : String(row[column]))),
    ),
  )
}
