import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SlipwayError } from '../formats/errors.ts'
import { digestOfFile } from '../store/digest.ts'
import type { FileEntry, TarEntry } from '../store/tar.ts'
import { type Part, programs } from './parts.ts'

const run = promisify(execFile)

export interface PartPlaces {
  /** Where parts are kept for all projects. */
  readonly cache: string
  /** A folder that has them, for machines whose clients cannot get them. */
  readonly given?: string | undefined
}

/**
 * The file of a part: given, kept from before, or got by the machine's own client. @throws SlipwayError
 * ENVIRONMENT_FAILED
 */
export async function getPart(part: Part, { cache, given }: PartPlaces): Promise<string> {
  if (given !== undefined) {
    const file = join(given, part.file)
    await requireSame(part, file)
    return file
  }
  const kept = join(cache, part.file)
  if (await isSame(part, kept)) return kept
  const folder = await mkdtemp(join(tmpdir(), 'slipway-part-'))
  try {
    await download(part, folder)
    await requireSame(part, join(folder, part.file))
    await mkdir(cache, { recursive: true })
    const partial = `${kept}.${process.pid}`
    await copyFile(join(folder, part.file), partial)
    await rename(partial, kept)
    return kept
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function download(part: Part, folder: string): Promise<void> {
  const { from, name, version } = part
  const [command, ...args] =
    from === 'npm'
      ? ['npm', 'pack', '--silent', '--ignore-scripts', `${name}@${version}`]
      : ['apt-get', 'download', '-qq', `${name}=${version}`]
  await run(command as string, args, { cwd: folder }).catch((error: Error) => {
    const said = error.message.split('\n').filter((line) => line.trim() !== '')
    throw missing(part, `${command} does not get it: ${said.at(-1)?.slice(0, 200)}`)
  })
}

const isSame = async ({ sha256 }: Part, file: string): Promise<boolean> =>
  (await stat(file).catch(() => undefined)) !== undefined && (await digestOfFile(file)).digest === `sha256:${sha256}`

async function requireSame(part: Part, file: string): Promise<void> {
  if (await isSame(part, file)) return
  throw missing(part, `${file} is not there, or holds other bytes than sha256:${part.sha256}`)
}

const missing = ({ from, name, version, file }: Part, why: string): SlipwayError =>
  new SlipwayError('ENVIRONMENT_FAILED', `an image needs ${name} ${version} of ${from}: ${why}`, {
    next: `give a folder that has ${file} with --parts; apt has old versions no longer on every mirror`,
  })

/** What an image takes of a part. @param folder where it may be unpacked, for as long as the entries are used */
export async function entriesOfPart(part: Part, places: PartPlaces, folder: string): Promise<readonly TarEntry[]> {
  const file = await getPart(part, places)
  const unpacked = join(folder, part.name)
  await mkdir(unpacked)
  await (part.from === 'npm'
    ? run('tar', ['-xzf', file, '-C', unpacked])
    : run('dpkg-deb', ['-x', file, unpacked])
  ).catch((error: Error) => {
    throw missing(part, `${file} cannot be unpacked: ${error.message.split('\n')[0]}`)
  })
  return Promise.all(
    Object.entries(part.takes).map(([path, inside]) => fileEntry(path, join(unpacked, inside), programs.has(path))),
  )
}

/** A file of this machine as an entry of an image. */
export async function fileEntry(
  path: string,
  file: string,
  isExecutable = false,
): Promise<FileEntry & { readonly path: string }> {
  return { kind: 'file', path, isExecutable, from: { file, size: (await stat(file)).size } }
}
