import { dialectOf } from '../lib/data/local-table.ts'
import type { LocalTable } from '../lib/data/table.ts'
import { delimiterOf, formatOf } from '../lib/formats/table-format.ts'
import { openSources } from '../lib/sources/open-sources.ts'
import { findSource } from '../lib/sources/take.ts'
import type { Store } from '../lib/store/store.ts'
import { allFiles } from './first-files.ts'

/**
 * The table that a user names by an address, on this machine: read by its name, or as JSON. Paths start where the user
 * is.
 * @throws SlipwayError SOURCE_MISSING, SOURCE_EMPTY; what the source throws
 */
export async function tableFrom(store: Store, from: string): Promise<Pick<LocalTable, 'files' | 'format' | 'dialect'>> {
  const found = await findSource(openSources(store, { root: process.cwd(), confined: false }), { from })
  return {
    files: await allFiles(store, found),
    format: formatOf(from) ?? 'json',
    dialect: dialectOf({ delimiter: delimiterOf(from) }),
  }
}
