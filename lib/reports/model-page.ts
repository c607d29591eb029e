import { shortDigest } from '../formats/artifact.ts'
import { findMetric } from '../formats/metrics/index.ts'
import { show } from '../formats/show-number.ts'
import { agreementInWords, decidedHead, decidedRows } from '../stats/decided.ts'
import { minimumSlice } from '../stats/gates.ts'
import type { MeasuredMetric } from '../stats/model-quality.ts'
import { escapeHtml, page } from './html.ts'
import { qualityCards } from './model-cards.ts'
import type { ModelReport } from './model-report.ts'
import { bars, plot } from './plots.ts'
import { trialsCards } from './trials-card.ts'

/** Values of a slicing column that are shown. */
const slicesShown = 20
/** Features whose importance is drawn. */
const featuresShown = 25

/** A packaged model as a page that needs nothing else: how good it is, drawn, beside another one; made of what. */
export function modelPage(report: ModelReport): string {
  const { model, version, aliases, gates } = report
  const failed = gates.filter(({ passed }) => !passed)
  const title = version === null ? `${model}, not registered` : `${model} version ${version}`
  const body = `
<p class="soft">${escapeHtml([taskInWords(report), ...aliases].join(', '))}</p>
<h1>${escapeHtml(title)}</h1>
<p class="soft"><code>${escapeHtml(report.digest)}</code></p>
<p class="verdict${failed.length > 0 ? ' alarm' : ''}">${escapeHtml(verdict(report))}</p>
${quality(report)}
${gateTable(report)}
${restsOn(report)}
${report.tuning === undefined ? '' : trialsCards(report.tuning.trials, report.tuning.times)}
${trainingCurve(report)}
${madeOf(report)}`
  return page(title, body)
}

const taskInWords = ({ task, target }: ModelReport): string => `${kindsInWords[task]} of ${target}`

const kindsInWords = {
  binary: 'yes/no model',
  multiclass: 'model of several classes',
  regression: 'model of a number',
  quantiles: 'model of quantiles',
  ranking: 'ranking',
} as const

function verdict({ gates, judged, against }: ModelReport): string {
  const failed = gates.filter(({ passed }) => !passed)
  const passed =
    gates.length === 0
      ? 'No gate judged it.'
      : failed.length === 0
        ? `All ${gates.length} gates passed.`
        : `Failed: ${failed.map(({ name }) => name).join(', ')}.`
  if (judged === null) return `${passed} How it did on test rows is not on record.`
  const { metrics, rows } = judged.quality
  const [first] = Object.entries(metrics)
  if (first === undefined) return passed
  const [name, own] = first
  const other = against?.quality.metrics[name]
  const beside = other === undefined ? '' : `; ${against?.version} reaches ${show(other.value)} ${onWhich(against)}`
  return `${passed} ${name} ${rangeOf(own)} on ${count(rows)} test rows${beside}.`
}

const onWhich = (against: ModelReport['against']): string =>
  against?.rows === 'the same' ? 'on the same rows' : `on ${count(against?.quality.rows ?? 0)} test rows of its own`

const count = (rows: number): string => rows.toLocaleString('en-US')

function rangeOf({ value, low, high }: MeasuredMetric): string {
  return low === undefined || high === undefined ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`
}

function quality({ judged, against, task }: ModelReport): string {
  if (judged === null) return ''
  const key =
    against === null
      ? ''
      : `<p class="key soft"><i style="background:var(--now)"></i>this version<i style="background:var(--then)"></i>${escapeHtml(against.version)}, ${onWhich(against)}</p>`
  return `<h2>How good it is</h2>
${metricTable(judged.quality.metrics, against)}
<h2>Drawn</h2>
${key}
<div class="cards">${qualityCards(judged.quality, against?.quality).join('\n')}</div>${answered(judged.answers, task)}`
}

/** What a function answered, and what came of those rows. */
function answered(answers: Judged['answers'], task: ModelReport['task']): string {
  if (answers === undefined) return ''
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((text, i) => `<${tag}${i > 0 ? ' class="number"' : ''}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`
  const rows = decidedRows(answers).map((cells) => row(cells, 'td'))
  return `<h2>What it answers</h2><p class="soft">${escapeHtml(agreementInWords(answers))}</p>
<div class="scroll"><table>${row(decidedHead(answers, task), 'th')}${rows.join('\n')}</table></div>`
}

function metricTable(metrics: Readonly<Record<string, MeasuredMetric>>, against: ModelReport['against']): string {
  const cell = (text: string): string => `<td class="number">${text}</td>`
  const rows = Object.entries(metrics).map(([name, own]) => {
    const other = against?.quality.metrics[name]
    const better = findMetric(name)?.better
    const gain = other === undefined ? 0 : (own.value - other.value) * (better === 'smaller' ? -1 : 1)
    const difference =
      other === undefined
        ? ''
        : `<span class="${gain < 0 ? 'bad' : gain > 0 ? 'good' : 'soft'}">${own.value >= other.value ? '+' : '−'}${show(Math.abs(own.value - other.value))}</span>`
    const interval = own.low === undefined || own.high === undefined ? '' : `${show(own.low)} to ${show(own.high)}`
    const beside = against === null ? '' : cell(other === undefined ? '' : show(other.value)) + cell(difference)
    return `<tr><td>${escapeHtml(name)}</td>${cell(show(own.value))}<td>${interval}</td>${beside}</tr>`
  })
  const beside =
    against === null ? '' : `<th class="number">${escapeHtml(against.version)}</th><th class="number">difference</th>`
  return `<div class="scroll"><table><tr><th>metric</th><th class="number">value</th><th>90 % interval</th>${beside}</tr>${rows.join('\n')}</table></div>`
}

function gateTable({ gates }: ModelReport): string {
  if (gates.length === 0) return ''
  const rows = gates.map(
    ({ name, passed, evidence }) =>
      `<tr><td>${escapeHtml(name)}</td><td class="${passed ? 'good' : 'bad'}">${passed ? 'passed' : 'failed'}</td><td>${escapeHtml(evidence)}</td></tr>`,
  )
  return `<h2>Gates</h2><div class="scroll"><table><tr><th>gate</th><th>outcome</th><th>evidence</th></tr>${rows.join('\n')}</table></div>`
}

const lostInWords = {
  binary: 'AUC lost',
  multiclass: 'log loss gained',
  regression: 'error gained',
  quantiles: 'pinball loss gained',
  ranking: 'NDCG lost',
} as const

/** What the model rests on, and for whom it is worse. */
function restsOn({ judged, task }: ModelReport): string {
  if (judged === null) return ''
  const { importance, slices } = judged
  const lost = lostInWords[task]
  const features = importance.slice(0, featuresShown).map(({ feature, loss, spread }) => ({
    name: feature,
    value: loss,
    spread,
    title: `${feature}: ${lost} when it is shuffled ${loss.toPrecision(3)} ± ${spread.toPrecision(1)}`,
  }))
  const drawn =
    features.length === 0
      ? ''
      : `<h2>What it rests on</h2><div class="cards"><div class="card"><p class="soft">${lost} when a feature is shuffled, with its standard deviation</p>${bars(features)}</div></div>`
  return (
    drawn +
    Object.entries(slices)
      .map(([column, values]) => sliceTable(column, values, judged))
      .join('\n')
  )
}

type Judged = NonNullable<ModelReport['judged']>

/** The values of a slicing column, those on which the model does worst first. */
function sliceTable(column: string, values: Judged['slices'][string], { quality: { metrics } }: Judged): string {
  const names = Object.keys(metrics).slice(0, 4)
  const [first] = names
  if (first === undefined) return ''
  const isLarger = findMetric(first)?.better !== 'smaller'
  // By few rows the worst is worst by chance; gates do not judge them either.
  const known = values.filter(({ rows, metrics: own }) => own[first] !== undefined && rows >= minimumSlice.rows)
  const sorted = known.sort(
    (a, b) => ((a.metrics[first] as number) - (b.metrics[first] as number)) * (isLarger ? 1 : -1),
  )
  const rows = sorted
    .slice(0, slicesShown)
    .map(
      ({ value, rows: own, metrics: measured }) =>
        `<tr><td>${escapeHtml(value)}</td><td class="number">${count(own)}</td>${names.map((name) => `<td class="number">${measured[name] === undefined ? '' : show(measured[name])}</td>`).join('')}</tr>`,
    )
  const tooSmall = values.length - known.length
  const more = Math.max(0, known.length - slicesShown)
  const left = [
    ...(more > 0 ? [`${more} more values`] : []),
    ...(tooSmall > 0 ? [`${tooSmall} with too few rows to judge by`] : []),
  ]
  return `<h2>By ${escapeHtml(column)}, the worst ${escapeHtml(first)} first</h2><div class="scroll"><table><tr><th>${escapeHtml(column)}</th><th class="number">rows</th>${names.map((name) => `<th class="number">${escapeHtml(name)}</th>`).join('')}</tr>${rows.join('\n')}</table></div>${left.length === 0 ? '' : `<p class="soft">${left.join('; ')}</p>`}`
}

function trainingCurve({ training: { validationLoss = [], trees } }: ModelReport): string {
  if (validationLoss.length < 2) return ''
  const points = validationLoss.map((y, i) => ({ x: i + 1, y }))
  const kept = trees === undefined ? '' : `, ${trees} trees kept`
  const drawing = plot({
    title: 'Loss of the validation rows',
    x: 'rounds',
    y: 'loss',
    lines: [{ kind: 'now', points }],
  })
  return `<h2>How it was trained</h2><div class="cards"><div class="card"><h3>Loss of the validation rows</h3><p class="soft">${validationLoss.length} rounds of boosting${kept}</p>${drawing}</div></div>`
}

function madeOf({ made, training, learner, optimised, code, data }: ModelReport): string {
  const facts: (readonly [string, string])[] = [
    ['run', made === null ? 'not on record' : `${made.run}, ${made.at}`],
    ...Object.entries(made?.origin ?? {}).map(([name, value]) => [name, value] as const),
    ['snapshot', `${shortDigest(data.snapshot)}, ${count(data.rows)} rows`],
    ['training rows', count(training.rows.train)],
    ['validation rows', count(training.rows.validation)],
    ['learner', learner],
    ...(optimised === undefined ? [] : [['optimised', optimised] as const]),
    ...code.map(({ what, name, digest }) => [what, `${name} ${shortDigest(digest)}`] as const),
  ]
  const rows = facts.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
  const cells = (row: readonly string[], tag: string): string =>
    `<tr>${row.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`
  return `<h2>What it was made of</h2><div class="scroll"><table>${rows.join('\n')}</table></div>
<h2>What was read</h2><div class="scroll"><table>${cells(data.head, 'th')}${data.columns.map((row) => cells(row, 'td')).join('\n')}</table></div>${data.more > 0 ? `<p class="soft">and ${data.more} more columns</p>` : ''}`
}
