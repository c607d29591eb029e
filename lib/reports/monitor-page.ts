import { shortDigest } from '../formats/artifact.ts'
import { driftMeasures, isDriftMeasure } from '../formats/drift-measures/index.ts'
import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import type { MonitorReport } from '../formats/monitor-report.ts'
import { show } from '../formats/show-number.ts'
import { nameOfColumn } from '../stats/answer-profile.ts'
import { labelsInWords } from '../stats/label-counts.ts'
import { histogram, timeline } from './charts.ts'
import { escapeHtml, page } from './html.ts'

type Shown = Omit<MonitorReport, 'page'>

const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** A check of a monitor as a self-contained page: verdict, rules, a histogram a column against training, time lines. */
export function monitorPage(report: Shown, policy: MonitorPolicy): string {
  const { endpoint, champion, rules, columns, quality, labels, incident } = report
  const firing = rules.filter((rule) => rule.firing)
  const sorted = [...columns].sort((a, b) => (b.measures.psi?.value ?? 0) - (a.measures.psi?.value ?? 0))
  const body = `
<p class="soft">${escapeHtml(endpoint)}, check ${report.seq}</p>
<h1>${firing.length === 0 ? 'Nothing that calls for action' : escapeHtml(firing.map(({ rule }) => rule).join(', '))}</h1>
<p class="soft">${report.windows === 0 ? 'No traffic since the check before.' : `${time(report.from)} to ${time(report.to)}.`} Version ${champion.version} <code>${shortDigest(champion.digest)}</code>, ${report.requests} requests, ${report.rows} rows, ${report.errors} errors.</p>
<p class="verdict${firing.length === 0 ? '' : ' alarm'}">${escapeHtml(report.verdict)}</p>
${incident === null ? '' : `<p>Incident <code>${escapeHtml(incident.id)}</code> since ${escapeHtml(incident.since.slice(0, 16).replace('T', ' '))} UTC (${report.change}).</p>`}
${firing.length > 0 && policy.playbook !== null ? `<h2>What to do</h2><p>${escapeHtml(policy.playbook)}</p>` : ''}
<h2>Rules</h2>
<div class="scroll"><table><tr><th>rule</th><th>state</th><th class="number">in a row</th><th>found</th></tr>
${rules.map(({ rule, state, streak, firing: isFiring, reason }) => `<tr><td>${escapeHtml(rule)}</td><td class="${isFiring ? 'bad' : state === 'kept' ? 'good' : 'soft'}">${isFiring ? 'alarm' : state}</td><td class="number">${streak}</td><td>${escapeHtml(reason)}</td></tr>`).join('\n')}
</table></div>
<h2>What became known</h2>
<p>${labelsInWords(labels)}.</p>
${labels.warning === null ? '' : `<p class="verdict alarm">${escapeHtml(labels.warning)}</p>`}
${quality === null ? '' : `<p>Predicted ${show(quality.prediction)} on average, observed ${show(quality.label)}.</p>`}
${qualityTable(report)}
${timelines(report, policy)}
<h2>Columns, the most drifted first</h2>
<p class="key soft"><i style="background:var(--then)"></i>training rows<i style="background:var(--now)"></i>now</p>
<div class="cards">${sorted.map((column) => columnCard(column)).join('\n')}</div>
${driftTable(sorted)}`
  return page(`${endpoint}, check ${report.seq}`, body)
}

function qualityTable({ quality, estimated }: Shown): string {
  const names = [...new Set([...Object.keys(quality?.metrics ?? {}), ...Object.keys(estimated)])]
  if (names.length === 0) return ''
  const rows = names.map((name) => {
    const known = quality?.metrics[name]
    const guess = estimated[name]
    return `<tr><td>${escapeHtml(name)}</td><td class="number">${known === undefined ? '' : show(known.value)}</td><td>${known === undefined ? '' : `${show(known.low)} to ${show(known.high)}`}</td><td class="number">${guess === undefined ? '' : show(guess)}</td></tr>`
  })
  return `<div class="scroll"><table><tr><th>metric</th><th class="number">known</th><th>90 % interval</th><th class="number">estimated without labels</th></tr>${rows.join('')}</table></div>`
}

function timelines({ next }: Shown, policy: MonitorPolicy): string {
  const points = next.timeline
  if (points.length < 2) return ''
  const metrics = [...new Set(points.flatMap((point) => Object.keys(point.metrics)))]
  const limitOf = (name: string): number | undefined => policy.quality.find(({ metric }) => metric === name)?.limit
  const psiLimit = policy.drift.find(({ measure }) => measure === 'psi')?.limit
  const columns = [...new Set(points.flatMap((point) => Object.keys(point.psi)))]
  const card = (title: string, chart: string): string =>
    chart === '' ? '' : `<div class="card"><h3>${escapeHtml(title)}</h3>${chart}</div>`
  const metricCards = metrics.map((name) => {
    const known = points.filter((point) => point.metrics[name] !== undefined)
    const line = known.map((point) => ({
      x: point.to,
      y: point.metrics[name] as number,
      title: `${time(point.to)}, version ${point.version}: ${show(point.metrics[name] as number)} on ${point.labels} labels`,
      isBad: point.firing,
    }))
    const guesses = points
      .filter((point) => point.estimated[name] !== undefined)
      .map((point) => ({ x: point.to, y: point.estimated[name] as number }))
    return card(
      `${name}${guesses.length > 1 ? ' (dashed: estimated without labels)' : ''}`,
      timeline(line, { limit: limitOf(name), guesses }),
    )
  })
  const psiCards = columns.map((name) => {
    const line = points
      .filter((point) => point.psi[name] !== undefined)
      .map((point) => ({
        x: point.to,
        y: point.psi[name] as number,
        title: `${time(point.to)}, version ${point.version}: ${show(point.psi[name] as number)}`,
        isBad: point.firing,
      }))
    return card(`PSI of ${nameOfColumn(name)}`, timeline(line, { limit: psiLimit }))
  })
  return `<h2>Over time</h2><p class="soft">Red: an alarm. Red dashes: the limit. Grey dashes: estimated from the scores, without labels.</p><div class="cards">${[...metricCards, ...psiCards].join('\n')}</div>`
}

function columnCard({ name, importance, measures, note, bins }: Shown['columns'][number]): string {
  const told = [
    ...(importance === null ? [] : [`${(importance * 100).toFixed(1)} % of importance`]),
    ...(note === undefined ? [] : [note]),
    ...(measures.psi === undefined ? [] : [`PSI ${show(measures.psi.value)}`]),
    ...(measures.ks === undefined ? [] : [`KS ${show(measures.ks.value)}`]),
  ]
  return `<div class="card"><h3>${escapeHtml(nameOfColumn(name))}</h3><p class="soft">${told.join(', ')}</p>${histogram(bins)}</div>`
}

function driftTable(columns: Shown['columns']): string {
  const cell = (estimate: { value: number; low: number; high: number } | undefined): string =>
    estimate === undefined
      ? ''
      : `<span title="90 % interval ${show(estimate.low)} to ${show(estimate.high)}">${show(estimate.value)}</span>`
  const known = Object.entries(driftMeasures).map(([name, { title }]) => [name, title] as const)
  const own = [...new Set(columns.flatMap(({ measures }) => Object.keys(measures)))].filter((n) => !isDriftMeasure(n))
  const shown = [...known, ...own.map((name) => [name, escapeHtml(name)] as const)]
  return `<h2>All measures</h2><div class="scroll"><table><tr><th>column</th><th class="number">rows</th>${shown.map(([, title]) => `<th class="number">${title}</th>`).join('')}</tr>
${columns.map(({ name: column, rows, measures }) => `<tr><td>${escapeHtml(nameOfColumn(column))}</td><td class="number">${rows}</td>${shown.map(([name]) => `<td class="number">${cell(measures[name])}</td>`).join('')}</tr>`).join('\n')}
</table></div>`
}
