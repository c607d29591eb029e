import { SlipwayError } from '../formats/errors.ts'
import { KnownFile } from '../formats/source-contents.ts'
import { passOver } from '../store/broken.ts'
import { digestOfJson, hexOf } from '../store/digest.ts'
import { publishOnce, readDocument } from '../store/documents.ts'
import type { Store } from '../store/store.ts'
import type { FoundFile } from './source.ts'

type Identity = Pick<FoundFile, 'uri' | 'version' | 'size' | 'digest' | 'isFresh'>

/** Versions were called ETags when only files in S3 had any: what is known by that name stays known. */
const keyOf = ({ uri, version, size }: Identity): string =>
  `inputs/${hexOf(digestOfJson({ uri, etag: version, size }))}.json`

/** The digest and size (bytes) of a file, if its source knows them or it was read before with this version. */
export async function knownFile(store: Store, file: Identity): Promise<KnownFile | undefined> {
  if (file.digest !== null && file.size !== null) return { digest: file.digest, size: file.size }
  if (file.version === null || file.isFresh === true) return undefined
  // What cannot be read of a cache is read anew.
  return (await passOver(readDocument(store, keyOf(file), KnownFile)))?.value
}

/** Keeps what a file was found to hold, so that nobody reads it again while it has this version. */
export async function remember(store: Store, file: Identity, known: KnownFile): Promise<void> {
  if (file.digest !== null || file.version === null || file.isFresh === true) return
  await publishOnce(store, keyOf(file), KnownFile, known).catch((error) => {
    // Who may only read remembers nothing.
    if (!(error instanceof SlipwayError && error.code === 'STORE_DENIED')) throw error
  })
}
