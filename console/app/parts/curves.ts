import type { Histogram } from '../../../lib/stats/curves.ts'
import type { ChartProps, Line } from './chart-props.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export type Curve = Omit<Line, 'values'> & { readonly points: readonly Point[] }

/** Several lines over the x of all of them: where a line has no point there is none drawn. */
export function overOneX(curves: readonly Curve[]): Pick<ChartProps, 'x' | 'lines'> {
  const x = [...new Set(curves.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b)
  return {
    x,
    lines: curves.map(({ points, ...line }) => {
      const known = new Map(points.map((point) => [point.x, point.y]))
      return { ...line, values: x.map((each) => known.get(each) ?? (line.isDots ? null : between(points, each))) }
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

/** Counts of bins as bars over the middles of the bins. */
export function overBins({ bounds, counts }: Histogram, name: string): Pick<ChartProps, 'x' | 'lines'> {
  const middles = bounds.slice(1).map((high, i) => ((bounds[i] ?? high) + high) / 2)
  return { x: middles, lines: [{ name, color: 'now', isBars: true, values: counts[0] ?? [] }] }
}

/** The line on which an answer is as it was predicted. */
export const asPredicted = (from: number, to: number): Curve => ({
  name: 'as predicted',
  color: 'soft',
  isDashed: true,
  points: [
    { x: from, y: from },
    { x: to, y: to },
  ],
})

/** What is looked at, and the same of another version where there is one. */
export const beside = <Shape>(
  now: readonly Point[],
  then: Shape | undefined,
  other: string,
  pointsOf: (shape: Shape) => readonly Point[] | undefined,
): Curve[] => {
  const points = then === undefined ? undefined : pointsOf(then)
  return [
    { name: 'this version', color: 'now', points: now },
    ...(points === undefined ? [] : [{ name: other, color: 'then', points }]),
  ]
}
