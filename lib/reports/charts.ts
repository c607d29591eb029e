import { escapeHtml } from './html.ts'

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

/** Two histograms over the same bins, bars side by side; hovering a bar tells its numbers. */
export function histogram(bins: readonly { label: string; baseline: number; now: number }[]): string {
  const [width, height, foot] = [320, 110, 30]
  const top = Math.max(0.01, ...bins.flatMap(({ baseline, now }) => [baseline, now]))
  const slot = width / Math.max(1, bins.length)
  const bar = Math.min(11, slot * 0.4)
  const every = Math.ceil(bins.length / 6)
  const marks = bins.map(({ label, baseline, now }, i) => {
    const x = i * slot + slot / 2
    const rect = (share: number, kind: string, at: number): string => {
      const h = (share / top) * (height - 8)
      return `<rect class="${kind}" x="${at.toFixed(1)}" y="${(height - h).toFixed(1)}" width="${bar.toFixed(1)}" height="${h.toFixed(1)}"><title>${escapeHtml(label)}: training ${percent(baseline)}, now ${percent(now)}</title></rect>`
    }
    const text =
      i % every === 0
        ? `<text x="${x.toFixed(1)}" y="${height + 12 + (Math.floor(i / every) % 2) * 12}" text-anchor="middle">${escapeHtml(label)}</text>`
        : ''
    return rect(baseline, 'then', x - bar) + rect(now, 'now', x) + text
  })
  return `<svg viewBox="0 0 ${width} ${height + foot}" role="img" aria-label="Histogram, training rows beside now"><line class="axis" x1="0" x2="${width}" y1="${height}" y2="${height}"/>${marks.join('')}</svg>`
}

export interface LinePoint {
  readonly x: number
  readonly y: number
  readonly title: string
  readonly isBad: boolean
  /** Ends of its interval, where there is one. */
  readonly low?: number
  readonly high?: number
}

const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(5, 16).replace('T', ' ')

/** A value over time, with its limit, and maybe a second line for what was guessed before it was known. */
export function timeline(
  points: readonly LinePoint[],
  options: {
    readonly limit?: number | undefined
    readonly guesses?: readonly { x: number; y: number }[]
    readonly when?: (ms: number) => string
  } = {},
): string {
  const [width, height, left, foot] = [320, 100, 40, 16]
  const { limit, guesses = [], when = minuteOf } = options
  if (points.length === 0) return ''
  const values = [
    ...points.flatMap(({ y, low = y, high = y }) => [y, low, high]),
    ...guesses.map(({ y }) => y),
    ...(limit === undefined ? [] : [limit]),
  ]
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const pad = (high - low || Math.abs(high) || 1) * 0.12
  const [from, to] = [low - pad, high + pad]
  const xs = points.map(({ x }) => x)
  const [first, last] = [Math.min(...xs), Math.max(...xs)]
  const px = (x: number): string => (left + ((x - first) / (last - first || 1)) * (width - left - 8)).toFixed(1)
  const py = (y: number): string => (height - ((y - from) / (to - from)) * (height - 8)).toFixed(1)
  const path = (line: readonly { x: number; y: number }[]): string =>
    line.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${px(x)} ${py(y)}`).join('')
  const label = (y: number): string =>
    `<text x="${left - 6}" y="${(Number(py(y)) + 4).toFixed(1)}" text-anchor="end">${Number(y.toPrecision(3))}</text>`
  const bars = points.map(({ x, low, high }) =>
    low === undefined || high === undefined
      ? ''
      : `<line class="bar" x1="${px(x)}" x2="${px(x)}" y1="${py(low)}" y2="${py(high)}"/>`,
  )
  const dots = points.map(
    ({ x, y, title, isBad }) =>
      `<circle class="dot${isBad ? ' bad' : ''}" cx="${px(x)}" cy="${py(y)}" r="${points.length > 60 ? 1.4 : 2.4}"><title>${escapeHtml(title)}</title></circle>`,
  )
  const ends = `<text x="${left}" y="${height + 13}">${when(first)}</text><text x="${width}" y="${height + 13}" text-anchor="end">${when(last)}</text>`
  return `<svg viewBox="0 0 ${width} ${height + foot}" role="img" aria-label="Time line">${ends}<line class="axis" x1="${left}" x2="${width}" y1="${height}" y2="${height}"/>${low === high ? label(low) : label(low) + label(high)}${
    limit === undefined ? '' : `<line class="limit" x1="${left}" x2="${width}" y1="${py(limit)}" y2="${py(limit)}"/>`
  }${guesses.length > 1 ? `<path class="guess" d="${path(guesses)}"/>` : ''}${bars.join('')}<path class="path" d="${path(points)}"/>${dots.join('')}</svg>`
}
