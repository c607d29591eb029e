import { WorkflowNotFoundError } from '@temporalio/common'
import { nearest } from '../../lib/code/nearest.ts'
import { mediaTypes, shortDigest } from '../../lib/formats/artifact.ts'
import { BacktestReport } from '../../lib/formats/backtest-report.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { Evaluation } from '../../lib/formats/evaluation.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { Tuning } from '../../lib/formats/tuning.ts'
import { modelFiles } from '../../lib/models/model.ts'
import { readSourceRead } from '../../lib/models/source-read.ts'
import { agreementInWords, decidedHead, decidedRows } from '../../lib/stats/decided.ts'
import { passOver } from '../../lib/store/broken.ts'
import { getBytes } from '../../lib/store/objects.ts'
import { listModels, readVersion } from '../../lib/store/registry.ts'
import { readWholeRun } from '../../lib/store/runs.ts'
import type { Store } from '../../lib/store/store.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { findArtifact } from '../artifact.ts'
import { backtestLines, backtestTable } from '../backtests.ts'
import { besideLinear, besideLinearTable } from '../beside-linear.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext, workflowLink } from '../context.ts'
import { registeredVersion } from '../model-version.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, seconds, table } from '../output.ts'
import { runJson, summaryLines } from '../report.ts'
import { showView, showViews } from '../show-view.ts'
import { readTable, sourcesOf } from '../source-read.ts'
import { trialLines, trialTable } from '../trials.ts'
import type { CompiledModelOptions } from './show-compiled-model.ts'

/** Columns of what was read that are shown with a run, and with its snapshot; `--json` shows all. */
const columnsOfRun = 20
const columnsOfSnapshot = 200

export type ShowOptions = JsonOption & CompiledModelOptions & { readonly compiled?: boolean }

/** A run, a model version (or what scores it), a view or all of them, or an artifact. */
export async function show(what: string, options: ShowOptions): Promise<number> {
  const context = openContext()
  if (what.startsWith('view:')) return showView(context.store, what.slice('view:'.length), options)
  if (options.compiled === true || options.text === true) {
    const version = await registeredVersion(context.store, what)
    if (version === undefined) throw await unknown(context.store, what)
    return (await import('./show-compiled-model.ts')).showCompiledModel(version, options)
  }
  const record = await readWholeRun(context.store, what)
  if (record !== undefined) return showRun(context, record, options)
  const version = await registeredVersion(context.store, what)
  if (version !== undefined) return showModel(context.store, version, options)
  if (what === 'views') return showViews(context.store, options)
  const hex = what.replace(/^sha256:/, '')
  if (/^[0-9a-f]{6,64}$/.test(hex)) return showArtifact(context.store, hex, options)
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

async function showRun({ settings, store }: CliContext, record: RunRecord, options: JsonOption): Promise<number> {
  if (options.json === true) {
    printJson({
      ...(runJson(record) as object),
      origin: record.origin,
      startedAt: record.startedAt,
      finishedAt: record.finishedAt,
    })
    return 0
  }
  print(`${colors.bold(record.runId)}  ${record.status}, ${record.startedAt}`)
  print(
    Object.entries(record.origin)
      .map(([name, value]) => `${name} ${value.startsWith('sha256:') ? shortDigest(value) : value}`)
      .join('  '),
  )
  print('')
  print(
    table(
      ['step', 'time', 'made', 'outputs'],
      record.steps.map(({ name, cached, seconds: took, summary, outputs }) => [
        name,
        cached ? 'reused' : seconds(took),
        summary,
        outputs.map((output) => `${output.name} ${shortDigest(output.digest)}`).join('  '),
      ]),
    ),
  )
  for (const { step, snapshot, read } of await sourcesOf(store, record)) {
    print(`\n${colors.bold(step)}  ${read.rows} rows were read`)
    print(readTable(read, columnsOfRun, `slipway show ${shortDigest(snapshot)}`))
  }
  for (const line of await backtestLines(store, record)) print(line)
  for (const line of await trialLines(store, record)) print(line)
  for (const line of summaryLines(record, workflowLink(settings, record.workflowId))) print(line)
  return 0
}

async function showRunning(context: CliContext, runId: string, options: JsonOption): Promise<number> {
  const { client } = await context.temporal()
  const workflowId = runWorkflowId(runId)
  const description = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch((error) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error
    })
  if (description === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no run ${runId}`, { next: 'see `slipway runs`' })
  const document = { runId, workflowId, status: description.status.name.toLowerCase() }
  if (options.json === true) printJson(document)
  else print(`${runId} is ${document.status}\n  look  ${workflowLink(context.settings, workflowId)}`)
  return 0
}

async function showModel(
  store: Store,
  { model: name, version, digest }: ModelVersion,
  options: JsonOption,
): Promise<number> {
  const bundle = JSON.parse((await getBytes(store, digest)).toString('utf8'))
  const record = await passOver(readVersion(store, name, digest))
  const run = record === undefined ? undefined : await readWholeRun(store, record.run)
  const beside = await besideLinear(store, run, bundle.files[modelFiles.training]?.digest)
  if (options.json === true) {
    const evaluation = record?.evaluation == null ? null : await getEvaluation(store, record.evaluation.digest)
    printJson({
      name,
      version,
      digest,
      record,
      bundle,
      gates: run?.gates ?? [],
      evaluation,
      linear: beside?.linear ?? null,
    })
    return 0
  }
  print(`${colors.bold(`${name} version ${version}`)}  ${digest}`)
  if (record !== undefined)
    print(
      `made by run ${record.run}, ${record.registeredAt}; commit ${run?.origin.commit ?? 'unknown'} (${run?.origin.tree ?? 'unknown'})`,
    )
  print('')
  print(
    table(
      ['file', 'bytes', 'digest'],
      Object.entries(bundle.files as Record<string, { size: number; digest: string }>).map(([file, ref]) => [
        file,
        String(ref.size),
        shortDigest(ref.digest),
      ]),
    ),
  )
  if (record !== undefined)
    print(
      `\n${table(
        ['metric', 'value'],
        Object.entries(record.metrics).map(([metric, value]) => [metric, String(value)]),
      )}`,
    )
  if (beside !== undefined) print(`\n${besideLinearTable(beside)}`)
  if (record?.evaluation != null) {
    const evaluation = await getEvaluation(store, record.evaluation.digest)
    showClasses(evaluation)
    showAnswers(evaluation)
    showImportance(evaluation)
  }
  print(`\n${(await getBytes(store, bundle.files['card.md'].digest)).toString('utf8')}`)
  return 0
}

async function getEvaluation(store: Store, digest: string): Promise<Evaluation> {
  return Evaluation.parse(JSON.parse((await getBytes(store, digest)).toString('utf8')))
}

/** How each of several classes does. */
function showClasses({ outputs = [], classes = [] }: Evaluation): void {
  if (classes.length === 0) return
  const share = (value: number): string => value.toFixed(3)
  print(
    `\n${table(
      ['class', 'rows', 'taken for it', 'precision', 'recall', 'F1'],
      classes.map(({ rows, predicted, precision, recall, f1 }, i) => [
        outputs[i] ?? '',
        String(rows),
        String(predicted),
        share(precision),
        share(recall),
        share(f1),
      ]),
    )}`,
  )
}

/** What a function answered, and what came of those rows. */
function showAnswers({ answers, task }: Evaluation): void {
  if (answers === undefined) return
  print(`\n${table(decidedHead(answers, task), decidedRows(answers))}`)
  const agreement = agreementInWords(answers)
  if (agreement !== '') print(agreement)
}

const importanceInWords = {
  binary: 'AUC lost when shuffled',
  multiclass: 'log loss gained when shuffled',
  regression: 'RMSE gained when shuffled',
  quantiles: 'pinball loss gained when shuffled',
  ranking: 'NDCG lost when shuffled',
} as const

/** Which features the model rests on, as bars. */
function showImportance({ task, importance }: Evaluation): void {
  const [first] = importance
  if (first === undefined) return
  const bar = (loss: number): string => '█'.repeat(Math.max(0, Math.round((20 * loss) / Math.max(first.loss, 1e-12))))
  print(
    `\n${table(
      ['feature', importanceInWords[task], ''],
      importance.map(({ feature, loss, spread }) => [
        feature,
        `${loss.toPrecision(3)} ± ${spread.toPrecision(1)}`,
        bar(loss),
      ]),
    )}`,
  )
}

async function showArtifact(store: Store, hex: string, options: JsonOption): Promise<number> {
  const digest = await findArtifact(store, hex)
  if (digest === undefined)
    throw new SlipwayError('NOT_FOUND', `no artifact begins with ${hex}`, {
      next: 'see the outputs in `slipway show <run>`',
    })
  const bytes = await getBytes(store, digest)
  const text = bytes.toString('utf8')
  const content = isJson(text) ? JSON.parse(text) : null
  const isProfiled = content?.slipway === 'bundle/1' && content.files['profile.json'] !== undefined
  if (options.json === true) {
    const read = isProfiled ? { profile: (await readSourceRead(store, digest)).profile } : {}
    printJson({ digest, size: bytes.length, content, ...read })
    return 0
  }
  print(`${digest}  ${bytes.length} bytes`)
  if (isProfiled) {
    const read = await readSourceRead(store, digest)
    print(`a ${content.kind} of ${read.rows} rows in ${Object.keys(content.files).length - 1} files\n`)
    print(readTable(read, columnsOfSnapshot, `slipway show ${shortDigest(digest)} --json`))
  } else if (content?.slipway === 'backtest/1') print(backtestTable(BacktestReport.parse(content)))
  else if (content?.slipway === 'tuning/1') print(trialTable(Tuning.parse(content)))
  else if (content !== null) print(JSON.stringify(content, null, 2))
  else if (text.startsWith('PAR1')) print(await firstRows(store, digest))
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
