import { show } from '../formats/show-number.ts'
import { escapeHtml } from './html.ts'

/** How something is drawn: of now, of what it is compared with, or only as a help for the eye. */
type Kind = 'now' | 'then' | 'guess'

export interface PlotPoint {
  readonly x: number
  readonly y: number
}

/** A line through points. */
export interface PlotLine {
  readonly kind: Kind
  readonly points: readonly PlotPoint[]
}

/** A point with its interval, and what hovering it tells. */
export interface PlotDot extends PlotPoint {
  readonly kind: Kind
  readonly low?: number
  readonly high?: number
  readonly title: string
}

export interface Plot {
  readonly title: string
  /** What is along the axes. */
  readonly x: string
  readonly y: string
  /** What is drawn from and to; without, what there is. */
  readonly xEnds?: readonly [number, number]
  readonly yEnds?: readonly [number, number]
  readonly lines?: readonly PlotLine[]
  readonly dots?: readonly PlotDot[]
}

const [width, height, left, foot] = [320, 220, 42, 32]

/** A drawing with both axes: lines, and points with intervals. */
export function plot({ title, x, y, xEnds, yEnds, lines = [], dots = [] }: Plot): string {
  const points = [...lines.flatMap((line) => line.points), ...dots]
  const [x0, x1] = xEnds ?? endsOf(points.map((point) => point.x))
  const [y0, y1] = yEnds ?? endsOf([...points.map((point) => point.y), ...dots.flatMap(({ low, high }) => [low, high])])
  const px = (value: number): string => (left + ((value - x0) / (x1 - x0)) * (width - left - 8)).toFixed(1)
  const py = (value: number): string => (8 + (1 - (value - y0) / (y1 - y0)) * (height - 16)).toFixed(1)
  const paths = lines.map(
    ({ kind, points: own }) =>
      `<path class="${kind === 'now' ? 'path' : `${kind}-line`}" d="${own.map((point, i) => `${i === 0 ? 'M' : 'L'}${px(point.x)} ${py(point.y)}`).join('')}"/>`,
  )
  const marks = dots.map(({ kind, low, high, title: told, ...at }) => {
    const bar =
      low === undefined || high === undefined
        ? ''
        : `<line class="bar" x1="${px(at.x)}" x2="${px(at.x)}" y1="${py(low)}" y2="${py(high)}"/>`
    return `${bar}<circle class="${kind}" cx="${px(at.x)}" cy="${py(at.y)}" r="3"><title>${escapeHtml(told)}</title></circle>`
  })
  const text = (at: string, top: number, anchor: string, words: string): string =>
    `<text x="${at}" y="${top}" text-anchor="${anchor}">${escapeHtml(words)}</text>`
  const labels = [
    text(px(x0), height + 6, 'start', show(x0)),
    text(px(x1), height + 6, 'end', show(x1)),
    text(String((left + width) / 2), height + 20, 'middle', x),
    text(String(left - 6), Number(py(y0)), 'end', show(y0)),
    text(String(left - 6), Number(py(y1)) + 6, 'end', show(y1)),
    `<text transform="translate(12 ${height / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(y)}</text>`,
  ]
  const frame = `<path class="axis" fill="none" d="M${px(x0)} ${py(y1)}L${px(x0)} ${py(y0)}L${px(x1)} ${py(y0)}"/>`
  return `<svg viewBox="0 0 ${width} ${height + foot}" role="img" aria-label="${escapeHtml(title)}">${frame}${labels.join('')}${paths.join('')}${marks.join('')}</svg>`
}

/** From the smallest to the largest value, to round numbers of three digits; never of no length. */
function endsOf(values: readonly (number | undefined)[]): readonly [number, number] {
  const known = values.filter((value) => value !== undefined)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const pad = (high - low || Math.abs(high) || 1) * 0.05
  return [Number((low - pad).toPrecision(3)), Number((high + pad).toPrecision(3))]
}

/** Counts in bins, one group on the other; hovering a bar tells its numbers. */
export function stackedHistogram(
  { bounds, counts }: { readonly bounds: readonly number[]; readonly counts: readonly (readonly number[])[] },
  groups: readonly { readonly name: string; readonly kind: Kind }[],
  x: string,
): string {
  const bins = bounds.length - 1
  const sums = Array.from({ length: bins }, (_, bin) => counts.reduce((sum, own) => sum + (own[bin] as number), 0))
  const top = Math.max(1, ...sums)
  const slot = (width - 16) / bins
  const bars = sums.flatMap((_, bin) => {
    let below = 0
    return groups.map(({ name, kind }, group) => {
      const count = counts[group]?.[bin] as number
      const tall = (count / top) * (height - 16)
      below += tall
      return `<rect class="${kind}" x="${(8 + bin * slot + 0.5).toFixed(1)}" y="${(height - 8 - below).toFixed(1)}" width="${(slot - 1).toFixed(1)}" height="${tall.toFixed(1)}"><title>${show(bounds[bin] as number)} to ${show(bounds[bin + 1] as number)}: ${count} ${escapeHtml(name)}</title></rect>`
    })
  })
  const foot2 = height + 6
  return `<svg viewBox="0 0 ${width} ${height + foot}" role="img" aria-label="Histogram: ${escapeHtml(x)}"><line class="axis" x1="8" x2="${width - 8}" y1="${height - 8}" y2="${height - 8}"/>${bars.join('')}<text x="8" y="${foot2}">${show(bounds[0] as number)}</text><text x="${width - 8}" y="${foot2}" text-anchor="end">${show(bounds.at(-1) as number)}</text><text x="${width / 2}" y="${height + 20}" text-anchor="middle">${escapeHtml(x)}</text></svg>`
}

/** Values as bars beside their names, the first at the top; hovering tells the numbers. */
export function bars(
  values: readonly {
    readonly name: string
    readonly value: number
    readonly spread?: number
    readonly title: string
  }[],
): string {
  const [row, names] = [20, 120]
  const top = Math.max(1e-300, ...values.map(({ value, spread = 0 }) => value + spread))
  const length = (value: number): number => (Math.max(0, value) / top) * (width - names - 8)
  const drawn = values.map(({ name, value, spread, title }, i) => {
    const y = i * row
    const end = names + length(value)
    const range =
      spread === undefined
        ? ''
        : `<line class="bar" x1="${(names + length(value - spread)).toFixed(1)}" x2="${(names + length(value + spread)).toFixed(1)}" y1="${y + 10}" y2="${y + 10}"/>`
    const short = name.length > 20 ? `${name.slice(0, 19)}…` : name
    return `<text x="${names - 6}" y="${y + 14}" text-anchor="end">${escapeHtml(short)}</text><rect class="now" x="${names}" y="${y + 4}" width="${(end - names).toFixed(1)}" height="12"><title>${escapeHtml(title)}</title></rect>${range}`
  })
  return `<svg viewBox="0 0 ${width} ${values.length * row + 4}" role="img" aria-label="Bars">${drawn.join('')}</svg>`
}
