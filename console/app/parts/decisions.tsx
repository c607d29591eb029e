import type { RolloutDecision } from '../../../lib/formats/records.ts'
import { Section } from './page.tsx'
import { Table } from './table.tsx'
import { When } from './words.tsx'

/** What was decided of a rollout, the newest first. */
export function Decisions({ decisions }: { readonly decisions: readonly RolloutDecision[] }) {
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
