import type { RunDocument } from '../client/run-document.ts'
import { readSourceRead, type SourceRead } from '../lib/models/source-read.ts'
import { profileHead, profileRows } from '../lib/stats/profile-summary.ts'
import type { Store } from '../lib/store/store.ts'
import { table } from './output.ts'

/** What was read, a line a column: the first so many. @param next how to see the others */
export function readTable({ profile, schema }: SourceRead, most: number, next: string): string {
  const rows = profileRows(profile, schema)
  const more = rows.length - most
  const shown = table(profileHead, rows.slice(0, most))
  return more <= 0 ? shown : `${shown}\nand ${more.toLocaleString('en-US')} more columns: ${next}`
}

/** Steps whose table has a profile: the columns that came in, and those that were made of them. */
const read: readonly string[] = ['snapshot', 'table', 'join']

/** What the snapshots and derived tables of a run hold; those that are gone from the store are left out. */
export async function sourcesOf(
  store: Store,
  { steps }: Pick<RunDocument, 'steps'>,
): Promise<{ readonly step: string; readonly snapshot: string; readonly read: SourceRead }[]> {
  const sources = steps.map(async ({ name, kind, outputs }) => {
    const snapshot = read.includes(kind) ? outputs.find((output) => output.name === 'table')?.digest : undefined
    const found = snapshot === undefined ? undefined : await readSourceRead(store, snapshot).catch(() => undefined)
    return snapshot === undefined || found === undefined ? [] : [{ step: name, snapshot, read: found }]
  })
  return (await Promise.all(sources)).flat()
}
