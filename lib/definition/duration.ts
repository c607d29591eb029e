import { SlipwayError } from '../formats/errors.ts'

/** A time as people write it. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `10m`, `2h`, `7d` in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  if (match === null) throw new SlipwayError('USAGE', `"${text}" is no duration`, { next: 'write 90s, 10m, 2h or 7d' })
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
