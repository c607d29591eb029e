import { mediaTypes } from '../../lib/formats/artifact.ts'
import { partitionOf } from '../../lib/formats/shards.ts'
import { compressionOf, formatOf } from '../../lib/formats/table-format.ts'
import { putBundle, putBytes } from '../../lib/store/objects.ts'
import type { Store } from '../../lib/store/store.ts'

/** Stores files of one column `n` as a snapshot that a run took of them. @returns its digest */
export async function storeSnapshot(store: Store, files: Readonly<Record<string, Buffer>>): Promise<string> {
  const names = Object.keys(files).sort()
  const refs = await Promise.all(names.map((name) => putBytes(store, files[name] as Buffer, mediaTypes.binary)))
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'snapshot',
    files: Object.fromEntries(refs.map((ref, i) => [`data/${String(i).padStart(5, '0')}`, ref])),
    facts: {
      format: formatOf(names[0] as string) as string,
      rows: 1,
      schema: [{ name: 'n', type: 'integer', nullable: false, rule: {} }] as never,
      files: names.map((name) => ({
        name,
        ...(compressionOf(name) !== 'none' && { compression: compressionOf(name) }),
        ...(Object.keys(partitionOf(name)).length > 0 && { partition: partitionOf(name) }),
      })) as never,
    },
  })
  return bundle.digest
}
