import type { SourceRead } from '../lib/models/source-read.ts'
import { profileHead, profileRows } from '../lib/stats/profile-summary.ts'
import { table } from './output.ts'

/** What was read, a line a column: the first so many. @param next how to see the others */
export function readTable({ profile, schema }: SourceRead, most: number, next: string): string {
  const rows = profileRows(profile, schema)
  const more = rows.length - most
  const shown = table(profileHead, rows.slice(0, most))
  return more <= 0 ? shown : `${shown}\nand ${more.toLocaleString('en-US')} more columns: ${next}`
}
