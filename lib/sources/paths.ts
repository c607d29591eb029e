import { realpath, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { SlipwayError } from '../formats/errors.ts'
import { fixedFolder, isData, isGlob, patternOf, splitPattern } from './patterns.ts'

/** Where paths lead. */
export interface Place {
  /** Folder that paths start at; undefined where none may be opened. */
  readonly root: string | undefined
  /** Whether nothing outside of it may be opened, whatever dots and links lead there. */
  readonly confined: boolean
}

/** What messages and stored lists call a path: as it is seen from the root, if it lies below. */
export function nameOfPath(root: string, path: string): string {
  const inside = relative(root, path)
  return inside.startsWith('..') ? path : inside
}

/** What went wrong with a file that was found a moment ago. */
export function pathError(name: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return changedError(name)
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return error
  return new SlipwayError('SOURCE_UNREADABLE', `${name} cannot be read: permission denied`, {
    next: 'check who may read it',
  })
}

export const changedError = (name: string): SlipwayError =>
  new SlipwayError('SOURCE_CHANGED', `${name} was changed or removed since it was found`, {
    next: 'the same again, when nobody writes to it: the file is taken as it is then',
  })

/** The folder that paths start at. @throws SlipwayError SOURCE_MISSING where no path may be opened */
export function rootOf({ root }: Place, from: string): string {
  if (root !== undefined) return root
  throw new SlipwayError('SOURCE_MISSING', `this worker may not read "${from}": it has no folder for sources`, {
    next: 'set SLIPWAY_SOURCES for the worker, or read from S3',
  })
}

/** @throws SlipwayError SOURCE_MISSING when a path leads out of a place that is confined */
export async function requireInside(place: Place, from: string, path: string): Promise<void> {
  if (!place.confined) return
  const top = await realpath(rootOf(place, from))
  const real = await realpath(path).catch(() => path)
  if (real === top || real.startsWith(top + sep)) return
  throw new SlipwayError('SOURCE_MISSING', `"${from}" is not below the folder this worker may read`, {
    next: 'use a path that starts at the folder of SLIPWAY_SOURCES',
  })
}

/**
 * The files that a path, a glob, or a folder with a slash behind it names, sorted; all of them may be opened.
 * @returns absolute paths, one at least
 * @throws SlipwayError SOURCE_MISSING
 */
export async function pathsOf(place: Place, from: string): Promise<string[]> {
  const root = rootOf(place, from)
  // Before anything is read; links among the files are looked at one by one.
  await requireInside(place, from, resolve(root, isGlob(from) ? fixedFolder(from) : from))
  const pattern = patternOf(from)
  const { folder, rest } = splitPattern(pattern)
  const base = resolve(root, folder)
  const paths = isGlob(pattern)
    ? (await glob(rest, { cwd: base, absolute: true, expandDirectories: false }))
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
  for (const path of paths) await requireInside(place, from, path)
  return paths
}
