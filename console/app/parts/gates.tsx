import type { GateResult } from '../../../lib/formats/records.ts'
import { Section } from './page.tsx'
import { State } from './state.tsx'
import { Table } from './table.tsx'

/** How a candidate fared at its gates; nothing where there were none. */
export function Gates({ of: gates }: { readonly of: readonly Pick<GateResult, 'name' | 'passed' | 'evidence'>[] }) {
  if (gates.length === 0) return null
  return (
    <Section title="Gates">
      <Table
        label="Gates"
        columns={['gate', 'outcome', 'evidence']}
        rows={gates.map(({ name, passed, evidence }) => ({
          key: name,
          cells: [
            name,
            <State key="outcome" mark={passed ? 'well' : 'broken'}>
              {passed ? 'passed' : 'failed'}
            </State>,
            evidence,
          ],
        }))}
      />
    </Section>
  )
}
