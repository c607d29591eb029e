import { Chart } from './chart.tsx'
import { timelineCharts, type Watched } from './timeline-charts.ts'

/** What a monitor saw over time, drawn. */
export function TimeLines(watched: Watched) {
  if (watched.points.length === 0) return <p class="soft">No check has a point yet.</p>
  return (
    <div class="cards wide">
      {timelineCharts(watched).map((chart) => (
        <div key={chart.label} class="card">
          <Chart {...chart} />
        </div>
      ))}
    </div>
  )
}
