import type { RolloutStatus } from '../../../workflows/messages.ts'
import { Meter } from './meter.tsx'
import { Section } from './page.tsx'
import { State } from './state.tsx'
import { Table } from './table.tsx'
import { number } from './words.tsx'

/** What was seen of both versions, beside what it takes to decide. */
export function Evidence({ verdicts, policy }: Pick<RolloutStatus, 'verdicts' | 'policy'>) {
  return (
    <Section title="Evidence" aside="against what it takes to decide">
      <Table
        label="Evidence"
        columns={[
          'watched',
          'so far',
          { name: 'candidate', isNumber: true },
          { name: 'champion', isNumber: true },
          'harm (e-value)',
          'no worse (e-value)',
        ]}
        rows={verdicts.map((verdict) => ({
          key: verdict.metric,
          cells: [
            verdict.metric,
            <State
              key="so"
              mark={verdict.verdict === 'worse' ? 'broken' : verdict.verdict === 'inconclusive' ? 'none' : 'well'}
            >
              {verdict.verdict === 'inconclusive' ? 'open' : verdict.verdict}
            </State>,
            <Share key="b" {...verdict.candidate} />,
            <Share key="a" {...verdict.champion} />,
            <Meter
              key="harm"
              value={verdict.harm}
              limit={limitOf(policy?.alpha.rollback)}
              label={`${verdict.metric}: e-value for worse`}
              isBad
            />,
            verdict.notWorse === null ? (
              'not asked'
            ) : (
              <Meter
                key="safe"
                value={verdict.notWorse}
                limit={limitOf(policy?.alpha.promote)}
                label={`${verdict.metric}: e-value for not worse`}
              />
            ),
          ],
        }))}
      />
      <p class="soft">
        An e-value at its mark decides: for harm the candidate is taken back, for no worse on every metric it goes on.
        The scale is logarithmic.
      </p>
    </Section>
  )
}

const limitOf = (alpha: number | undefined): number | null => (alpha === undefined ? null : 1 / alpha)

function Share({ n, k }: { readonly n: number; readonly k: number }) {
  return n === 0 ? (
    <span class="soft">none yet</span>
  ) : (
    <span title={`${number(k)} of ${number(n)}`}>
      {((100 * k) / n).toFixed(2)} % <span class="soft">of {number(n)}</span>
    </span>
  )
}
