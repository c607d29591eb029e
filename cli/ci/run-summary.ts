import type { RunDocument } from '../../client/run-document.ts'
import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import { show } from '../../lib/formats/show-number.ts'
import { code, commandBlock, folded, markdownTable, plain } from '../../lib/reports/markdown.ts'
import type { ModelReport } from '../../lib/reports/model-report.ts'
import type { MeasuredMetric } from '../../lib/stats/model-quality.ts'

/** What is known of drift of an endpoint: its last check. */
export type Drift = Pick<MonitorReport, 'endpoint' | 'seq' | 'at' | 'verdict' | 'rules'>

/** What a page about a run is made of. */
export interface RunTold {
  readonly record: RunDocument
  /** Where to look at its workflow: an address, or the name of it. */
  readonly link: string
  /** Its page in the console; undefined where nobody knows where that is. */
  readonly page: string | undefined
  /** Of the model it packaged, where it packaged one. */
  readonly report: Pick<ModelReport, 'judged' | 'against'> | undefined
  /** Of endpoints that it deploys to and that are watched. */
  readonly drift: readonly Drift[]
}

/** A run as a page of Markdown, for the summary of a job. What users named or wrote stays text. */
export function runSummary({ record, link, page, report, drift }: RunTold): string {
  return [
    head(record),
    ...gateSection(record),
    ...metricSection(record, report),
    ...drift.map(driftSection),
    stepSection(record),
    folded('Do it again', commandBlock(commandsFor(record).join('\n'))),
    [
      `run ${code(record.runId)}`,
      `plan ${code(record.plan.digest)}`,
      ...(page === undefined ? [] : [linked('console', page)]),
      linked('workflow', link),
    ].join(', '),
  ].join('\n\n')
}

function head({ pipeline, status, error, model, rollout }: RunDocument): string {
  const lines = [`### ${status === 'succeeded' ? '✅' : '❌'} ${code(pipeline)}: ${status}`]
  if (error !== undefined) lines.push(`${code(error.code)} ${plain(error.message)}`)
  if (error?.next != null) lines.push(`Next: ${plain(error.next)}`)
  if (model !== null)
    lines.push(
      `${code(model.name)} version ${model.version} is ${model.champion ? 'champion' : 'registered'}: ${code(model.digest)}`,
    )
  if (rollout !== undefined)
    lines.push(
      `Rollout on ${code(rollout.endpoint)}: ${rollout.outcome}, ${rollout.requests.candidate} requests to the candidate, ${show(rollout.harmed)} harmed`,
    )
  return lines.join('\n\n')
}

function gateSection({ gates }: RunDocument): string[] {
  if (gates.length === 0) return []
  const rows = gates.map(({ name, passed, evidence }) => [
    plain(name),
    passed ? 'passed' : '**failed**',
    plain(evidence),
  ])
  return [markdownTable(['gate', 'outcome', 'evidence'], rows)]
}

function metricSection({ metrics }: RunDocument, report: RunTold['report']): string[] {
  const { judged = null, against = null } = report ?? {}
  if (judged === null) {
    const rows = Object.entries(metrics).map(([name, value]) => [plain(name), show(value)])
    return rows.length === 0 ? [] : [markdownTable(['metric', 'value'], rows)]
  }
  const { rows: count, metrics: own } = judged.quality
  const other = against?.quality.metrics ?? {}
  const rows = Object.entries(own).map(([name, value]) => [
    plain(name),
    measured(value),
    ...(against === null ? [] : [measured(other[name])]),
  ])
  const beside = against === null ? [] : [`champion (${plain(against.version)})`]
  return [
    markdownTable(['metric', 'candidate', ...beside], rows),
    `On ${count.toLocaleString('en-US')} rows; in brackets 90 % intervals.`,
  ]
}

function measured(metric: MeasuredMetric | undefined): string {
  if (metric === undefined) return ''
  const { value, low, high } = metric
  return low === undefined || high === undefined ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`
}

/** A check of a monitor: its verdict, and the rules that are not kept. */
export function driftSection({ endpoint, seq, at, verdict, rules }: Drift): string {
  const bad = rules.filter(({ state }) => state === 'breached')
  const table = markdownTable(
    ['rule', 'checks in a row', 'evidence'],
    bad.map(({ rule, streak, reason }) => [plain(rule), `${streak}`, plain(reason)]),
  )
  const said = `Drift on ${code(endpoint)}, check ${seq} of ${plain(at)}: ${plain(verdict)}`
  return bad.length === 0 ? said : `${said}\n\n${table}`
}

function stepSection({ steps, notBegun = [], startedAt, finishedAt }: RunDocument): string {
  const reused = steps.filter(({ cached }) => cached).length
  const rows = steps.map(({ name, cached, seconds, summary }) => [
    code(name),
    cached ? 'reused' : 'ran',
    cached ? '' : `${seconds.toFixed(1)} s`,
    plain(summary),
  ])
  const lost = notBegun.map(({ name, because }) => [
    code(name),
    'never begun',
    '',
    because === null ? '' : `needs ${plain(because)}`,
  ])
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000
  const took = Number.isFinite(seconds) ? ` in ${seconds.toFixed(0)} s` : ''
  const title = `${steps.length - reused} steps ran, ${reused} were reused${took}`
  return folded(title, markdownTable(['step', '', 'took', 'what'], [...rows, ...lost]))
}

/** What to type to get the same again. Values are quoted: they come from who started the run. */
function commandsFor({ runId, origin, pipeline }: RunDocument): string[] {
  const settings = Object.entries(JSON.parse(origin.set ?? '{}') as Record<string, string>)
  const set = settings.map(([name, value]) => ` --set ${quoted(`${name}=${value}`)}`).join('')
  const from = origin.from === undefined ? '' : ` --from ${quoted(origin.from)}`
  return [
    ...(origin.commit === undefined ? [] : [`git checkout ${quoted(origin.commit)}`]),
    `npx slipway run ${quoted(pipeline)}${set}${from} --wait`,
    `npx slipway rerun ${quoted(runId)} --plan same --wait`,
  ]
}

/** A word of a POSIX shell, on one line. */
const quoted = (text: string): string =>
  /^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll(/\s+/g, ' ').replaceAll("'", `'\\''`)}'`

const linked = (words: string, link: string): string =>
  /^https?:\/\/[^\s<>()]+$/.test(link) ? `[${words}](${link})` : code(link)
