import { type BacktestReport, cutoffInWords } from '../formats/backtest-report.ts'
import { show } from '../formats/show-number.ts'
import { backtestInWords, metricsOfBacktest } from '../stats/backtest.ts'
import { timeline } from './charts.ts'
import { escapeHtml, page } from './html.ts'

/** A backtest as a self-contained page: a time line a metric, and the table of all of them. */
export function backtestPage(report: BacktestReport): string {
  const names = metricsOfBacktest(report)
  const body = `
<p class="soft">Backtest</p>
<h1>${escapeHtml(report.name)}</h1>
<p class="verdict">${escapeHtml(backtestInWords(report))}</p>
<p>At every cutoff a model was trained on the rows before it and judged on the newest of them. Red: the worst. Bars and ranges: 90 % intervals of the test rows, by a bootstrap; metrics without one are not drawn again.</p>
<h2>Over time</h2>
<div class="cards">${names.map((name) => metricCard(report, name)).join('\n')}</div>
<h2>All metrics</h2>
${wholeTable(report, names)}`
  return page(`Backtest ${report.name}`, body)
}

function metricCard({ cutoffs, summary }: BacktestReport, name: string): string {
  const of = summary[name]
  const points = cutoffs.flatMap(({ at, metrics, rows }) => {
    const measured = metrics[name]
    if (measured === undefined) return []
    const { value, low, high } = measured
    return {
      x: Date.parse(at),
      y: value,
      title: `${cutoffInWords(at)}: ${show(value)}${low === undefined || high === undefined ? '' : ` (${show(low)} to ${show(high)})`} on ${rows.test} rows`,
      isBad: of?.at === at,
      ...(low !== undefined && high !== undefined && { low, high }),
    }
  })
  const words = of === undefined ? 'not defined at every cutoff' : `mean ${show(of.mean)}, worst ${show(of.worst)}`
  return `<div class="card"><h3>${escapeHtml(name)}</h3><p class="soft">${words}</p>${timeline(points, { when: (ms) => cutoffInWords(new Date(ms).toISOString()) })}</div>`
}

function wholeTable({ cutoffs, summary }: BacktestReport, names: readonly string[]): string {
  const cell = (text: string): string => `<td class="number">${text}</td>`
  const value = (
    at: string,
    name: string,
    measured: BacktestReport['cutoffs'][number]['metrics'][string] | undefined,
  ) => {
    if (measured === undefined) return cell('')
    const { value, low, high } = measured
    const range =
      low === undefined || high === undefined ? '' : `<br><span class="soft">${show(low)} to ${show(high)}</span>`
    const isWorst = summary[name]?.at === at
    return cell(`${isWorst ? `<span class="bad">${show(value)}</span>` : show(value)}${range}`)
  }
  const rows = cutoffs.map(
    ({ at, rows: { train, test }, metrics }) =>
      `<tr><td>${cutoffInWords(at)}</td>${cell(String(train))}${cell(String(test))}${names.map((name) => value(at, name, metrics[name])).join('')}</tr>`,
  )
  const last = (word: 'mean' | 'worst'): string =>
    `<tr><th>${word}</th><td></td><td></td>${names.map((name) => cell(summary[name] === undefined ? '' : show(summary[name][word]))).join('')}</tr>`
  const head = ['training rows', 'test rows', ...names.map(escapeHtml)].map((text) => `<th class="number">${text}</th>`)
  return `<div class="scroll"><table><tr><th>cutoff</th>${head.join('')}</tr>
${[...rows, last('mean'), last('worst')].join('\n')}
</table></div>`
}
