import type { MonitorReport } from '../../../lib/formats/monitor-report.ts'
import { nameOfColumn } from '../../../lib/stats/answer-profile.ts'
import type { SupervisorStatus } from '../../../workflows/messages.ts'
import type { ChartProps, Line, Mark } from './chart-props.ts'

type Points = MonitorReport['next']['timeline']

export interface Watched {
  readonly points: Points
  readonly rules: MonitorReport['rules']
  readonly retrainings: SupervisorStatus['retrainings']
}

/** Columns whose drift is drawn: those that moved most. */
const drawn = 6
const colors = ['now', 'asks', 'good', 'soft', 'then', 'ink'] as const

/** What a monitor saw over time, a point a check: drift, quality by whatever metrics its model has, and rows. */
export function timelineCharts({ points, rules, retrainings }: Watched): ChartProps[] {
  const limits = limitsOf(rules)
  const all = { x: points.map(({ to }) => secondsOf(to)), isTime: true, marks: marksOf(points, retrainings) }
  const charts: ChartProps[] = [
    { ...all, label: 'Drift (PSI)', limit: limits.get('psi'), lines: driftLines(points) },
    ...metricsOf(points).map((metric) => ({
      ...all,
      label: `Quality: ${metric}`,
      limit: limits.get(metric),
      lines: qualityLines(points, metric),
    })),
    {
      ...all,
      label: 'Rows a check',
      lines: [{ name: 'rows', color: 'now', isBars: true, values: points.map(({ rows }) => rows) }],
    },
  ]
  return charts.filter(({ lines }) => lines.length > 0)
}

const secondsOf = (ms: number): number => Math.round(ms / 1000)

function marksOf(points: Points, retrainings: Watched['retrainings']): Mark[] {
  return [
    ...points.flatMap(({ version, to }, i): Mark[] =>
      i > 0 && points[i - 1]?.version !== version ? [{ x: secondsOf(to), words: `version ${version}` }] : [],
    ),
    ...retrainings.map(({ finishedAt, status }) => ({
      x: secondsOf(Date.parse(finishedAt)),
      words: `retrained: ${status}`,
    })),
  ]
}

function driftLines(points: Points): Line[] {
  const most = new Map<string, number>()
  for (const { psi } of points)
    for (const [name, value] of Object.entries(psi)) most.set(name, Math.max(most.get(name) ?? 0, value))
  return [...most]
    .sort((a, b) => b[1] - a[1])
    .slice(0, drawn)
    .map(([name], i) => ({
      name: nameOfColumn(name),
      color: colors[i] ?? 'soft',
      values: points.map(({ psi }) => psi[name] ?? null),
    }))
}

const metricsOf = (points: Points): string[] => [
  ...new Set(points.flatMap(({ metrics, estimated }) => [...Object.keys(metrics), ...Object.keys(estimated)])),
]

/** A metric as it became known and as it was estimated before that, as far as there is either. */
function qualityLines(points: Points, metric: string): Line[] {
  const line = (of: 'metrics' | 'estimated', as: Omit<Line, 'values'>): Line[] =>
    points.some((point) => point[of][metric] !== undefined)
      ? [{ ...as, values: points.map((point) => point[of][metric] ?? null) }]
      : []
  return [
    ...line('metrics', { name: 'known from labels', color: 'now' }),
    ...line('estimated', { name: 'estimated without labels', color: 'then', isDashed: true }),
  ]
}

/** Limits as rules say them: `psi > 0.2`, `auc < 0.5 (2 checks in a row)`. */
function limitsOf(rules: MonitorReport['rules']): ReadonlyMap<string, number> {
  return new Map(
    rules.flatMap(({ rule }) => {
      const found = /^(\w+) [<>] ([\d.e-]+)/.exec(rule)
      return found?.[1] === undefined ? [] : [[found[1], Number(found[2])] as const]
    }),
  )
}
