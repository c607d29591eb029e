import { createReadStream } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, relative, resolve } from 'node:path'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { slug } from '../../lib/proposal/words.ts'

/** The largest file that is copied into a project, bytes. */
const mostCopied = 1 << 30

/** A file of the user's: where it lies, and what the project is to call it. */
export interface TakenFile {
  readonly path: string
  /** From the project's folder. */
  readonly from: string
  /** Whether it has to be copied there. */
  readonly isCopied: boolean
}

/**
 * Finds a file that an option names. One that lies outside the project, or whose name would be a pattern, is to be
 * copied into a folder of the project.
 * @param folder of the project: `data`, `models`
 * @throws SlipwayError USAGE, SOURCE_MISSING, SOURCE_UNREADABLE
 */
export async function takeFile(root: string, option: string, given: string, folder: string): Promise<TakenFile> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given))
    throw new SlipwayError('USAGE', `${option} ${given}: a file of this machine is looked at, and no address`, {
      next: `fetch it, make the project from it, and write the address into pipeline.ts`,
    })
  const path = resolve(given)
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') throw unreadable(option, given)
    return undefined
  })
  if (info?.isFile() !== true)
    throw new SlipwayError(
      'SOURCE_MISSING',
      `${option} ${given}: ${info === undefined ? 'there is no such file' : 'it is no file'}`,
      {
        next:
          info?.isDirectory() === true ? 'name one of its files' : 'check the path; it starts at the folder you are in',
      },
    )
  await readable(path).catch(() => {
    throw unreadable(option, given)
  })
  const inside = relative(await realpath(root), await realpath(path))
  const isInside = !inside.startsWith('..') && !isAbsolute(inside)
  if (isInside && !/[*?{}[\]]/.test(inside)) return { path, from: inside.split('\\').join('/'), isCopied: false }
  if (info.size > mostCopied)
    throw new SlipwayError(
      'USAGE',
      `${option} ${given} lies outside the project and has ${Math.round(info.size / 2 ** 20)} MB`,
      {
        next: `move it into ${join(root, folder)}, and name it there`,
      },
    )
  const name = basename(path)
  const [, stem = name, end = ''] = /^(.*?)((?:\.[A-Za-z]+)*)$/.exec(name) ?? []
  return { path, from: `${folder}/${slug(stem) ?? 'rows'}${end}`, isCopied: true }
}

const unreadable = (option: string, given: string): SlipwayError =>
  new SlipwayError('SOURCE_UNREADABLE', `${option} ${given} cannot be read: permission denied`, {
    next: 'check who may read it',
  })

/** Reads a byte: of files that may be named but not read. */
async function readable(path: string): Promise<void> {
  for await (const _ of createReadStream(path, { end: 0 })) return
}

/**
 * The bytes of a file that is copied; undefined where the project has them there already.
 * @throws SlipwayError USAGE where it has another file there
 */
export async function bytesToCopy(root: string, { path, from }: TakenFile): Promise<Uint8Array | undefined> {
  const bytes = await readFile(path)
  const there = await readFile(join(root, from)).catch(() => undefined)
  if (there === undefined) return bytes
  if (there.equals(bytes)) return undefined
  throw new SlipwayError('USAGE', `the project has another file ${from} already`, {
    next: `remove it, or put yours into the project under another name and name it there`,
  })
}
