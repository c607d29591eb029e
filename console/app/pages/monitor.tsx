import type { EndpointState } from '../../../client/endpoint-states.ts'
import type { ColumnDrift, MonitorReport } from '../../../lib/formats/monitor-report.ts'
import type { SupervisorStatus } from '../../../workflows/messages.ts'
import { useDocument } from '../live.ts'
import { Chart, type Mark } from '../parts/chart.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { markOf, State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { number, percent, When } from '../parts/words.tsx'

/** What a monitor saw: drift and quality over time, what retrained it, and its last check column by column. */
export function Monitor({ of: { endpoint = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const report = useDocument<MonitorReport>(`monitors/${endpoint}`)
  const endpoints = useDocument<readonly EndpointState[]>('endpoints')
  const pipeline = endpoints.document?.find((each) => each.endpoint === endpoint)?.watchedBy
  const supervisor = useDocument<SupervisorStatus>(`retraining/${pipeline ?? endpoint}`)
  const alarms = report.document?.rules.filter(({ firing }) => firing) ?? []
  return (
    <>
      <Head
        title={`${endpoint}, watched`}
        above={<a href="/monitors">Monitors</a>}
        seen={[report, supervisor]}
        sentence={
          report.document && (
            <>
              <State mark={alarms.length > 0 ? 'broken' : 'well'}>{alarms.length > 0 ? 'alarm' : 'no alarm'}</State>{' '}
              {report.document.verdict}
            </>
          )
        }
      >
        <p class="links">
          <a href={`/endpoints/${endpoint}`}>The endpoint</a>
          {pipeline != null && <TemporalLink workflow={`supervisor/${pipeline}`} />}
        </p>
      </Head>
      <Shown of={report}>
        {(document) => <Report {...document} retrainings={supervisor.document?.retrainings ?? []} />}
      </Shown>
      <Section title="Retrainings">
        <Shown of={supervisor}>{(document) => <Supervisor {...document} />}</Shown>
      </Section>
    </>
  )
}

type Watched = MonitorReport & { readonly retrainings: SupervisorStatus['retrainings'] }

function Report(report: Watched) {
  const { seq, at, champion, requests, rows, errors, rules, labels, incident } = report
  return (
    <>
      <Facts>
        <Fact name={`check ${seq}`}>
          <When at={at} />
        </Fact>
        <Fact name="version">
          <a href={`/models/${champion.model}/${champion.version}`}>{champion.version}</a>
        </Fact>
        <Fact name="requests">{number(requests)}</Fact>
        <Fact name="rows">{number(rows)}</Fact>
        <Fact name="errors">{number(errors)}</Fact>
        <Fact name="labels">{number(labels.matched)}</Fact>
        {incident !== null && (
          <Fact name="incident since">
            <When at={incident.since} />
          </Fact>
        )}
      </Facts>
      {labels.warning !== null && <p class="note">{labels.warning}</p>}
      <Section title="Rules">
        <Table
          label="Rules"
          columns={['rule', 'state', { name: 'in a row', isNumber: true }, 'because']}
          rows={rules.map(({ rule, state, streak, firing, reason }) => ({
            key: rule,
            cells: [
              rule,
              <State key="state" mark={firing ? 'broken' : state === 'breached' ? 'asks' : markOf(state)}>
                {firing ? 'alarm' : state}
              </State>,
              streak,
              reason,
            ],
          }))}
        />
      </Section>
      <Section title="Over time" aside="a point a check; version changes and retrainings are marked">
        <TimeLines {...report} />
      </Section>
      <Section title="Columns of the last check" aside="the most moved first">
        <Columns columns={report.columns} />
      </Section>
    </>
  )
}

/** Columns whose drift is drawn: those that moved most. */
const drawn = 6

function TimeLines({ next: { timeline }, retrainings, rules }: Watched) {
  if (timeline.length === 0) return <p class="soft">No check has a point yet.</p>
  const x = timeline.map(({ to }) => Math.round(to / 1000))
  const marks: Mark[] = [
    ...timeline.flatMap(({ version, to }, i): Mark[] =>
      i > 0 && timeline[i - 1]?.version !== version ? [{ x: Math.round(to / 1000), words: `version ${version}` }] : [],
    ),
    ...retrainings.map(({ finishedAt, status }) => ({
      x: Math.round(Date.parse(finishedAt) / 1000),
      words: `retrained: ${status}`,
    })),
  ]
  const most = new Map<string, number>()
  for (const { psi } of timeline)
    for (const [name, value] of Object.entries(psi)) most.set(name, Math.max(most.get(name) ?? 0, value))
  const columns = [...most].sort((a, b) => b[1] - a[1]).slice(0, drawn)
  const metrics = [
    ...new Set(timeline.flatMap((point) => [...Object.keys(point.metrics), ...Object.keys(point.estimated)])),
  ]
  const limits = limitsOf(rules)
  const colors = ['now', 'asks', 'good', 'soft', 'then', 'ink']
  return (
    <div class="cards wide">
      {columns.length > 0 && (
        <div class="card">
          <Chart
            label="Drift (PSI)"
            x={x}
            isTime
            marks={marks}
            limit={limits.get('psi')}
            lines={columns.map(([name], i) => ({
              name: nameOf(name),
              color: colors[i] ?? 'soft',
              values: timeline.map(({ psi }) => psi[name] ?? null),
            }))}
          />
        </div>
      )}
      {metrics.map((metric) => (
        <div key={metric} class="card">
          <Chart
            label={`Quality: ${metric}`}
            x={x}
            isTime
            marks={marks}
            limit={limits.get(metric)}
            lines={[
              {
                name: 'known from labels',
                color: 'now',
                values: timeline.map((point) => point.metrics[metric] ?? null),
              },
              ...(timeline.some((point) => point.estimated[metric] !== undefined)
                ? [
                    {
                      name: 'estimated from scores',
                      color: 'then',
                      isDashed: true,
                      values: timeline.map((point) => point.estimated[metric] ?? null),
                    },
                  ]
                : []),
            ]}
          />
        </div>
      ))}
      <div class="card">
        <Chart
          label="Rows a check"
          x={x}
          isTime
          marks={marks}
          lines={[{ name: 'rows', color: 'now', isBars: true, values: timeline.map(({ rows }) => rows) }]}
        />
      </div>
    </div>
  )
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

const nameOf = (column: string): string => column.replace(/^score:?/, 'score ').trim() || 'score'

function Columns({ columns }: { readonly columns: readonly ColumnDrift[] }) {
  if (columns.length === 0) return <p class="soft">No traffic was compared.</p>
  const sorted = columns.toSorted((a, b) => (b.measures.psi?.value ?? 0) - (a.measures.psi?.value ?? 0))
  const measures = [...new Set(sorted.flatMap((column) => Object.keys(column.measures)))]
  return (
    <Table
      label="Columns"
      columns={[
        'column',
        'then and now',
        { name: 'importance', isNumber: true },
        ...measures.map((name) => ({ name, isNumber: true })),
      ]}
      rows={sorted.map((column) => ({
        key: column.name,
        cells: [
          nameOf(column.name),
          <Bins key="bins" {...column} />,
          column.importance === null ? '' : percent(column.importance),
          ...measures.map((name) => {
            const measured = column.measures[name]
            return measured === undefined ? (
              ''
            ) : (
              <span title={`${number(measured.low)} to ${number(measured.high)}`}>{number(measured.value)}</span>
            )
          }),
        ],
      }))}
    />
  )
}

/** Shares of the rows by bin, of training and now, side by side. */
function Bins({ name, bins }: ColumnDrift) {
  const most = Math.max(0.01, ...bins.flatMap(({ baseline, now }) => [baseline, now]))
  const width = 100 / Math.max(1, bins.length)
  return (
    <svg
      class="bins"
      viewBox="0 0 100 30"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${nameOf(name)}: shares of training rows beside now`}
    >
      {bins.map(({ label, baseline, now }, i) => (
        <g key={label}>
          <title>
            {label}: training {percent(baseline)}, now {percent(now)}
          </title>
          <rect
            class="then"
            x={i * width}
            width={width * 0.42}
            y={30 - (30 * baseline) / most}
            height={(30 * baseline) / most}
          />
          <rect
            class="now"
            x={(i + 0.44) * width}
            width={width * 0.42}
            y={30 - (30 * now) / most}
            height={(30 * now) / most}
          />
        </g>
      ))}
    </svg>
  )
}

function Supervisor({ state, reason, run, pending, retrainings }: SupervisorStatus) {
  return (
    <>
      <p>
        <State mark={state === 'running' ? 'busy' : state === 'paused' ? 'asks' : 'none'}>{state}</State> {reason}
        {run !== null && (
          <>
            {' '}
            <a href={`/runs/${run}`}>{run}</a>
          </>
        )}
      </p>
      {pending.map(({ key, kind, reason: why }) => (
        <p key={key} class="soft">
          asked for: {kind}, {why}
        </p>
      ))}
      {retrainings.length > 0 && (
        <Table
          label="Retrainings"
          columns={['run', 'outcome', 'ended', 'cause', 'because']}
          rows={retrainings.toReversed().map((each) => ({
            key: each.run,
            cells: [
              <a key="run" href={`/runs/${each.run}`}>
                {each.run}
              </a>,
              <State key="outcome" mark={markOf(each.status)}>
                {each.status}
              </State>,
              <When key="ended" at={each.finishedAt} />,
              each.cause,
              each.reason,
            ],
          }))}
        />
      )}
    </>
  )
}
