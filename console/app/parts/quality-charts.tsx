import type { ModelQuality } from '../../../lib/stats/model-quality.ts'
import { Chart, type Line } from './chart.tsx'

interface Point {
  readonly x: number
  readonly y: number
}

/** Several lines over the x of all of them: where a line has no point there is none drawn. */
export function overOneX(lines: readonly (Omit<Line, 'values'> & { readonly points: readonly Point[] })[]): {
  readonly x: number[]
  readonly lines: Line[]
} {
  const x = [...new Set(lines.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b)
  return {
    x,
    lines: lines.map(({ points, ...line }) => {
      const known = new Map(points.map((point) => [point.x, point.y]))
      return { ...line, values: x.map((each) => known.get(each) ?? between(points, each)) }
    }),
  }
}

/** The y of a line of points at an x; null beside its ends. */
function between(points: readonly Point[], x: number): number | null {
  const after = points.findIndex((point) => point.x >= x)
  const [a, b] = [points[after - 1], points[after]]
  if (a === undefined || b === undefined) return null
  return b.x === a.x ? b.y : a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x)
}

/** How a model does, drawn; beside another one where there is one. */
export function QualityCharts({
  quality,
  against,
  other = 'the other',
}: {
  readonly quality: ModelQuality
  readonly against: ModelQuality | undefined
  readonly other: string | undefined
}) {
  const { shape } = quality
  const then = against?.shape
  if (shape.task !== 'binary') return null
  const before = then?.task === 'binary' ? then : undefined
  const curves = shape.curves
  const line = (points: readonly Point[], beside: readonly Point[] | undefined, chance: readonly Point[]) =>
    overOneX([
      { name: 'this version', color: 'now', points },
      ...(beside === undefined ? [] : [{ name: other, color: 'then', points: beside }]),
      { name: 'chance', color: 'soft', isDashed: true, points: chance },
    ])
  const calibrated = shape.calibration.map((bin) => ({ x: bin.meanPrediction, y: bin.positiveShare }))
  return (
    <div class="cards">
      {curves !== undefined && (
        <div class="card">
          <Chart
            label="ROC: true positives over false ones"
            range={[0, 1]}
            {...line(curves.roc, before?.curves?.roc, diagonal)}
          />
        </div>
      )}
      {curves !== undefined && (
        <div class="card">
          <Chart
            label="Precision over recall"
            range={[0, 1]}
            {...line(curves.precisionRecall, before?.curves?.precisionRecall, [
              { x: 0, y: curves.positiveShare },
              { x: 1, y: curves.positiveShare },
            ])}
          />
        </div>
      )}
      {calibrated.length > 0 && (
        <div class="card">
          <Chart
            label="Calibration: observed over predicted"
            range={[0, 1]}
            {...overOneX([
              { name: 'this version', color: 'now', points: calibrated },
              { name: 'as predicted', color: 'soft', isDashed: true, points: diagonal },
            ])}
          />
        </div>
      )}
    </div>
  )
}

const diagonal = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
]
