import { brokenError } from './broken.ts'
import { digestOfJson } from './digest.ts'
import { listKeys, readDocument } from './documents.ts'
import { Ref, refKey } from './refs.ts'
import type { Store } from './store.ts'

/** Entries of a log that are read at once. */
const atOnce = 16

/**
 * Makes sure that nothing of a ref's history was taken away or put in: every generation names the digest of the one
 * before, down to the first, and the ref follows from the last one. (Its own may not be in the log yet.)
 * @throws SlipwayError DOCUMENT_BROKEN with the first entry that does not follow from the one before
 */
export async function requireChain(store: Store, name: string): Promise<void> {
  // First: the log may grow meanwhile.
  const now = (await readDocument(store, refKey(name), Ref))?.value
  const keys = (await listKeys(store, `log/${name}/`, Number.POSITIVE_INFINITY)).sort()
  let before: Ref | undefined
  const follow = (key: string, ref: Ref): void => {
    if (ref.previous !== (before === undefined ? null : digestOfJson(before)))
      throw brokenError(
        store,
        key,
        before === undefined
          ? 'its log lacks what was before it'
          : `it does not follow from generation ${before.generation}, which its log has before it`,
      )
    before = ref
  }
  for (let from = 0; from < keys.length; from += atOnce) {
    const some = keys.slice(from, from + atOnce)
    const read = await Promise.all(some.map((key) => readDocument(store, key, Ref)))
    for (const [i, document] of read.entries()) if (document !== undefined) follow(some[i] as string, document.value)
  }
  const last = before as Ref | undefined
  if (now !== undefined && now.generation > (last?.generation ?? 0)) follow(refKey(name), now)
}
