import { z } from 'zod'
import { hasMaskedColumn, RowSchema } from '../formats/row-schema.ts'
import { maskedProfile } from '../stats/masked-profile.ts'
import { ColumnProfile, type Profile } from '../stats/profile.ts'
import { readMask } from '../store/mask.ts'
import { getBundle, getJson } from '../store/objects.ts'
import type { Store } from '../store/store.ts'

/** What was read of a source, or made of some: every column of a snapshot or of a derived table. */
export interface SourceRead {
  readonly rows: number
  readonly profile: Profile
  readonly schema: RowSchema
}

/** What was read, masked columns without their values. @param snapshot digest of its bundle */
export async function readSourceRead(store: Store, snapshot: string): Promise<SourceRead> {
  const { files, facts } = await getBundle(store, snapshot, 'snapshot', 'table')
  const schema = RowSchema.parse(facts.schema)
  const profile = await getJson(store, files['profile.json']?.digest as string, z.record(z.string(), ColumnProfile))
  return {
    rows: facts.rows as number,
    profile: hasMaskedColumn(schema) ? maskedProfile(profile, schema, await readMask(store)) : profile,
    schema,
  }
}
