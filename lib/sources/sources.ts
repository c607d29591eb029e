import { realpath, stat } from 'node:fs/promises'
import { dirname, relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { z } from 'zod'
import { Digest, mediaTypes } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { Compression, compressionOf } from '../formats/table-format.ts'
import { digestOfFile, digestOfJson } from '../store/digest.ts'
import { putFile, putJson } from '../store/objects.ts'
import type { Store } from '../store/store.ts'

/** A file of a source, known by its bytes and by what its path says of them. */
const SourceFile = z.object({
  digest: Digest,
  size: z.int(),
  compression: Compression.optional(),
  /** Columns that its folders name. */
  partition: z.record(z.string(), z.string().nullable()).optional(),
  /** What messages call it: its path in the project. */
  name: z.string().optional(),
})
type SourceFile = z.infer<typeof SourceFile>
/** The list of a source's files, as it is stored. */
export const SourceContents = z.array(SourceFile).min(1)

/** Names a source's content: digests, sizes and what paths say of the bytes, in the order of the names. Where files lie does not matter. */
export const contentOf = (files: readonly SourceFile[]): Digest =>
  digestOfJson(files.map(({ name: _, ...file }) => file))

/** A source's files as they are now. */
export interface SourceFiles {
  readonly files: readonly (SourceFile & { readonly path: string })[]
  readonly content: Digest
}

/** Spark's own files and everybody's hidden ones begin with `_` or `.`: they are no data. */
export const isData = (path: string): boolean => !path.split('/').some((part) => /^[_.]/.test(part))
/** All files of a folder. */
export const anyFile = '**/*'

/** Whether a path names several files. */
export const isGlob = (path: string): boolean => /[*?{[]/.test(path)
/** What of a path comes before what may vary: `in/2024-*.csv` → `in/2024-`. */
export const fixedPart = (path: string): string => /^[^*?{[]*/.exec(path)?.[0] ?? ''
/** The folder that holds all a path or glob may find: `in`. */
export const fixedFolder = (path: string): string => dirname(`${fixedPart(path)}x`)

/**
 * Finds the files of a source, and reads none of them.
 * @param from a path, a glob, or a folder with a slash behind it, relative to `root`
 * @throws SlipwayError SOURCE_MISSING
 */
export async function findSource(root: string, from: string): Promise<Omit<SourceFiles['files'][number], 'digest'>[]> {
  const pattern = from.endsWith('/') ? `${from}${anyFile}` : from
  const base = resolve(root, fixedFolder(pattern))
  const paths = isGlob(pattern)
    ? (await glob(pattern, { cwd: root, absolute: true, expandDirectories: false }))
        .filter((path) => isData(relative(base, path)))
        .sort()
    : [resolve(root, pattern)]
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
  if (paths.length === 0 || found.some((info) => info?.isFile() !== true)) {
    const isFolder = found.some((info) => info?.isDirectory())
    throw new SlipwayError(
      'SOURCE_MISSING',
      `source "${from}" ${isGlob(pattern) ? 'matches no file' : isFolder ? 'is a folder' : 'does not exist'} in ${root}`,
      {
        next: isFolder
          ? `for all its files write "${from}/"`
          : 'correct `from`, or fetch the data; paths start at the project folder',
      },
    )
  }
  return paths.map((path, i) => {
    const [compression, partition] = [compressionOf(path), partitionOf(relative(root, path))]
    return {
      path,
      size: found[i]?.size ?? 0,
      ...(compression === 'none' ? {} : { compression }),
      ...(Object.keys(partition).length === 0 ? {} : { partition }),
      name: relative(root, path),
    }
  })
}

/**
 * Finds and hashes the files of a source.
 * @throws SlipwayError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_EMPTY
 */
export async function readSource(root: string, from: string): Promise<SourceFiles> {
  const found = await findSource(root, from)
  const files = await Promise.all(
    found.map(async (file) => ({ ...file, ...(await digestOfFile(file.path).catch(unreadable(file.path))) })),
  )
  if (files.every(({ size }) => size === 0))
    throw new SlipwayError('SOURCE_EMPTY', `source "${from}" is empty (0 bytes)`, { next: 'check where it comes from' })
  return { files, content: contentOf(files.map(({ path: _, ...file }) => file)) }
}

const unreadable = (path: string) => (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error
  throw new SlipwayError('SOURCE_UNREADABLE', `${path} cannot be read: permission denied`, {
    next: 'check who may read it',
  })
}

/**
 * The same for workers, which open nothing outside the folder they were given, whatever dots and links lead there.
 * @throws SlipwayError SOURCE_MISSING, SOURCE_EMPTY
 */
export async function readSourceBelow(root: string, from: string): Promise<SourceFiles> {
  const top = await realpath(root)
  const requireBelow = async (path: string): Promise<void> => {
    const real = await realpath(path).catch(() => path)
    if (real === top || real.startsWith(top + sep)) return
    throw new SlipwayError('SOURCE_MISSING', `"${from}" is not below the folder this worker may read`, {
      next: 'use a path that starts at the folder of SLIPWAY_SOURCES',
    })
  }
  // Before anything is read; links among the files are looked at one by one.
  await requireBelow(resolve(root, isGlob(from) ? fixedFolder(from) : from))
  const source = await readSource(root, from)
  for (const { path } of source.files) await requireBelow(path)
  return source
}

export const mediaTypeOf = { parquet: mediaTypes.parquet, csv: mediaTypes.csv, json: mediaTypes.json } as const

/**
 * Stores a source's files and their list, so that any worker can read them, wherever it runs: workers open no paths that
 * somebody names. What is stored already is not sent again.
 * @returns the digest of the list
 */
export async function uploadSource(
  store: Store,
  { files }: SourceFiles,
  format: keyof typeof mediaTypeOf,
): Promise<string> {
  for (const { path } of files) await putFile(store, path, mediaTypeOf[format])
  return (
    await putJson(
      store,
      files.map(({ path: _, ...file }) => file),
    )
  ).digest
}
