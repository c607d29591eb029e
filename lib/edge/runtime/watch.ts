import { SlipwayError } from '../../formats/errors.ts'
import type { EdgeModel, EdgeUpdate } from './slipway-edge.d.ts'

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** @throws SlipwayError USAGE */
export function millisecondsOf(every: number | string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(String(every)) ?? []
  const ms = typeof every === 'number' ? every : Number(amount) * (units[unit] ?? Number.NaN)
  if (ms >= 1_000 && ms <= 20 * 86_400_000) return ms
  throw new SlipwayError('USAGE', `every: ${every} is no time of a second to 20 days, as in 60000 or "10m"`)
}

/** Looks that come by themselves: a pause lies between the end of one and the beginning of the next. */
export function watcher(update: EdgeModel['update']): EdgeModel['watch'] {
  return ({ channel, every, onUpdate }) => {
    const ms = millisecondsOf(every)
    let timer: ReturnType<typeof setTimeout> | undefined
    let isEnded = false
    let before: EdgeUpdate | undefined
    const look = async (): Promise<void> => {
      const found = await update(channel)
      if (isEnded) return
      const isNews = found.status === 'updated' || found.status !== before?.status || found.reason !== before?.reason
      before = found
      // A tenth more or less, so that many who began together do not ask together for ever.
      timer = setTimeout(look, ms * (0.9 + Math.random() / 5))
      // In Node, whether somebody watches keeps no process alive.
      if (typeof timer === 'object') timer.unref()
      if (isNews) onUpdate?.(found)
    }
    void look()
    return () => {
      isEnded = true
      clearTimeout(timer)
    }
  }
}
