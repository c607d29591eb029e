import type { PartitionDocument } from '../../../client/partition.ts'
import { useDocument } from '../live.ts'
import { Bars } from '../parts/bars.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { TemporalLink } from '../parts/temporal-link.tsx'
import { number, short, When } from '../parts/words.tsx'

/** One partition of a batch with its shards; while it is scored, how far it is. */
export function Batch({ of: { owner = '', name = '', slot = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const seen = useDocument<PartitionDocument>(`batches/${owner}/${name}/${slot}`)
  return (
    <>
      <Head
        title={`${owner} ${name} ${slot}`}
        above={<a href="/batches">Batches</a>}
        seen={[seen]}
        sentence={seen.document && <Standing {...seen.document} />}
      >
        <p>
          <TemporalLink workflow={`batch/${owner}/${name}/${slot}`} />
        </p>
      </Head>
      <Shown of={seen}>{(document) => <Published {...document} />}</Shown>
    </>
  )
}

function Standing({ record, progress }: PartitionDocument) {
  if (progress !== null) {
    const all = progress.planned?.shards
    return (
      <>
        <State mark="busy">scoring</State> {number(progress.done)} of {all === undefined ? 'a number of' : number(all)}{' '}
        shards, {number(progress.scored)} rows.
      </>
    )
  }
  if (record === null) return <>Nothing is published.</>
  return (
    <>
      <State mark="well">published</State> <When at={record.publishedAt} />: {number(record.rows.scored)} rows scored,{' '}
      {number(record.rows.quarantined)} set aside, of {number(record.rows.read)}.
    </>
  )
}

function Published({ record, shards, reasons, progress }: PartitionDocument) {
  const most = Math.max(1, ...shards.map(({ scored, quarantined }) => scored + quarantined))
  return (
    <>
      {progress?.planned != null && (
        <progress max={progress.planned.shards} value={progress.done} aria-label="Shards that are scored" />
      )}
      {record !== null && (
        <Facts>
          <Fact name="model">
            <a href={`/models/${record.model.model}/${record.model.version}`}>
              {record.model.model}@{record.model.version}
            </a>
          </Fact>
          <Fact name="generation">{number(record.generation)}</Fact>
          <Fact name="manifest">
            <code>{short(record.manifest.digest)}</code>
          </Fact>
          <Fact name="output">{record.to ?? 'in the store'}</Fact>
          <Fact name="started by">{record.by}</Fact>
        </Facts>
      )}
      {shards.length > 0 && (
        <Section title="Shards" aside={number(shards.length)}>
          <Table
            label="Shards"
            columns={[
              { name: 'shard', isNumber: true },
              'of',
              'rows',
              { name: 'scored', isNumber: true },
              { name: 'set aside', isNumber: true },
              'share',
            ]}
            rows={shards.map(({ shard, input, from, to, scored, quarantined }) => ({
              key: String(shard),
              cells: [
                shard,
                <code key="input">{input.split('/').slice(-2).join('/')}</code>,
                `${number(from)} to ${to === null ? 'the end' : number(to)}`,
                number(scored),
                number(quarantined),
                <svg key="bar" class="took" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="now" width={(100 * scored) / most} height="4" />
                  <rect class="aside" x={(100 * scored) / most} width={(100 * quarantined) / most} height="4" />
                </svg>,
              ],
            }))}
          />
        </Section>
      )}
      {Object.keys(reasons).length > 0 && (
        <Section title="Why rows were set aside">
          <Bars
            label="Reasons"
            rows={Object.entries(reasons).map(([name, value]) => ({ name, value, words: number(value) }))}
          />
        </Section>
      )}
    </>
  )
}
