import type { EndpointDocument } from '../../../client/endpoints.ts'
import { useDocument } from '../live.ts'
import { Actions } from '../parts/act.tsx'
import { Decisions } from '../parts/decisions.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { Rollout } from '../parts/rollout.tsx'
import { actionsOfRoute } from '../parts/route-actions.ts'
import { Split } from '../parts/split.tsx'
import { markOf, State } from '../parts/state.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { number, percent, seconds, When } from '../parts/words.tsx'

/** What an endpoint serves, its rollout as it goes on or the last one that ended, and the buttons to decide by. */
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
            {document.rollout !== null && <Rollout {...document.rollout} />}
            {document.last !== null && <Last {...document} />}
          </>
        )}
      </Shown>
    </>
  )
}

function Serving({ route, rollout, suspended }: EndpointDocument) {
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
      {suspended.length > 0
        ? 'Nobody watches it: its candidate gets nothing until somebody does.'
        : rollout === null
          ? 'No worker answers how it stands; it goes on when one does.'
          : `Now: ${rollout.reason}.`}
    </>
  )
}

function Route(document: EndpointDocument) {
  const { endpoint, route } = document
  const { champion, previous, rollout, revision } = route
  const version = (of: { model: string; version: number }) => (
    <a href={`/models/${of.model}/${of.version}`}>version {of.version}</a>
  )
  const actions = actionsOfRoute(document)
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
      {actions.length > 0 && <Actions actions={actions} />}
    </div>
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
