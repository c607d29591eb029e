import { SlipwayError } from '../pipelines/errors.ts'

export interface JsonOption {
  readonly json?: boolean
}

/** `name=value` options as a record; a bare value belongs to `only`, where there is just one name it can mean. */
export function pairs(option: string, values: readonly string[] = [], only?: string): Record<string, string> {
  return Object.fromEntries(
    values.map((text) => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      if (only !== undefined) return [only, text]
      throw new SlipwayError('USAGE', `${option} ${text}: expected name=value`, {
        next: `for example ${option} trees=50`,
      })
    }),
  )
}

/** `90s`, `10m`, `2h` in milliseconds. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text)
  if (match === null)
    throw new SlipwayError('USAGE', `--timeout ${text}: expected a duration`, { next: 'for example --timeout 10m' })
  return Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h']
}
