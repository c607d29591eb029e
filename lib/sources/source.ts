import type { Readable } from 'node:stream'
import { requireNoSecret, schemeOf } from '../formats/address.ts'
import type { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { Compression } from '../formats/table-format.ts'

/** A file as a source finds it: what is known of it before it is read. */
export interface FoundFile {
  /**
   * Names the file among all files of all sources, and no secret: what `open` is given, and what known digests go by.
   */
  readonly uri: string
  /** What messages and stored lists call it: the same on every machine. */
  readonly name: string
  /** Bytes; null where only reading tells. */
  readonly size: number | null
  /**
   * What changes whenever the bytes do: an ETag, a generation, a time of change with an inode. Null where nothing
   * tells: such a file is read each time.
   */
  readonly version: string | null
  /** Changed so lately that the next change may leave the version as it is: nothing is remembered by it. */
  readonly isFresh?: true
  /** The sha256 of its bytes, where the source knows it already. */
  readonly digest: Digest | null
  readonly compression: Compression
  /** Columns that its folders name, as Hive writes them; null where they say that the value is missing. */
  readonly partition: Readonly<Record<string, string | null>>
}

/** The days a source is read for, ISO dates (UTC), both included. */
export interface Window {
  readonly first: string
  readonly last: string
}

/**
 * A place where bytes come from. An adapter is one file and passes `test/contracts/source.ts`. What it needs (a client,
 * a folder for scratch files) is given to the function that makes it.
 */
export interface Source {
  /** What messages call it: `Amazon S3`. */
  readonly name: string
  /** The schemes of its addresses, without a colon: `s3`. One source a scheme. */
  readonly schemes: readonly string[]
  /**
   * Finds the files that an address names now, sorted by name, without reading more than it must. Hidden files
   * (`_SUCCESS`, `.crc`) are none.
   * @param window the days to take, where the address names a `{date}`; undefined takes what the address says
   * @throws SlipwayError SOURCE_MISSING when there is none, SOURCE_UNREADABLE, STORE_DENIED, STORE_UNREACHABLE
   */
  find(uri: string, window: Window | undefined): Promise<FoundFile[]>
  /**
   * The bytes of a file that `find` gave, whole and as they were then. The stream fails, and so does whoever reads it,
   * when they are not.
   * @throws SlipwayError SOURCE_CHANGED, SOURCE_MISSING, SOURCE_UNREADABLE, STORE_DENIED, STORE_UNREACHABLE
   */
  open(file: FoundFile): Promise<Readable>
  /**
   * Where a file lies on this machine, for those that do: it is read there as often as needed, and no copy is kept.
   * Sources elsewhere leave it out.
   */
  localPath?(file: FoundFile): string | undefined
}

/** The sources that addresses are looked up in, by scheme. */
export type Sources = ReadonlyMap<string, Source>

/**
 * Puts sources together.
 * @throws SlipwayError DEFINITION_INVALID when two of them read one scheme
 */
export function sourcesOf(sources: readonly Source[]): Sources {
  const found = new Map<string, Source>()
  for (const source of sources)
    for (const scheme of source.schemes) {
      const other = found.get(scheme)
      if (other !== undefined)
        throw new SlipwayError(
          'DEFINITION_INVALID',
          `two sources read "${scheme}:" addresses: ${other.name} and ${source.name}`,
          { next: 'take one of them out of `extend`, or give it a scheme of its own' },
        )
      found.set(scheme, source)
    }
  return found
}

/**
 * The source that reads an address.
 * @throws SlipwayError DEFINITION_INVALID when none does, or when the address holds a secret
 */
export function sourceFor(sources: Sources, uri: string): Source {
  requireNoSecret(uri)
  const source = sources.get(schemeOf(uri))
  if (source !== undefined) return source
  const known = [...sources.keys()].filter((scheme) => scheme !== 'file' && scheme !== 'dvc')
  throw new SlipwayError('DEFINITION_INVALID', `no source reads "${schemeOf(uri)}://" addresses`, {
    next: `those that can be read are paths, .dvc files, and ${known.map((scheme) => `${scheme}://`).join(', ')}`,
  })
}
