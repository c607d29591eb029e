import type { EndpointState } from '../../../client/endpoint-states.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Shown } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { number, When } from '../parts/words.tsx'

/** What is watched, with the last check of each. */
export function Monitors() {
  const seen = useDocument<readonly EndpointState[]>('endpoints')
  return (
    <>
      <Head title="Monitors" seen={[seen]} />
      <Shown of={seen}>
        {(endpoints) => {
          const watched = endpoints.filter(({ watchedBy }) => watchedBy !== null)
          if (watched.length === 0)
            return <Empty>Nothing is watched yet. Give a pipeline a p.monitor, and run it.</Empty>
          return (
            <Table
              label="Monitors"
              columns={['endpoint', 'state', 'pipeline', 'checked', { name: 'rows', isNumber: true }, 'verdict']}
              rows={watched.map(({ endpoint, watchedBy, check }) => ({
                key: endpoint,
                cells: [
                  <a key="endpoint" href={`/monitors/${endpoint}`}>
                    {endpoint}
                  </a>,
                  check === null ? (
                    <State key="state" mark="none">
                      not checked yet
                    </State>
                  ) : (
                    <State key="state" mark={check.incident === null ? 'well' : 'broken'}>
                      {check.incident === null ? 'no alarm' : 'alarm'}
                    </State>
                  ),
                  <a key="pipeline" href={`/pipelines/${watchedBy}`}>
                    {watchedBy}
                  </a>,
                  <When key="at" at={check?.at} />,
                  check === null ? '' : number(check.rows),
                  check?.verdict ?? '',
                ],
              }))}
            />
          )
        }}
      </Shown>
    </>
  )
}
