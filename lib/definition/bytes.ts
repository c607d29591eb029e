import { SlipwayError } from '../formats/errors.ts'

/** An amount of memory or of disk as people write it, in powers of ten. */
export type Size = `${number}${'kB' | 'MB' | 'GB' | 'TB'}`
const unitBytes = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** `500MB`, `4GB` in bytes. @throws SlipwayError USAGE */
export function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(kB|MB|GB|TB)$/.exec(text)
  if (match === null) throw new SlipwayError('USAGE', `"${text}" is no size`, { next: 'write 500MB or 4GB' })
  return Math.round(Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes])
}
