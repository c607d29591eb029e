import type { EndpointState } from '../../../client/endpoint-states.ts'
import type { MonitorReport } from '../../../lib/formats/monitor-report.ts'
import type { SupervisorStatus } from '../../../workflows/messages.ts'
import { useDocument } from '../live.ts'
import { ColumnsDrift } from '../parts/column-drift.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { KnownQuality } from '../parts/known-quality.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { markOf, State } from '../parts/state.tsx'
import { Supervisor } from '../parts/supervisor.tsx'
import { Table } from '../parts/table.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { TimeLines } from '../parts/time-lines.tsx'
import { number, When } from '../parts/words.tsx'

/** What a monitor saw: drift and quality over time, what retrained it, and its last check column by column. */
export function Monitor({ of: { endpoint = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const report = useDocument<MonitorReport>(`monitors/${endpoint}`)
  const endpoints = useDocument<readonly EndpointState[]>('endpoints')
  const pipeline = endpoints.document?.find((each) => each.endpoint === endpoint)?.watchedBy
  const supervisor = useDocument<SupervisorStatus>(`retraining/${pipeline ?? endpoint}`)
  return (
    <>
      <Head
        title={`${endpoint}, watched`}
        above={<a href="/monitors">Monitors</a>}
        seen={[report, supervisor]}
        sentence={report.document && <Verdict {...report.document} />}
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

function Verdict({ rules, verdict }: MonitorReport) {
  const isAlarm = rules.some(({ firing }) => firing)
  return (
    <>
      <State mark={isAlarm ? 'broken' : 'well'}>{isAlarm ? 'alarm' : 'no alarm'}</State>{' '}
      {verdict.replace(/^alarm: /, '')}
    </>
  )
}

function Report(report: MonitorReport & { readonly retrainings: SupervisorStatus['retrainings'] }) {
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
              <span key="rule" class="whole">
                {rule}
              </span>,
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
        <TimeLines points={report.next.timeline} rules={rules} retrainings={report.retrainings} />
      </Section>
      <KnownQuality {...report} />
      <Section title="Columns of the last check" aside="the most moved first">
        <ColumnsDrift columns={report.columns} />
      </Section>
    </>
  )
}
