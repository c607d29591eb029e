import { useState } from 'preact/hooks'
import type { ArtifactDocument } from '../../../client/artifact.ts'
import type { RunDocument } from '../../../client/run-document.ts'
import type { GraphStep, RunGraph } from '../../../client/run-graph.ts'
import type { RunningDocument } from '../../../client/running.ts'
import { useDocument } from '../live.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Gates } from '../parts/gates.tsx'
import { Graph } from '../parts/graph.tsx'
import { Command, Head, Section, Shown } from '../parts/page.tsx'
import { markOf, State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { number, seconds, When } from '../parts/words.tsx'

/** A run as a graph, with what each step took and why it ran. */
export function Run({ of: { run = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const graph = useDocument<RunGraph>(`runs/${run}/graph`)
  const shown = useDocument<RunDocument | RunningDocument>(`runs/${run}`)
  return (
    <>
      <Head
        title={run}
        above={<a href="/runs">Runs</a>}
        seen={[shown, graph]}
        sentence={graph.document && <Standing {...graph.document} />}
      >
        <p>
          <TemporalLink workflow={`run/${run}`} />
        </p>
      </Head>
      {shown.document !== undefined && 'gates' in shown.document && <Ended {...shown.document} />}
      <Shown of={graph}>{(document) => <Steps {...document} />}</Shown>
    </>
  )
}

function Standing({ status, steps, waits, rollout }: RunGraph) {
  const count = (state: GraphStep['state']): number => steps.filter((step) => step.state === state).length
  const ran = count('done')
  const words = [
    ...(ran > 0 ? [`${ran} ran`] : []),
    ...(count('reused') > 0 ? [`${count('reused')} reused`] : []),
    ...(count('failed') > 0 ? [`${count('failed')} failed`] : []),
    ...(count('running') > 0 ? [`${count('running')} under way`] : []),
  ]
  return (
    <>
      <State mark={markOf(status)}>{status}</State> {steps.length} steps
      {count('unknown') > 0 ? '' : `: ${words.join(', ') || 'none begun'}`}.
      {waits !== null && ` It ${waits.startsWith('waits') ? waits : `waits: ${waits}`}.`}
      {rollout !== null && (
        <>
          {' '}
          Rollout <a href={`/endpoints/${endpointOf(rollout)}`}>{rollout}</a>.
        </>
      )}
    </>
  )
}

/** `credit-20261122-034512-k3x9`, a rollout of `credit`. */
const endpointOf = (rollout: string): string => rollout.replace(/-\d{8}-\d{6}-\w+$/, '')

/** What came of a run: its error first, its gates, its model, who began it. */
function Ended({ error, gates, model, metrics, origin, startedAt, finishedAt, branches = [] }: RunDocument) {
  const lost = branches.filter(({ status }) => status !== 'succeeded')
  return (
    <>
      {error !== undefined && (
        <div class={`note ${error.code === 'INTERNAL' || error.step !== null ? 'bad' : ''}`}>
          <strong>{error.code}</strong> {error.message}
          {error.file !== undefined && (
            <code>
              {' '}
              {error.file}:{error.line}
            </code>
          )}
          {error.next !== null && <span class="soft"> Next: {error.next}</span>}
        </div>
      )}
      <Facts>
        {model !== null && (
          <Fact name="model">
            <a href={`/models/${model.name}/${model.version}`}>
              {model.name}@{model.version}
            </a>
            {model.champion && <span class="soft"> champion</span>}
          </Fact>
        )}
        {Object.entries(metrics)
          .slice(0, 4)
          .map(([name, value]) => (
            <Fact key={name} name={name}>
              {number(value)}
            </Fact>
          ))}
        <Fact name="began">
          <When at={startedAt} />
        </Fact>
        <Fact name="took">{seconds((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)}</Fact>
        {origin.commit !== undefined && (
          <Fact name="commit">
            <code>{origin.commit.slice(0, 12)}</code>
          </Fact>
        )}
        {origin.user !== undefined && <Fact name="by">{origin.user}</Fact>}
        {branches.length > 0 && (
          <Fact name="branches">
            {number(branches.length - lost.length)} of {number(branches.length)} ended well
          </Fact>
        )}
      </Facts>
      <Gates of={gates} />
    </>
  )
}

function Steps({ steps, runId }: RunGraph) {
  const longest = Math.max(0.001, ...steps.map((step) => step.seconds ?? 0))
  return (
    <div class="run">
      <Graph
        label={`Steps of ${runId}`}
        nodes={steps.map(({ id, state, summary, reason, seconds: took }) => ({
          id,
          title: id,
          note: state === 'done' && took !== null ? `${seconds(took)} · ${summary}` : state,
          look: state.replace(' ', '-'),
          hint: `${id}: ${state}. ${summary}${reason === '' ? '' : `\n${reason}`}`,
          href: `#row-${id}`,
        }))}
        edges={steps.flatMap(({ id, needs }) => needs.map((from) => ({ from, to: id })))}
      />
      <div>
        <Section title="Steps">
          <Table
            label="Steps"
            columns={['step', 'state', { name: 'time', isNumber: true }, 'made', 'why']}
            rows={steps.map(({ id, state, summary, reason, seconds: took }) => ({
              key: id,
              cells: [
                <code key="id">{id}</code>,
                <State key="state" mark={markOf(state)}>
                  {state}
                </State>,
                took === null ? '' : <Took key="took" seconds={took} longest={longest} />,
                summary,
                <span key="why" class={state === 'failed' ? 'bad' : 'soft'}>
                  {reason}
                </span>,
              ],
            }))}
          />
        </Section>
        {steps.some(({ log }) => log !== null) && (
          <Section title="Logs">
            {steps.map(({ id, log }) => (log === null ? null : <Log key={id} run={runId} step={id} digest={log} />))}
          </Section>
        )}
      </div>
    </div>
  )
}

/** What the program of a step printed, read when somebody looks. */
function Log({ run, step, digest }: { readonly run: string; readonly step: string; readonly digest: string }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="log" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <code>{step}</code>
      </summary>
      {isOpen && <LogText path={`runs/${run}/logs/${digest}`} />}
    </details>
  )
}

function LogText({ path }: { readonly path: string }) {
  const seen = useDocument<ArtifactDocument>(path)
  return (
    <>
      {seen.command !== '' && <Command command={seen.command} />}
      <Shown of={seen}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        {({ text = '' }) => <pre tabIndex={0}>{text === '' ? 'It printed nothing.' : text}</pre>}
      </Shown>
    </>
  )
}

/** How long a step took, beside the longest one. */
function Took({ seconds: value, longest }: { readonly seconds: number; readonly longest: number }) {
  return (
    <>
      {seconds(value)}
      <svg class="took" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="now" width={(100 * value) / longest} height="4" />
      </svg>
    </>
  )
}
