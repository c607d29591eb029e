import type { ScheduleDocument } from '../../../client/schedules.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Shown } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/words.tsx'

/** Everything that happens by itself. */
export function Schedules() {
  const seen = useDocument<readonly ScheduleDocument[]>('schedules')
  return (
    <>
      <Head title="Schedules" seen={[seen]} />
      <Shown of={seen}>
        {(schedules) =>
          schedules.length === 0 ? (
            <Empty>Nothing is scheduled. Monitors, batches and retrainings of pipelines make schedules.</Empty>
          ) : (
            <Table
              label="Schedules"
              columns={['schedule', 'kind', 'state', 'last', 'next']}
              rows={schedules.map(({ id, kind, paused, note, last, next }) => ({
                key: id,
                cells: [
                  <a key="id" href={pageOf(id, kind)}>
                    {id.replace('/', ' ')}
                  </a>,
                  kind,
                  <State key="state" mark={paused ? 'asks' : 'well'}>
                    {paused ? `paused${note === '' ? '' : `: ${note}`}` : 'on'}
                  </State>,
                  <When key="last" at={last} />,
                  paused ? '' : <When key="next" at={next} />,
                ],
              }))}
            />
          )
        }
      </Shown>
    </>
  )
}

/** The page that shows what a schedule does. */
function pageOf(id: string, kind: string): string {
  const [owner] = id.split('/')
  if (kind === 'batch') return '/batches'
  return kind === 'retrain' ? `/pipelines/${owner}` : `/monitors/${owner}`
}
