import { readFileSync, writeFileSync } from 'node:fs'
import { SlipwayError } from '../lib/formats/errors.ts'

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

/** A day or a time as ISO time, UTC. @throws SlipwayError USAGE */
export function isoTime(option: string, text: string): string {
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (Number.isFinite(ms)) return new Date(ms).toISOString()
  throw new SlipwayError('USAGE', `${option} ${text}: expected a day or an ISO time`, {
    next: `for example ${option} 2001-04-01`,
  })
}

/** Writes a file that a user names. @throws SlipwayError USAGE when it cannot be written */
export function writeTo(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new SlipwayError('USAGE', `${option} ${file} cannot be written: ${(error as Error).message}`, {
      next: 'give a file in a folder that exists',
    })
  }
}

/** Rows in a JSON file that an option names. @throws SlipwayError USAGE */
export function rowsIn(option: string, file: string): readonly Readonly<Record<string, unknown>>[] {
  const rows: unknown = parsedOr(readFileSync(file, 'utf8'))
  if (Array.isArray(rows) && rows.length > 0) return rows
  throw new SlipwayError('USAGE', `${option} ${file}: expected a JSON array of rows`)
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
