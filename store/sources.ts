import { realpath, stat } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { z } from 'zod'
import { Digest, mediaTypes } from '../pipelines/artifact.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import { digestOfFile, digestOfJson } from './digest.ts'
import { putFile, putJson } from './objects.ts'
import type { Store } from './store.ts'

/** A source's files as they are now. */
export interface SourceFiles {
  readonly files: readonly { readonly path: string; readonly digest: Digest; readonly size: number }[]
  /** Names the content: the digests and sizes of all files, in the order of their names. Where they lie does not matter. */
  readonly content: Digest
}

/** Whether a path names several files. */
export const isGlob = (path: string): boolean => /[*?{[]/.test(path)
/** What of a path comes before what may vary: `in/2024-*.csv` → `in/2024-`. */
export const fixedPart = (path: string): string => /^[^*?{[]*/.exec(path)?.[0] ?? ''
/** The folder that holds all a path or glob may find: `in`. */
export const fixedFolder = (path: string): string => dirname(`${fixedPart(path)}x`)

/**
 * Finds and hashes the files of a source.
 * @param from a path or a glob, relative to `root`
 * @throws SlipwayError SOURCE_MISSING, SOURCE_EMPTY
 */
export async function readSource(root: string, from: string): Promise<SourceFiles> {
  const paths = isGlob(from)
    ? (await glob(from, { cwd: root, absolute: true, expandDirectories: false })).sort()
    : [resolve(root, from)]
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (info) => info.isFile(),
        () => false,
      ),
    ),
  )
  if (paths.length === 0 || found.includes(false)) {
    throw new SlipwayError(
      'SOURCE_MISSING',
      `source "${from}" ${isGlob(from) ? 'matches no file' : 'does not exist'} in ${root}`,
      { next: 'correct `from`, or fetch the data; paths start at the project folder' },
    )
  }
  const files = await Promise.all(paths.map(async (path) => ({ path, ...(await digestOfFile(path)) })))
  if (files.every(({ size }) => size === 0))
    throw new SlipwayError('SOURCE_EMPTY', `source "${from}" is empty (0 bytes)`, { next: 'check where it comes from' })
  return { files, content: digestOfJson(files.map(({ digest, size }) => ({ digest, size }))) }
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

/** What names a source's content: the digests and sizes of its files. The list's own digest is `SourceFiles.content`. */
export const SourceContents = z.array(z.object({ digest: Digest, size: z.int() })).min(1)

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
      files.map(({ digest, size }) => ({ digest, size })),
    )
  ).digest
}
