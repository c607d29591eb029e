import type { ModelQuality } from '../../../lib/stats/model-quality.ts'
import { Chart } from './chart.tsx'
import { ClassTable, Confusion } from './class-tables.tsx'
import { chartsOf } from './task-charts.ts'

/** How a model does, drawn as its task asks for; beside another version on the same rows where there is one. */
export function QualityCharts({
  quality: { shape },
  against,
  other = 'the other',
}: {
  readonly quality: ModelQuality
  readonly against: ModelQuality | undefined
  readonly other: string | undefined
}) {
  const charts = chartsOf(shape, against?.shape, other)
  return (
    <>
      <div class="cards">
        {charts.map((chart) => (
          <div key={chart.label} class="card">
            <Chart {...chart} />
          </div>
        ))}
      </div>
      {shape.task === 'multiclass' && (
        <>
          <Confusion {...shape} />
          <ClassTable {...shape} />
        </>
      )}
    </>
  )
}
