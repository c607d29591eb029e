import type { EndpointDocument } from '../../../client/endpoints.ts'
import type { RolloutStatus } from '../../../workflows/messages.ts'
import { useDocument } from '../live.ts'
import { Actions } from '../parts/act.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Meter } from '../parts/meter.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { Split } from '../parts/split.tsx'
import { markOf, State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { number, percent, seconds, When } from '../parts/words.tsx'

/** What an endpoint serves; its rollout as it goes on, with what decides it and the buttons to decide it by. */
export function Endpoint({ of: { endpoint = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const seen = useDocument<EndpointDocument>(`endpoints/${endpoint}`)
  const { route } = seen.document ?? {}
  return (
    <>
      <Head
        title={endpoint}
        above={<a href="/endpoints">Endpoints</a>}
        seen={[seen]}
        sentence={seen.document && <Serving {...seen.document} />}
      >
        <p class="links">
          <TemporalLink workflow={`endpoint/${endpoint}`} />
          {route?.rollout != null && <TemporalLink workflow={`rollout/${route.rollout.id}`} />}
          <a href={`/monitors/${endpoint}`}>Its monitor</a>
        </p>
      </Head>
      <Shown of={seen}>
        {(document) => (
          <>
            <Route {...document} />
            {document.rollout !== null && <Going {...document.rollout} />}
            {document.last !== null && <Last {...document} />}
          </>
        )}
      </Shown>
    </>
  )
}

function Serving({ route, rollout }: EndpointDocument) {
  const { champion } = route
  if (route.rollout === null) return <>Version {champion.version} answers everything.</>
  const { candidate, mode, share } = route.rollout
  const words =
    mode === 'shadow'
      ? `version ${candidate.version} is asked about ${percent(share)} besides, and nobody gets its answers`
      : mode === 'bake'
        ? `version ${candidate.version} answers all, and version ${champion.version} is asked besides`
        : `version ${candidate.version} answers ${percent(share)}`
  return (
    <>
      Version {champion.version} is in force; {words}.{' '}
      {rollout === null ? 'No worker answers how it stands; it goes on when one does.' : `Now: ${rollout.reason}.`}
    </>
  )
}

function Route({ endpoint, route }: EndpointDocument) {
  const { champion, previous, rollout, revision } = route
  const version = (of: { model: string; version: number }) => (
    <a href={`/models/${of.model}/${of.version}`}>version {of.version}</a>
  )
  return (
    <div class="card">
      <Split
        endpoint={endpoint}
        champion={champion.version}
        candidate={rollout?.candidate.version ?? null}
        share={rollout?.share ?? 0}
        mode={rollout?.mode ?? 'split'}
      />
      <Facts>
        <Fact name="champion">{version(champion)}</Fact>
        {rollout !== null && <Fact name="candidate">{version(rollout.candidate)}</Fact>}
        <Fact name="before">{previous === null ? 'none' : version(previous)}</Fact>
        <Fact name="model">{champion.model}</Fact>
        <Fact name="revision">{revision}</Fact>
      </Facts>
      {rollout === null && previous !== null && (
        <Actions
          actions={[
            {
              path: `endpoints/${endpoint}/back`,
              label: `Go back to version ${previous.version}`,
              means: `Version ${previous.version} answers everything again, at once; what was rejected since is passed over.`,
              command: `slipway rollback ${endpoint} --reason "…"`,
              isGrave: true,
            },
          ]}
        />
      )}
    </div>
  )
}

function Going(status: RolloutStatus) {
  const { endpoint, id, stage, stageNumber, stages, paused, waitingForApproval, verdicts, decisions, policy, harmed } =
    status
  const [first] = verdicts
  return (
    <>
      <Section title={`Rollout ${id}`} aside={`step ${stageNumber} of ${stages}, ${stage}${paused ? ', paused' : ''}`}>
        <Steps number={stageNumber} all={stages} label={stage} />
        <Facts>
          <Fact name="going on for">{seconds(status.seconds)}</Fact>
          {policy !== undefined && <Fact name="decided within">{seconds(policy.withinMs / 1000)}</Fact>}
          {first !== undefined && (
            <>
              <Fact name="answers by the candidate">{number(first.candidate.n)}</Fact>
              <Fact name="answers by the champion">{number(first.champion.n)}</Fact>
            </>
          )}
          {harmed !== undefined && (
            <Fact name="requests harmed">
              {harmed.toFixed(1)}
              {policy?.harmBudget != null && <span class="soft"> of {number(policy.harmBudget)} at most</span>}
            </Fact>
          )}
          {waitingForApproval !== null && <Fact name="waits for">{waitingForApproval}</Fact>}
        </Facts>
        <Actions actions={actionsOf(status)} />
      </Section>
      <Section title="Evidence" aside="against what it takes to decide">
        <Table
          label="Evidence"
          columns={[
            'watched',
            'so far',
            { name: 'candidate', isNumber: true },
            { name: 'champion', isNumber: true },
            'harm (e-value)',
            'no worse (e-value)',
          ]}
          rows={verdicts.map((verdict) => ({
            key: verdict.metric,
            cells: [
              verdict.metric,
              <State
                key="so"
                mark={verdict.verdict === 'worse' ? 'broken' : verdict.verdict === 'inconclusive' ? 'none' : 'well'}
              >
                {verdict.verdict === 'inconclusive' ? 'open' : verdict.verdict}
              </State>,
              <Share key="b" {...verdict.candidate} />,
              <Share key="a" {...verdict.champion} />,
              <Meter
                key="harm"
                value={verdict.harm}
                limit={limitOf(policy?.alpha.rollback)}
                label={`${verdict.metric}: e-value for worse`}
                isBad
              />,
              verdict.notWorse === null ? (
                'not asked'
              ) : (
                <Meter
                  key="safe"
                  value={verdict.notWorse}
                  limit={limitOf(policy?.alpha.promote)}
                  label={`${verdict.metric}: e-value for not worse`}
                />
              ),
            ],
          }))}
        />
        <p class="soft">
          An e-value at its mark decides: for harm the candidate is taken back, for no worse on every metric it goes on.
          The scale is logarithmic.
        </p>
      </Section>
      <Decisions decisions={decisions} />
      <p class="soft">
        Every decision with its evidence: <code>npx slipway explain {id}</code>, of endpoint {endpoint}.
      </p>
    </>
  )
}

const limitOf = (alpha: number | undefined): number | null => (alpha === undefined ? null : 1 / alpha)

function Share({ n, k }: { readonly n: number; readonly k: number }) {
  return n === 0 ? (
    <span class="soft">none yet</span>
  ) : (
    <span title={`${number(k)} of ${number(n)}`}>
      {((100 * k) / n).toFixed(2)} % <span class="soft">of {number(n)}</span>
    </span>
  )
}

/** The steps of a rollout, those behind it filled. */
function Steps({ number: at, all, label }: { readonly number: number; readonly all: number; readonly label: string }) {
  return (
    <ol class="steps" aria-label={`Step ${at} of ${all}: ${label}`}>
      {Array.from({ length: all }, (_, i) => (
        <li
          key={i}
          class={i + 1 < at ? 'past' : i + 1 === at ? 'here' : ''}
          aria-current={i + 1 === at ? 'step' : undefined}
        >
          {i + 1 === at ? label : i + 1}
        </li>
      ))}
    </ol>
  )
}

function actionsOf({ endpoint, paused, waitingForApproval, candidate, champion }: RolloutStatus) {
  const command = (verb: string): string => `slipway rollout ${verb} ${endpoint} --reason "…"`
  const path = (verb: string): string => `endpoints/${endpoint}/${verb}`
  return [
    ...(waitingForApproval === null
      ? []
      : [
          {
            path: path('approve'),
            label: 'Approve',
            means: `Version ${candidate.version} may take over for good, as ${waitingForApproval} says.`,
            command: command('approve'),
            body: { as: waitingForApproval },
          },
        ]),
    paused
      ? {
          path: path('resume'),
          label: 'Resume',
          means: 'The rollout goes on from where it stands.',
          command: command('resume'),
        }
      : {
          path: path('pause'),
          label: 'Pause',
          means: 'The rollout takes no further step until it is resumed; harm still takes the candidate back.',
          command: command('pause'),
        },
    {
      path: path('promote'),
      label: 'Promote',
      means: `Version ${candidate.version} answers everything from now on, whatever the evidence says.`,
      command: command('promote'),
      isGrave: true,
    },
    {
      path: path('rollback'),
      label: 'Roll back',
      means: `Version ${champion.version} answers everything from now on, and the rollout ends.`,
      command: command('rollback'),
      isGrave: true,
    },
  ]
}

function Decisions({ decisions }: Pick<RolloutStatus, 'decisions'>) {
  if (decisions.length === 0) return null
  return (
    <Section title="Decisions">
      <Table
        label="Decisions"
        columns={['when', 'at', 'decided', 'by', 'because']}
        rows={decisions.toReversed().map(({ seq, at, stage, action, by, reason }) => ({
          key: `${seq}-${action}-${at}`,
          cells: [<When key="at" at={at} />, stage, action, by ?? 'policy', reason],
        }))}
      />
    </Section>
  )
}

function Last({ last }: EndpointDocument) {
  if (last === null) return null
  const { id, outcome, reason, finishedAt, requests, harmed, candidate, champion } = last
  return (
    <Section title="Last rollout" aside={id}>
      <p>
        <State mark={markOf(outcome)}>{outcome}</State> <When at={finishedAt} />: version {champion.version} to version{' '}
        {candidate.version}, {reason}.
      </p>
      <Facts>
        <Fact name="took">{seconds(last.seconds)}</Fact>
        <Fact name="answers by the candidate">{number(requests.candidate)}</Fact>
        <Fact name="answers by the champion">{number(requests.champion)}</Fact>
        <Fact name="requests harmed">{harmed.toFixed(1)}</Fact>
      </Facts>
      <Decisions decisions={last.decisions} />
    </Section>
  )
}
