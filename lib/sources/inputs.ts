import { schemeOf } from '../formats/address.ts'
import { type Digest, mediaTypes } from '../formats/artifact.ts'
import type { BatchFile } from '../formats/batch-records.ts'
import type { Store } from '../store/store.ts'
import { fetchBlob, fetchFile } from './fetch-file.ts'
import { knownFile } from './known.ts'
import { s3Source } from './s3.ts'
import { sideBySide } from './side-by-side.ts'
import { type FoundFile, type Sources, sourceFor } from './source.ts'
import { takeFile } from './take.ts'

/** Files that are copied to the store at once. */
const filesAtOnce = 4

/**
 * Finds the files of a batch's input. Those in S3 stay where they are and are not read: every worker reaches them. All
 * others go to the store.
 * @throws SlipwayError what the source throws
 */
export async function findInputs(store: Store, sources: Sources, from: string): Promise<BatchFile[]> {
  const source = sourceFor(sources, from)
  const found = await source.find(from, undefined)
  if (schemeOf(from) === 's3')
    return found.map(({ uri, size, version, compression, partition }) => {
      return { uri, size: size ?? 0, digest: null, etag: version, compression, partition, rows: null }
    })
  return sideBySide(found, filesAtOnce, async (file) => {
    const { digest, size } = await takeFile(store, source, file, mediaTypes.binary)
    const { name, compression, partition } = file
    return { uri: name, size, digest, etag: null, compression, partition, rows: null }
  })
}

/** A file of S3 as its source found it. */
function foundOf({ uri, size, digest, etag, compression, partition }: BatchFile): FoundFile {
  return { uri, name: uri, size, version: etag, digest, compression, partition }
}

/** The digest of a file, if it was ever read: S3 gives changed objects another ETag. */
export async function knownDigest(store: Store, file: BatchFile): Promise<Digest | undefined> {
  return (await knownFile(store, foundOf(file)))?.digest
}

/**
 * A file of an input on this machine, with its digest. One in S3 is read as it was when the batch began, or not at all.
 * @throws SlipwayError SOURCE_CHANGED
 */
export async function fetchInput(store: Store, file: BatchFile): Promise<{ path: string; digest: Digest }> {
  if (file.digest !== null) return { path: await fetchBlob(store, file.digest), digest: file.digest }
  return fetchFile(store, s3Source(store), foundOf(file))
}
