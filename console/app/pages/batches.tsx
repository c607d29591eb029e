import type { BatchDefinitionDocument } from '../../../client/batches.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Section, Shown } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { number, When } from '../parts/words.tsx'

/** What is scored in batches, and which days of it are published. */
export function Batches() {
  const seen = useDocument<readonly BatchDefinitionDocument[]>('batches')
  return (
    <>
      <Head title="Batches" seen={[seen]} />
      <Shown of={seen}>
        {(batches) =>
          batches.length === 0 ? (
            <Empty command="npx slipway batch score <model> --from … --to …">
              No batch is defined. A p.batch in a pipeline makes one; a file is scored by:
            </Empty>
          ) : (
            batches.map((batch) => <Batch key={`${batch.owner}/${batch.name}`} {...batch} />)
          )
        }
      </Shown>
    </>
  )
}

/** Partitions that are linked to; a command lists all. */
const linked = 60

function Batch({ owner, name, cron, from, to, slots, last }: BatchDefinitionDocument) {
  return (
    <Section title={`${owner} ${name}`} aside={cron === null ? 'when asked' : `${cron} UTC`}>
      <Table
        label={`${owner} ${name}`}
        columns={[
          'from',
          'to',
          { name: 'published', isNumber: true },
          'last',
          { name: 'rows', isNumber: true },
          'model',
          'at',
        ]}
        rows={[
          {
            key: 'it',
            cells: [
              <code key="from">{from}</code>,
              <code key="to">{to ?? 'the store'}</code>,
              number(slots.length),
              last === null ? (
                ''
              ) : (
                <a key="last" href={`/batches/${owner}/${name}/${last.slot}`}>
                  {last.slot}
                </a>
              ),
              last === null ? '' : number(last.rows.scored),
              last === null ? (
                ''
              ) : (
                <a key="model" href={`/models/${last.model.model}/${last.model.version}`}>
                  {last.model.model}@{last.model.version}
                </a>
              ),
              <When key="at" at={last?.publishedAt} />,
            ],
          },
        ]}
      />
      {slots.length > 1 && (
        <ul class="facts">
          {slots.slice(-linked).map((slot) => (
            <li key={slot}>
              <a href={`/batches/${owner}/${name}/${slot}`}>{slot}</a>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
