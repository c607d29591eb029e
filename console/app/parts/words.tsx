import { useEffect, useState } from 'preact/hooks'

const clock = new EventTarget()
setInterval(() => clock.dispatchEvent(new Event('tick')), 5_000)

/** A moment as people say it, the exact one in its title. */
export function When({ at }: { readonly at: string | number | null | undefined }) {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const look = (): void => setNow(Date.now())
    clock.addEventListener('tick', look)
    return () => clock.removeEventListener('tick', look)
  }, [])
  if (at === null || at === undefined) return <span class="soft">never</span>
  const time = new Date(at)
  return (
    <time dateTime={time.toISOString()} title={time.toISOString()}>
      {relative(time.getTime() - now)}
    </time>
  )
}

const units = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Number.POSITIVE_INFINITY],
] as const
const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

function relative(ms: number): string {
  let value = ms / 1000
  if (Math.abs(value) < 10) return value <= 0 ? 'just now' : 'in a moment'
  for (const [unit, most] of units) {
    if (Math.abs(value) < most) return words.format(Math.round(value), unit)
    value /= most
  }
  return ''
}

/** A stretch of time for people. */
export function seconds(value: number): string {
  if (value < 60) return `${value.toFixed(1)} s`
  const [whole, unit, part] = value < 3600 ? ([60, 'min', 's'] as const) : ([3600, 'h', 'min'] as const)
  // Of both units the smaller one is rounded: 60 of it are one of the larger.
  const parts = Math.round(value / (whole / 60))
  return `${Math.floor(parts / 60)} ${unit}${parts % 60 === 0 ? '' : ` ${parts % 60} ${part}`}`
}

/** A number with four significant decimals, as commands print it. */
export function number(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(4)))
}

export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
export const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12)
