import { driftMeasures, isDriftMeasure } from '../../../lib/formats/drift-measures/index.ts'
import type { ColumnDrift } from '../../../lib/formats/monitor-report.ts'
import { nameOfColumn } from '../../../lib/stats/answer-profile.ts'
import { Table } from './table.tsx'
import { number, percent } from './words.tsx'

/** How the columns of a check differ from the training rows, the most moved first. */
export function ColumnsDrift({ columns }: { readonly columns: readonly ColumnDrift[] }) {
  if (columns.length === 0) return <p class="soft">No traffic was compared.</p>
  const sorted = columns.toSorted((a, b) => (b.measures.psi?.value ?? 0) - (a.measures.psi?.value ?? 0))
  const measured = new Set(sorted.flatMap((column) => Object.keys(column.measures)))
  const known = Object.keys(driftMeasures).filter((name) => measured.has(name))
  const measures = [...known, ...[...measured].filter((name) => !isDriftMeasure(name))]
  return (
    <Table
      label="Columns"
      columns={[
        'column',
        'then and now',
        { name: 'importance', isNumber: true },
        ...measures.map((name) => ({ name: titleOf(name), isNumber: true })),
      ]}
      rows={sorted.map((column) => ({
        key: column.name,
        cells: [
          nameOfColumn(column.name),
          <Bins key="bins" {...column} />,
          column.importance === null ? '' : percent(column.importance),
          ...measures.map((name) => {
            const estimate = column.measures[name]
            return estimate === undefined ? (
              ''
            ) : (
              <span title={`${number(estimate.low)} to ${number(estimate.high)}`}>{number(estimate.value)}</span>
            )
          }),
        ],
      }))}
    />
  )
}

const titleOf = (measure: string): string => (isDriftMeasure(measure) ? driftMeasures[measure].title : measure)

/** Shares of the rows by bin, of training and now, side by side. */
function Bins({ name, bins }: ColumnDrift) {
  const most = Math.max(0.01, ...bins.flatMap(({ baseline, now }) => [baseline, now]))
  const width = 100 / Math.max(1, bins.length)
  return (
    <svg
      class="bins"
      viewBox="0 0 100 30"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${nameOfColumn(name)}: shares of training rows beside now`}
    >
      {bins.map(({ label, baseline, now }, i) => (
        <g key={label}>
          <title>
            {label}: training {percent(baseline)}, now {percent(now)}
          </title>
          <rect
            class="then"
            x={i * width}
            width={width * 0.42}
            y={30 - (30 * baseline) / most}
            height={(30 * baseline) / most}
          />
          <rect
            class="now"
            x={(i + 0.44) * width}
            width={width * 0.42}
            y={30 - (30 * now) / most}
            height={(30 * now) / most}
          />
        </g>
      ))}
    </svg>
  )
}
