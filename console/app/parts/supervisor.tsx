import type { SupervisorStatus } from '../../../workflows/messages.ts'
import { markOf, State } from './state.tsx'
import { Table } from './table.tsx'
import { When } from './words.tsx'

/** What the supervisor of a pipeline does, was asked for, and did. */
export function Supervisor({ state, reason, run, pending, retrainings }: SupervisorStatus) {
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
