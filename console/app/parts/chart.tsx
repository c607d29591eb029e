import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { ChartProps, Mark } from './chart-props.ts'
import { number } from './words.tsx'

/** Lines over time, or of one number over another; its figures stand in a table that opens below it. */
export function Chart(props: ChartProps) {
  const { label, x, lines, isTime = false, limit, marks = [] } = props
  const place = useRef<HTMLDivElement>(null)
  const drawn = JSON.stringify([x, lines, limit, marks])
  useEffect(() => {
    const element = place.current
    if (element === null || x.length === 0) return
    let plot: uPlot | undefined
    const draw = (): void => {
      plot?.destroy()
      plot = new uPlot(
        optionsOf(props, element.clientWidth),
        [[...x], ...lines.map(({ values }) => [...values])],
        element,
      )
    }
    draw()
    let width = element.clientWidth
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return
      width = element.clientWidth
      plot?.setSize({ width, height: props.height ?? 190 })
    })
    observer.observe(element)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    addEventListener('theme', draw)
    dark.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      removeEventListener('theme', draw)
      dark.removeEventListener('change', draw)
      plot?.destroy()
    }
  }, [drawn])
  const last = lines.map(({ name, values }) => {
    const value = values.findLast((each) => each !== null)
    return value == null ? name : `${name} last ${number(value)}`
  })
  const at = (value: number): string =>
    isTime ? new Date(value * 1000).toISOString().slice(0, 16).replace('T', ' ') : number(value)
  return (
    <figure class="chart">
      <figcaption>
        <h3>{label}</h3>
        <ul class="key">
          {lines.map(({ name, color }) => (
            <li key={name}>
              <i class={`swatch ${color}`} /> {name}
            </li>
          ))}
          {limit !== undefined && (
            <li>
              <i class="swatch bad" /> limit {number(limit)}
            </li>
          )}
        </ul>
      </figcaption>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`${label}: ${last.join(', ')}${limit === undefined ? '' : `, limit ${number(limit)}`}`}
      />
      <details>
        <summary>Figures</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <section class="scroll figures-table" aria-label={`Figures of ${label}`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{props.xName ?? (isTime ? 'UTC' : 'x')}</th>
                {lines.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {x.map((value, i) => (
                <tr key={value}>
                  <td>{at(value)}</td>
                  {lines.map(({ name, values }) => (
                    <td key={name} class="number">
                      {values[i] == null ? '' : number(values[i])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  )
}

const bars = uPlot.paths.bars?.({ size: [0.8, 40] })

function optionsOf(
  { lines, isTime = false, limit, marks = [], range, height = 190, x }: ChartProps,
  width: number,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis: uPlot.Axis = {
    stroke: color('soft'),
    grid: { stroke: color('line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {
      x: { time: isTime, ...rangeOfX(x, lines) },
      y: {
        range:
          range === undefined
            ? lines.some(({ isBars }) => isBars)
              ? rangeWith(0)
              : rangeWith(limit)
            : [range[0], range[1]],
      },
    },
    axes: [
      { ...axis, size: 30, ...(isTime && { space: 76, values: timesOf }) },
      { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(4)))) },
    ],
    series: [
      {},
      ...lines.map(
        ({ name, color: of, isDashed = false, isDots = false, isBars = false }): uPlot.Series => ({
          label: name,
          stroke: color(of),
          width: isDots ? 0 : 1.6,
          ...(isDashed && { dash: [5, 4] }),
          ...(isBars && bars !== undefined && { paths: bars, fill: color(of) }),
          points: { show: isBars ? false : isDots || x.length < 40, size: isDots ? 6 : 4, fill: color(of) },
        }),
      ),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, limit, marks, color)] },
  }
}

/** Hours and minutes of a short stretch, seconds of a very short one, days of a long one; UTC. */
function timesOf(plot: uPlot, ticks: readonly number[]): string[] {
  const { min, max } = plot.scales.x ?? {}
  const stretch = Number(max) - Number(min)
  const shown = stretch > 2 * 86_400 ? ([5, 10] as const) : ([11, stretch < 600 ? 19 : 16] as const)
  return ticks.map((tick) => new Date(tick * 1000).toISOString().slice(...shown))
}

/** A lone point has room at both sides, and so have bars; lines begin and end at the edges. */
function rangeOfX(x: readonly number[], lines: ChartProps['lines']): { range?: [number, number] } {
  const [first = 0, last = 0] = [x[0], x.at(-1)]
  const room = x.length < 2 ? 60 : lines.some(({ isBars }) => isBars) ? (last - first) / (x.length - 1) / 2 : 0
  return room === 0 ? {} : { range: [first - room, last + room] }
}

/** A range that the limit is in. */
const rangeWith =
  (limit: number | undefined) =>
  (_: uPlot, low: number | null, high: number | null): [number, number] => {
    const values = [low, high, limit].filter(
      (each): each is number => typeof each === 'number' && Number.isFinite(each),
    )
    const [from, to] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)]
    const room = (to - from || Math.abs(to) || 1) * 0.12
    return [from >= 0 && from - room < 0 ? 0 : from - room, to + room]
  }

function drawMarks(
  plot: uPlot,
  limit: number | undefined,
  marks: readonly Mark[],
  color: (name: string) => string,
): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.lineWidth = ratio
  ctx.font = `${10 * ratio}px system-ui, sans-serif`
  if (limit !== undefined) {
    const y = plot.valToPos(limit, 'y', true)
    ctx.strokeStyle = color('bad')
    ctx.setLineDash([4 * ratio, 4 * ratio])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
  }
  ctx.setLineDash([2 * ratio, 3 * ratio])
  ctx.strokeStyle = color('soft')
  ctx.fillStyle = color('soft')
  for (const { x, words } of marks) {
    const at = plot.valToPos(x, 'x', true)
    if (at < bbox.left || at > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(at, bbox.top)
    ctx.lineTo(at, bbox.top + bbox.height)
    ctx.stroke()
    ctx.fillText(words, at + 4 * ratio, bbox.top + 10 * ratio)
  }
  ctx.restore()
}
