import { createReadStream } from 'node:fs'
import { type Digest, mediaTypes } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { StepOf } from '../formats/plan.ts'
import type { SourceFile } from '../formats/source-contents.ts'
import type { TableFormat } from '../formats/table-format.ts'
import { digestOfJson } from '../store/digest.ts'
import { hasBlob, putJson, putKnown } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import { windowOf } from './by-day.ts'
import { fetchFile } from './fetch-file.ts'
import { knownFile } from './known.ts'
import { sideBySide } from './side-by-side.ts'
import { type FoundFile, type Source, type Sources, sourceFor } from './source.ts'

/** Files that are read and stored at once. */
const filesAtOnce = 4
/** Files that are looked up at once. */
const lookupsAtOnce = 16

/** The files that an address names now, and what reads them. */
export interface FoundSource {
  readonly from: string
  readonly source: Source
  readonly files: readonly FoundFile[]
}

/**
 * Finds the files of a snapshot, and reads none of them.
 * @param from an address to read instead of the definition's
 * @throws SlipwayError SOURCE_EMPTY when they hold nothing; what the source throws
 */
export async function findSource(
  sources: Sources,
  step: Pick<StepOf<'snapshot'>, 'from' | 'last'>,
  from = step.from,
): Promise<FoundSource> {
  const source = sourceFor(sources, from)
  const files = await source.find(from, from.includes('{date}') ? windowOf(step, Date.now()) : undefined)
  if (files.every(({ size }) => size === 0)) throw isEmpty(from)
  return { from, source, files }
}

/** What is kept of a file, without what its path leaves out. */
function sourceFileOf({ compression, partition, name }: FoundFile, { digest, size }: SourceFile): SourceFile {
  return {
    digest,
    size,
    ...(compression === 'none' ? {} : { compression }),
    ...(Object.keys(partition).length === 0 ? {} : { partition }),
    name,
  }
}

/**
 * Names a source's content: digests, sizes and what paths say of the bytes, in the order of the names. Where files lie
 * does not matter.
 */
export const contentOf = (files: readonly SourceFile[]): Digest =>
  digestOfJson(files.map(({ name: _, ...file }) => file))

/**
 * Reads a file and stores it, so that any worker can read it, wherever it runs. One that is known and stored is neither
 * read nor sent again.
 * @throws SlipwayError what the source throws; SOURCE_CHANGED
 */
export async function takeFile(store: Store, source: Source, file: FoundFile, mediaType: string): Promise<SourceFile> {
  const known = await knownFile(store, file)
  if (known !== undefined && (await hasBlob(store, known))) return sourceFileOf(file, known)
  const copy = await fetchFile(store, source, file)
  const isHere = source.localPath?.(file) !== undefined
  await putKnown(store, copy, mediaType, async () => (isHere ? source.open(file) : createReadStream(copy.path)))
  return sourceFileOf(file, copy)
}

/**
 * Reads and stores a source's files and their list: workers open no paths that somebody names.
 * @returns the digest of the list
 * @throws SlipwayError SOURCE_EMPTY; what the source throws
 */
export async function takeSource(
  store: Store,
  { from, source, files }: FoundSource,
  format: TableFormat,
): Promise<Digest> {
  const taken = await sideBySide(files, filesAtOnce, (file) => takeFile(store, source, file, mediaTypeOf[format]))
  if (taken.every(({ size }) => size === 0)) throw isEmpty(from)
  return (await putJson(store, taken)).digest
}

/**
 * What a source's content would be called, for those who look only: files of this machine are read for it, others not.
 * @returns undefined where a file of another machine was never read
 */
export async function contentIfKnown(store: Store, { source, files }: FoundSource): Promise<Digest | undefined> {
  const known = await sideBySide(files, lookupsAtOnce, async (file) => {
    const found = await knownFile(store, file)
    if (found !== undefined) return sourceFileOf(file, found)
    return source.localPath?.(file) === undefined ? undefined : sourceFileOf(file, await fetchFile(store, source, file))
  })
  return known.some((file) => file === undefined) ? undefined : contentOf(known as SourceFile[])
}

export const mediaTypeOf = { parquet: mediaTypes.parquet, csv: mediaTypes.csv, json: mediaTypes.json } as const

const isEmpty = (from: string): SlipwayError =>
  new SlipwayError('SOURCE_EMPTY', `source "${from}" is empty (0 bytes)`, { next: 'check where it comes from' })
