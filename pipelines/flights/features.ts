import type { ColumnsOf } from 'slipway'
import type { z } from 'zod'
import type { Flight } from './schema.ts'

type Row = ColumnsOf<z.infer<typeof Flight>>

const minute = 60_000
const day = 86_400_000

/** What is known about a flight before it leaves. */
export function features({ date, distance, origin, destination }: Omit<Row, 'delay'>) {
  const n = date.length
  const hour = new Float32Array(n)
  const weekday = new Float32Array(n)
  for (let i = 0; i < n; i++) {
    const ms = date[i] as number
    const days = Math.floor(ms / day)
    hour[i] = Math.floor((ms - days * day) / minute) / 60
    weekday[i] = (days + 4) % 7
  }
  return { hour, weekday, distance, origin, destination }
}

/** A flight is late when it arrives more than a quarter of an hour after schedule. */
export function late(delay: Float64Array): Uint8Array {
  return Uint8Array.from(delay, (minutes) => (minutes > 15 ? 1 : 0))
}
