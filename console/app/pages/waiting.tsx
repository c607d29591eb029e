import type { Waiting as Question } from '../../../client/waiting.ts'
import { useDocument } from '../live.ts'
import { Actions } from '../parts/act.tsx'
import { Empty, Head, Shown } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { When } from '../parts/words.tsx'

/** What waits for whom, with the buttons to answer it. */
export function Waiting() {
  const seen = useDocument<readonly Question[]>('waiting')
  return (
    <>
      <Head title="Waiting" seen={[seen]} sentence={seen.document && inOneSentence(seen.document.length)} />
      <Shown of={seen}>
        {(questions) =>
          questions.length === 0 ? (
            <Empty>Nobody is asked for anything.</Empty>
          ) : (
            <div class="pipelines">
              {questions.map((each) =>
                each.kind === 'run' ? <OfRun key={each.runId} {...each} /> : <OfRollout key={each.rollout} {...each} />,
              )}
            </div>
          )
        }
      </Shown>
    </>
  )
}

const inOneSentence = (count: number): string =>
  count === 0
    ? 'Nothing waits for anybody.'
    : count === 1
      ? 'One thing waits for somebody.'
      : `${count} things wait for somebody.`

function OfRun({ runId, pipeline, for: role, until, asked }: Extract<Question, { kind: 'run' }>) {
  const about = {
    ...(asked.step !== undefined && { step: asked.step }),
    ...(asked.against !== undefined && { against: asked.against?.digest ?? null }),
  }
  const action = (verb: 'approve' | 'reject', label: string, means: string) => ({
    path: `runs/${runId}/${verb}`,
    label,
    means,
    command: `slipway ${verb} ${runId} --reason "…"`,
    body: { as: role, about },
    isGrave: verb === 'reject',
  })
  return (
    <article class="card pipeline asks">
      <h2>
        {pipeline} <State mark="asks">{`waits for ${role}`}</State>
      </h2>
      <p>
        <a href={`/runs/${runId}`}>{runId}</a> asks whether its model may go on. The time for an answer ends{' '}
        <When at={until} />.
      </p>
      {asked.anew != null && <p class="soft">It was {asked.anew}.</p>}
      <Actions
        actions={[
          action('approve', 'Approve', `The run goes on, as ${role} says. Nobody checks the role.`),
          action('reject', 'Reject', 'The run ends, and what serves stays.'),
        ]}
      />
    </article>
  )
}

function OfRollout({ endpoint, for: role, candidate, why, reason }: Extract<Question, { kind: 'rollout' }>) {
  return (
    <article class="card pipeline asks">
      <h2>
        {endpoint} <State mark="asks">{why === 'paused' ? 'paused' : `waits for ${role}`}</State>
      </h2>
      <p>
        The rollout of version {candidate}: {reason}.{' '}
        <a href={`/endpoints/${endpoint}`}>Its evidence and its buttons</a>
      </p>
    </article>
  )
}
